"""The guide's strategy is one that works."""

import re
from pathlib import Path
from types import ModuleType

from tests.strategies.simulate import Account, daily, events
from tradingd.core.events import Action
from tradingd.core.signals.strategy import load


def test_the_guides_example_runs() -> None:
    """W1: what an operator copies from the guide loads, speaks once a day, and keeps its state."""
    text = (Path(__file__).parents[2] / "docs" / "guide" / "strategies.md").read_text()
    (code,) = re.findall(r"## The smallest one\n\n```python\n(.*?)```", text, re.DOTALL)
    module = ModuleType("guide")
    exec(code, module.__dict__)
    guide = load("guide", module, {"rise": 0.005})
    account = Account([guide])
    account.run(events([daily(symbol, "2008-10-06", 100.0, 112.0, 100.0, 111.0) for symbol in ("IBM", "GOOG")]))
    assert [(s.symbol, s.action) for _, _, s in account.said] == [("IBM", Action.BUY)]
    assert guide.restore(guide.dump(account.states["guide"])) == account.states["guide"]
