"""The page of refusals is what the core says today. E11."""

from tests.house.why_guide import PAGE, page
from tradingd.core.views.reasons import WORDS


def test_the_page_is_what_the_core_says() -> None:
    """E11: a changed word or check is seen in the guide. Write it anew with `python -m tests.house.why_guide`."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_reason_is_on_the_page() -> None:
    """E11: one heading each, in order of precedence."""
    told = [
        line.removeprefix("## ") for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("## ")
    ]
    assert sorted(told) == sorted(reason.value for reason in WORDS)
