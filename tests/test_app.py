"""Building the house from a configuration, and how a daemon's life ends."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tradingd import app
from tradingd.app import FAULT, Daemon, broker_of, instrument_of, revealed, rules_of, strategies_of, web_settings
from tradingd.cli.daemon import _code_of
from tradingd.config import Config, Secret, diff, load_text
from tradingd.config.show import LIVE_SECTIONS
from tradingd.core.types import AccountId, Instrument, Symbol, TradingState
from tradingd.ports import Broken, LinkDown, Misconfigured
from tradingd.shell.clock import SteadyClock
from tradingd.shell.env import FollowClock, RealEnv
from tradingd.shell.house import House
from tradingd.shell.journal import JournalDamaged, JournalLocked
from tradingd.shell.reload import adopt
from tradingd.shell.web.app import PortTaken
from tradingd_adapters.sim import SimBroker

ACCOUNT = '[accounts.a]\nbroker = "sim"\n[accounts.a.settings]\nurl = "ws://127.0.0.1:1/"\n'


def config(text: str = "", mode: str = "demo") -> Config:
    return load_text(f'mode = "{mode}"\n[journal]\nforce_fs = true\n[web]\nport = 0\n{ACCOUNT}{text}').config


# from configuration -----------------------------------------------------------------------------------------------------------


def test_rules_take_every_section_and_the_accounts_own_mode() -> None:
    """H6, B4: an account in observe mode decides and never trades."""
    found = config(
        '[risk]\nmax_open_positions = 3\n[tier]\nname = "aggressive"\n[accounts.b]\nbroker = "sim"\nmode = "observe"\n'
    )
    a, b = (rules_of(found, found.accounts[name], ()) for name in ("a", "b"))
    assert (a.observe, b.observe) == (False, True)
    assert a.gate.max_open_positions == 3
    assert a.tier_at_start.value == "aggressive"
    assert list(a.calendars) == ["XNYS"]


def test_a_reload_puts_every_live_section_in_force() -> None:
    """H1, E13, E15: what `config diff` calls live is then what a start with the new configuration makes, section by section."""
    old = config()
    new = config(
        "[risk]\nmax_open_positions = 3\n[tiers]\nup_drawdown = 0.04\n[intake]\nfuture_s = 61\n[stops]\ninterval_min = 6\n"
        "[sizer]\nfew_sectors = 4\n[reserve]\nsiphon_share = 0.3\n[breaker]\nstop_outs = 4\n[window]\nafter_open_min = 16\n"
        "[entry]\ntranches = 1\n[correlation]\ndays = 60\n[adaptive]\nrapid_min = 16\n[micro]\nenabled = true\n"
        "[rebalance]\nmax_positions = 4\n"
    )
    assert {(c.key.partition(".")[0], c.effect) for c in diff(old, new)} == {(name, "live") for name in LIVE_SECTIONS}
    rules, fresh = (rules_of(c, c.accounts["a"], ()) for c in (old, new))
    adopt(rules, new)
    for name in ("tier" if s == "tiers" else "gate" if s == "risk" else s for s in LIVE_SECTIONS):
        assert getattr(rules, name) == getattr(fresh, name), name
    assert rules.positions_max == 4


def test_strategies_load_by_their_entry_point_with_their_settings() -> None:
    """E7: on when named, off when switched off."""
    assert [s.name for s in strategies_of(config("[strategies.trend]\n[strategies.reversion]\nenabled = false\n"))] == [
        "trend"
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[strategies.nosuch]\n", "strategies.nosuch: no strategy of that name is installed"),
        ("[strategies.trend.settings]\nnosuch = 1\n", "nosuch"),
    ],
)
def test_a_strategy_that_cannot_be_is_a_fault_of_the_configuration(text: str, words: str) -> None:
    """H6: in words, with the key; no trace."""
    with pytest.raises(Misconfigured, match=words):
        strategies_of(config(text))


async def test_the_adapter_comes_by_its_entry_point_with_secrets_revealed() -> None:
    """H5, B2: the adapter sees the value, nobody else."""
    env = RealEnv(failpoint="")
    asked: list[Secret] = []
    found = config('key = { env = "THE_KEY" }\n')

    def reveal(secret: Secret) -> str:
        asked.append(secret)
        return "hush"

    broker = broker_of(env, "a", found.accounts["a"], reveal)
    assert isinstance(broker, SimBroker)
    assert broker._settings.key == "hush"
    assert len(asked) == 1
    await env.aclose()


@pytest.mark.parametrize(
    ("broker", "settings", "words"),
    [
        ("nosuch", "", r"accounts\.a\.broker: no adapter 'nosuch'"),
        ("sim", "nosuch = 1\n", "accounts.a.settings.nosuch"),
    ],
)
async def test_an_adapter_that_cannot_be_is_a_fault_of_the_configuration(
    broker: str, settings: str, words: str
) -> None:
    """H6: an unknown adapter, an unknown key of its settings."""
    env = RealEnv(failpoint="")
    found = load_text(f'mode = "demo"\n[accounts.a]\nbroker = "{broker}"\n[accounts.a.settings]\n{settings}').config
    with pytest.raises(Misconfigured, match=words):
        broker_of(env, "a", found.accounts["a"], revealed)
    await env.aclose()


def test_a_missing_secret_names_its_reference_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """H12, J14: never a value."""
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    found = config('key = { env = "NO_SUCH_KEY" }\n').accounts["a"].settings["key"]
    assert isinstance(found, Secret)
    with pytest.raises(Misconfigured, match="NO_SUCH_KEY"):
        revealed(found)
    monkeypatch.setenv("NO_SUCH_KEY", "there")
    assert revealed(found) == "there"


def test_the_operators_word_on_an_instrument_replaces_only_what_it_names() -> None:
    """F8, H6: the tick is corrected, the lot stays the broker's."""
    correct = instrument_of(config('[instruments.IBM]\nsector = "tech"\n'))
    raw = Instrument(symbol=Symbol("IBM"), sector="?")
    assert (correct(raw).sector, correct(raw).lot) == ("tech", raw.lot)
    other = Instrument(symbol=Symbol("MSFT"))
    assert correct(other) is other


