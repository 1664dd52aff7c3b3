"""The page of keys is what the configuration takes today. H1."""

from __future__ import annotations

import re

from tests.house.keys_guide import PAGE, page
from tradingd.config import load_text
from tradingd.config.show import flatten

ROOT = PAGE.parents[2]


def test_the_page_is_what_the_settings_say() -> None:
    """H1: a new key or another default is seen in the guide. Write it anew with `python -m tests.house.keys_guide`."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_what_the_page_shows_loads_as_the_defaults() -> None:
    """H1: all the sections with a fixed name, in one file, are the configuration without them."""
    plain = 'mode = "paper"\n[accounts.a]\n'
    blocks = re.findall(r"^```toml\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    fixed = [block for block in blocks[1:] if "<name>" not in block]
    assert len(fixed) > 20
    assert flatten(load_text(plain + "\n".join(fixed)).config) == flatten(load_text(plain).config)


def test_the_guide_names_every_section() -> None:
    """H1: configuration.md says of each section what it is for."""
    told = (ROOT / "docs" / "guide" / "configuration.md").read_text(encoding="utf-8")
    names = set(re.findall(r"^## `\[(\w+)", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert {name for name in names if not re.search(rf"`\[{name}[\].]", told)} == set()
