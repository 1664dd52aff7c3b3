"""`tier`: the risk tier of each account, its numbers, what it would be judged by now, and how it came to be. Source: E2."""

from __future__ import annotations

from tradingd.cli.client import Client
from tradingd.cli.exits import CliError, Exit
from tradingd.cli.observe import accounts_of, page_of
from tradingd.cli.options import Account, Dir, Json
from tradingd.cli.show import say, say_json, share, table, when
from tradingd.cli.where import state_dir
from tradingd.core.views.page import AccountView, TierView
from tradingd.core.views.reasons import clean


def tier(directory: Dir = None, account: Account = None, as_json: Json = False) -> None:
    """The risk tier, its numbers, and its history with why it changed."""
    views = accounts_of(page_of(Client(state_dir(directory))), account)
    found = {view.account: _tier_of(view) for view in views}
    if as_json:
        say_json(found)
    else:
        say("\n\n".join(tier_text(name, of) for name, of in found.items()) or "no accounts")


def _tier_of(view: AccountView) -> TierView:
    if view.risk_tier is None:
        raise CliError(
            f"the daemon says nothing of the tier of {view.account}: it is of an older version", Exit.NOT_FOUND
        )
    return view.risk_tier


def tier_text(account: str, of: TierView) -> str:
    """One account's tier as lines."""
    n, rate = of.numbers, "no trades yet" if of.win_rate is None else share(of.win_rate)
    judged = f"30-day win rate {rate}, drawdown {share(of.drawdown)}, reserve {share(of.reserve_share)} of equity"
    numbers = (
        ("least confidence", f"{n.min_confidence:.2f}"),
        ("base allocation", share(n.base_allocation)),
        ("largest position", share(n.max_position_pct)),
        ("largest sector", share(n.max_sector_pct)),
        ("most heat", share(n.max_portfolio_heat)),
        ("stop, in ATRs", f"{n.stop_loss_atr_multiplier:g}"),
        ("target, in stops", f"{n.reward_risk_ratio:g}"),
    )
    rows = [
        (when(h.ts), f"{h.previous} -> {h.tier}", "" if h.win_rate is None else share(h.win_rate), share(h.drawdown),
         share(h.reserve_share), h.why)
        for h in of.history
    ]  # fmt: skip
    head = ("time", "change", "win rate", "drawdown", "reserve", "why")
    history = table(head, rows, right="  rrr") if rows else "never changed"
    return "\n".join(
        [
            f"{clean(account)}  tier {clean(of.name)}" + (f" since {when(of.since)}" if of.since else ""),
            *(f"  {name:<18}{value:>10}" for name, value in numbers),
            f"  judged at each close; now: {judged}",
            *("  " + line for line in history.split("\n")),
        ]
    )
