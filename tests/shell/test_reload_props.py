"""A configuration that changes under a running house: all of it or nothing, and the journal says who, what, from what to what."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.shell.stage import ONE, TWO, stage
from tradingd.config import Config, config_hash, load_text
from tradingd.core.facts import ConfigChanged
from tradingd.shell.reload import Reload

ACCOUNTS = '[accounts.one]\nbroker = "sim"\n[accounts.two]\nbroker = "sim"\n'
LIVE = {
    "risk.max_open_positions": st.integers(1, 50),
    "risk.orders_per_minute": st.integers(1, 600),
    "intake.max_age_h": st.integers(1, 36),
    "entry.limit_slip": st.sampled_from([0.001, 0.002, 0.005]),
    "sizer.few_sectors": st.integers(1, 9),
}
FIXED = {"house.timer_s": st.sampled_from([1.0, 5.0, 9.0]), "drop.dir": st.sampled_from(["", "in"])}
settings_of = st.fixed_dictionaries({}, optional={**LIVE, **FIXED})
live_only = st.fixed_dictionaries({}, optional=LIVE)


def config(chosen: dict[str, object]) -> Config:
    tables: dict[str, list[str]] = {}
    for key, value in chosen.items():
        table, name = key.split(".")
        tables.setdefault(table, []).append(f"{name} = {_toml(value)}")
    sections = "".join(f"[{table}]\n" + "\n".join(lines) + "\n" for table, lines in tables.items())
    return load_text(f'mode = "demo"\n{sections}{ACCOUNTS}').config


def _toml(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def asked(config: Config, key: str) -> object:
    """What the configuration says of that key."""
    section, name = key.split(".")
    return getattr(getattr(config, section), name)


@settings(max_examples=40)
@given(before=live_only, after=settings_of, actor=st.sampled_from(["token:ann", "signal HUP", "uid:0(root)"]))
async def test_every_change_of_the_configuration_is_journaled_with_before_after_and_actor(
    before: dict[str, object], after: dict[str, object], actor: str
) -> None:
    """S2 property 35, H6: one durable fact an account, with each key that differs, what it was, what it is, who asked, the hash of
    the whole; what is refused leaves no fact and changes no rule."""
    old, new = config(before), config(after)
    differs = {key for key in (*LIVE, *FIXED) if asked(old, key) != asked(new, key)}
    async with stage(accounts=(ONE, TWO)) as s:
        rules = s.member.rules
        rules.gate, rules.intake = old.risk, old.intake
        answer = Reload(old, s.house, lambda: new)(actor)
        await s.house.settle()
        facts = [f for f in s.durable if isinstance(f, ConfigChanged)]
        assert answer.refused == bool(differs & set(FIXED))
        if answer.refused or not differs:
            assert facts == []
            assert (rules.gate, rules.intake) == (old.risk, old.intake)
            return
        assert [f.account for f in facts] == [ONE, TWO]
        assert (rules.gate, rules.intake) == (new.risk, new.intake)
        for fact in facts:
            assert (fact.actor, fact.config) == (actor, config_hash(new))
            assert [(key, was, now) for key, was, now in fact.changes] == [
                (key, _toml(asked(old, key)), _toml(asked(new, key))) for key in sorted(differs)
            ]