def test_lasting_tokens_are_kept_as_hashes() -> None:
    """H5, J14: the token itself is not in the web's settings."""
    found = config('[web.tokens.ops]\nrole = "operator"\ntoken = { env = "TOKEN" }\n')
    made = web_settings(found.web, lambda _secret: "sesame")
    assert [(t.name, t.role) for t in made.tokens] == [("ops", "operator")]
    assert "sesame" not in repr(made)


def test_only_the_demo_follows_the_venues_clock(tmp_path: Path) -> None:
    """H1: paper and live know what time it is."""
    assert isinstance(Daemon(config(), tmp_path).clock, FollowClock)
    assert isinstance(Daemon(config(mode="paper"), tmp_path).clock, SteadyClock)


# life and end -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Misconfigured("x"), 78), (JournalLocked("x"), 75), (PortTaken("x"), 75), (JournalDamaged("x"), 74), (Broken("x"), 74),
    ],
)  # fmt: skip
def test_each_kind_of_broken_has_its_exit_code(error: Broken, code: int) -> None:
    """H3, FEATURES 5.4: change the configuration, try again later, or look at the journal."""
    assert _code_of(error) == code


async def end_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    async def run(self: House, stopping: asyncio.Event, why: object) -> None:
        raise BaseExceptionGroup("tasks", [BaseExceptionGroup("inner", [error])])

    monkeypatch.setattr(House, "run", run)
    return await app._run(Daemon(config(), tmp_path, failpoint=""))


@pytest.mark.parametrize("error", [Broken("the disk"), Misconfigured("the account"), OSError(28, "no space")])
async def test_what_a_task_found_broken_leaves_as_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """I10, H3: out of the task groups, with its class, so that the command line can name it."""
    with pytest.raises(type(error)) as caught:
        await end_of(tmp_path, monkeypatch, error)
    assert caught.value is error


@pytest.mark.parametrize("error", [KeyError("a bug"), AssertionError("a promise"), LinkDown("unhandled")])
async def test_a_fault_of_ours_ends_with_70_and_a_trace_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    """I8 of RELIABILITY I, H3: no silent stop, no bare traceback as the last word."""
    assert await end_of(tmp_path, monkeypatch, error) == FAULT == 70
    said = capsys.readouterr()
    assert "daemon.fault" in said.out + said.err
    assert type(error).__name__ in said.out + said.err


async def test_a_second_daemon_on_the_directory_is_refused(tmp_path: Path) -> None:
    """B18, H3: before it listens or connects anywhere; the first goes on and stops cleanly, the third may start."""
    first = Daemon(config(), tmp_path, failpoint="")
    running = asyncio.ensure_future(app._run(first))
    while not (tmp_path / app.SOCKET).exists():  # noqa: ASYNC110 - another's state
        await asyncio.sleep(0.01)
    with pytest.raises(JournalLocked):
        await app._run(Daemon(config(), tmp_path, failpoint=""))
    assert not running.done()
    first.stop("test")
    assert await running == 0
    third = Daemon(config(), tmp_path, failpoint="")
    third.stop("at once")
    assert await app._run(third) == 0


async def test_another_configuration_without_the_account_is_refused(tmp_path: Path) -> None:
    """H13: the journal knows an account that the configuration does not."""
    first = Daemon(config('[accounts.b]\nbroker = "sim"\n'), tmp_path, failpoint="")
    first.stop("test")
    assert await app._run(first) == 0
    with pytest.raises(Misconfigured, match="does not: b"):
        await app._run(Daemon(config(), tmp_path, failpoint=""))


async def test_usr1_closes_the_gate_before_the_loop_turns_and_halts_for_good(tmp_path: Path) -> None:
    """G15, I7, H3: the signal's handler alone closes the gate; the journaled halt follows, and survives the restart."""
    daemon = Daemon(config(), tmp_path, failpoint="")
    houses: list[House] = []
    live = daemon._live

    async def keep(house: House) -> None:
        houses.append(house)
        await live(house)

    daemon._live = keep  # type: ignore[method-assign]
    running = asyncio.ensure_future(app._run(daemon))
    while not (tmp_path / app.SOCKET).exists():  # noqa: ASYNC110 - another's state
        await asyncio.sleep(0.01)
    (house,) = houses
    member = house.members[AccountId("a")]
    os.kill(os.getpid(), signal.SIGUSR1)
    assert member.dispatch.halted, "the loop has not turned since"
    while member.book.state() is not TradingState.HALTED:  # noqa: ASYNC110 - another's state
        await asyncio.sleep(0.01)
    daemon.stop("test")
    assert await running == 0
    signal.signal(signal.SIGUSR1, signal.SIG_DFL)
    again = Daemon(config(), tmp_path, failpoint="")
    found = app.house_of(
        again.env, again.config, again.directory, {AccountId("a"): broker_of(again.env, "a", again.config.accounts["a"], revealed)},
        instance="tradingd-demo", build="b",
    )  # fmt: skip
    assert found.members[AccountId("a")].book.state() is TradingState.HALTED
    await found.journal.close()
    await again.env.aclose()
