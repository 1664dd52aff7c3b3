"""`tradingd backtest` as its user starts it: what it leaves, what it says, how it ends."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.flow.child import environment, tradingd
from tests.lab.both import by_run
from tests.lab.test_run import market
from tradingd.backtest.options import Options
from tradingd.backtest.run import run_backtest
from tradingd.backtest.source import Source, source_of
from tradingd.config import Config, load_text
from tradingd.core.facts import AnyFact, Filled, ShutDown, StartedUp
from tradingd.core.types import AccountId
from tradingd.demo.config import demo_config
from tradingd.lab.results.result import read
from tradingd.ports import Broken, Disk
from tradingd.shell.env import RealDisk
from tradingd.shell.journal import records, verify
from tradingd_adapters.sim.market import Market

SPAN = ("--from", "2008-09-29", "--to", "2008-10-17")


def facts_of(out: Path) -> list[AnyFact]:
    return [fact for _, fact in records(RealDisk(), str(out / "journal"))]


@pytest.fixture(scope="module")
def crash(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """Three weeks of 2008 as --json tells of them, and the folder."""
    here = tmp_path_factory.mktemp("backtest")
    ran = tradingd("backtest", *SPAN, "--out", "out", "--report", "page.html", "--json", cwd=here)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.count("\n") == 1
    return msgspec.json.decode(ran.stdout), here / "out"


def test_its_journal_holds_the_facts_that_the_daemon_would_have(crash: tuple[dict[str, Any], Path]) -> None:
    """T1, J1: chained and whole; but for who started and why it ended, one by one the facts of the same rules and market."""
    said, out = crash
    report = verify(RealDisk(), str(out / "journal"))
    assert report.ok
    assert said["result"]["journal"] == {"records": report.records, "head": report.head}
    ours, plain = facts_of(out), by_run(demo_config(), market("2008-09-29", "2008-10-17"))
    assert isinstance(ours[0], StartedUp)
    assert isinstance(ours[-1], ShutDown)
    assert (ours[0].mode, ours[-1].reason) == ("backtest", "the data is over")
    assert ours[1:-1] == plain[1:-1]


def test_its_folder_says_what_was_run_and_what_came_of_it(crash: tuple[dict[str, Any], Path]) -> None:
    """T2: state, span, metrics; the same in --json, in result.json and in the tables; the report at both places."""
    said, out = crash
    result = read(out)
    assert said["out"] == str(out)
    assert said["events"] > 1000
    assert msgspec.to_builtins(result, enc_hook=str)["metrics"].keys() == said["result"]["metrics"].keys()
    assert (result.state, result.why, result.data, result.begin, result.end) == (
        "complete",
        "",
        "demo",
        SPAN[1],
        SPAN[3],
    )
    assert (result.capital, result.tier, result.strategies) == (100_000, "moderate", ("breakout", "trend", "reversion"))
    fills = [fact for fact in facts_of(out) if isinstance(fact, Filled)]
    assert result.metrics is not None
    assert result.metrics.fills == len(fills) > 10
    assert result.metrics.sessions == 15
    assert load_text((out / "config.toml").read_text()).config == demo_config()
    page = (out / "report.html").read_text()
    assert page == (out.parent / "page.html").read_text()
    assert "2008-09-29" in page


def test_why_works_on_it(crash: tuple[dict[str, Any], Path]) -> None:
    """E11: a decision of a backtest is explained as one of the daemon."""
    _, out = crash
    ran = tradingd("why", "d1", "--dir", str(out), cwd=out)
    assert ran.returncode == 0
    assert ran.stdout.startswith("d1  2008-")
    ran = tradingd("journal", "verify", "--dir", str(out), cwd=out)
    assert ran.stdout.startswith("clean: ")


def test_words_for_a_person_and_a_fresh_folder_each_time(tmp_path: Path) -> None:
    """H3: numbered folders; what was asked for is what was run."""
    asked = (
        "backtest", "--from", "2008-01-02", "--to", "2008-01-04", "--strategy", "trend", "--strategy", "reversion:oversold=15.0",
        "--capital", "50000 USD", "--tier", "aggressive", "--set", "risk.max_open_positions=2", "--symbol", "IBM",
    )  # fmt: skip
    for n in ("0001", "0002"):
        ran = tradingd(*asked, cwd=tmp_path)
        assert (ran.returncode, ran.stderr) == (0, "")
        assert ran.stdout.splitlines()[0] == "complete"
        assert f"tradingd-backtest/{n}" in ran.stdout
    result = read(tmp_path / "tradingd-backtest" / "0002")
    assert (result.capital, result.tier) == (50_000, "aggressive")
    assert result.strategies == ("trend", "reversion:oversold=15.0")
    config = load_text((tmp_path / "tradingd-backtest" / "0002" / "config.toml").read_text()).config
    assert config.risk.max_open_positions == 2
    assert [name for name, one in config.strategies.items() if one.enabled] == ["trend", "reversion"]
    assert config.strategies["reversion"].settings == {"oversold": 15.0}
    assert {f.symbol for f in facts_of(tmp_path / "tradingd-backtest" / "0001") if isinstance(f, Filled)} <= {"IBM"}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--strategy", "brekout"), 78, "--strategy 'brekout' is not installed, did you mean breakout?"),
        (("--strategy", "trend:slow"), 78, "--strategy 'trend:slow': settings are written trend:key=value"),
        (("--strategy", "trend:foo=1"), 78, "strategy trend: no such setting: `foo`"),
        (("--tier", "bold"), 78, "--tier 'bold': one of aggressive, conservative, moderate"),
        (("--set", "risk.foo=1"), 78, "command line: risk.foo is not a known key"),
        (("--set", "risk"), 78, "--set 'risk': is written key=value"),
        (("--capital", "-5"), 78, "accounts.demo.capital"),
        (("--account", "dmeo"), 78, "--account 'dmeo' is not configured, did you mean demo?"),
        (("--symbol", "XOM"), 78, "--symbol 'XOM': the shipped data has AAPL"),
        (("--from", "2008-02-01", "--to", "2008-01-01"), 2, "--to is before --from"),
        (("--from", "2008-2-1"), 2, "--from '2008-2-1': a day is written 2008-01-02"),
        (("--from", "2020-01-01", "--to", "2020-02-01"), 78, "the shipped data covers 2000-03-01 to 2013-03-01"),
        (("--from", "2008-01-05", "--to", "2008-01-06"), 78, "there is no data in between"),
        (("--slippage-bps", "-1"), 2, "--slippage-bps must be 0 .. 1000"),
        (("--latency-in-ms", "nan"), 2, "--latency-in-ms must be 0 .. 60000"),
        (("--fee-minimum", "much"), 2, "--fee-minimum 'much' is no number"),
        (("--fee-per-share", "NaN"), 2, "--fee-per-share must be 0 .. 1000000"),
        (("--fee-per-share", "1e30"), 2, "--fee-per-share must be 0 .. 1000000"),
        (("--fee-minimum", "1e30"), 2, "--fee-minimum must be 0 .. 1000000"),
        (("--fee-minimum", "-1"), 2, "--fee-minimum must be 0 .. 1000000"),
        (("--interest-pct", "101"), 2, "--interest-pct must be 0 .. 100"),
        (("--credit-pct", "-1"), 2, "--credit-pct must be 0 .. 100"),
        (("--borrow-pct", "nan"), 2, "--borrow-pct must be 0 .. 100"),
        (("--fee-bps", "-1"), 2, "--fee-bps must be 0 .. 1000"),
        (("--fee-maximum-bps", "1001"), 2, "--fee-maximum-bps must be 0 .. 1000"),
        (
            ("--set", "instruments.IBM.multiplier=10"),
            78,
            "instruments.IBM.multiplier is 10: the shipped data is of shares",
        ),
        (("--set", "instruments.IBM.currency=EUR"), 78, "instruments.IBM.currency is EUR, the account's is USD"),
        (("--size-share", "0"), 2, "--size-share must be above 0 and at most 1"),
        (("--config", "none.toml"), 78, "none.toml does not exist"),
        (("--report", "none/page.html"), 78, "--report 'none/page.html': there is no folder"),
        (("--report", "."), 78, "--report '.' is a folder: name a file"),
    ],
)
def test_what_cannot_be_run_is_said_before_anything_is_made(
    arguments: tuple[str, ...], code: int, words: str, tmp_path: Path
) -> None:
    """T2, H6: the flag or key is named, in one line; no folder is left."""
    ran = tradingd("backtest", *arguments, cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (code, ""), ran.stderr
    assert words in ran.stderr
    assert "Traceback" not in ran.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_a_result_is_not_written_over(crash: tuple[dict[str, Any], Path]) -> None:
    """T2: the old one stays."""
    _, out = crash
    before = (out / "result.json").read_bytes()
    ran = tradingd("backtest", *SPAN, "--out", str(out), cwd=out)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "holds a result already" in ran.stderr
    assert (out / "result.json").read_bytes() == before


def test_a_report_that_cannot_be_written_loses_no_result(tmp_path: Path) -> None:
    """T2: the summary is told all the same, and --report is named; exit 1."""
    (tmp_path / "page.html.new").mkdir()
    span = ("--from", "2008-01-02", "--to", "2008-01-04")
    ran = tradingd("backtest", *span, "--out", "out", "--report", "page.html", cwd=tmp_path)
    assert ran.returncode == 1
    assert ran.stderr.startswith("Error: --report 'page.html' could not be written: ")
    assert ran.stdout.startswith("complete\n")
    assert f"results    {tmp_path / 'out'}" in ran.stdout
    assert read(tmp_path / "out").state == "complete"


def test_a_report_may_lie_in_the_results_folder(tmp_path: Path) -> None:
    """T2: which is made by the run."""
    span = ("--from", "2008-01-02", "--to", "2008-01-04")
    ran = tradingd("backtest", *span, "--out", "out", "--report", "out/page.html", cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert (tmp_path / "out" / "page.html").read_bytes() == (tmp_path / "out" / "report.html").read_bytes()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_what_was_done_marked_partial(tmp_path: Path, number: signal.Signals) -> None:
    """T2, P1: exit 7; journal and tables agree up to where it was; the page says so."""
    command = [
        sys.executable,
        "-m",
        "tradingd",
        "backtest",
        "--from",
        "2000-03-01",
        "--to",
        "2013-03-01",
        "--out",
        "out",
        "--json",
    ]
    process = subprocess.Popen(command, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        _until_a_day_closed(tmp_path / "out" / "equity.csv", process)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, err) == (7, b"")
    said = msgspec.json.decode(out)["result"]
    assert (said["state"], said["why"]) == ("partial", f"stopped by {number.name}")
    facts = facts_of(tmp_path / "out")
    assert isinstance(facts[-1], ShutDown)
    assert facts[-1].reason == f"stopped by {number.name}"
    assert said["metrics"]["fills"] == Counter(type(fact) for fact in facts)[Filled]
    assert verify(RealDisk(), str(tmp_path / "out" / "journal")).ok
    assert f"stopped by {number.name}" in (tmp_path / "out" / "report.html").read_text()


def _until_a_day_closed(path: Path, process: subprocess.Popen[bytes]) -> None:
    while not path.exists() or path.read_bytes().count(b"\n") < 3:
        assert process.poll() is None, "it ended too early"
        select.select([], [], [], 0.02)


class _Torn(Market):
    """Data that cannot be read from the third session on."""

    def items(self):  # type: ignore[no-untyped-def]
        for item in super().items():
            if item.ts > 1199484000 * 10**9:
                raise Broken("the data is damaged after 2008-01-04T22:00")
            yield item


def test_a_run_that_fails_keeps_what_it_has(tmp_path: Path) -> None:
    """T2: partial, with the reason; what was recorded until then is whole."""

    def torn(options: Options, config: Config, account: AccountId, disk: Disk) -> Source:
        plain = source_of(options, config, account, disk)
        return msgspec.structs.replace(plain, market=_Torn(start=plain.begin, end=plain.end))

    with pytest.raises(Broken, match="damaged"):
        run_backtest(Options(data="demo", begin="2008-01-02", end="2008-01-31", out=tmp_path / "out"), find=torn)
    result = read(tmp_path / "out")
    assert (result.state, result.why) == ("partial", "Broken: the data is damaged after 2008-01-04T22:00")
    assert result.metrics is not None
    assert result.metrics.sessions == 2  # the third was not over
    assert result.journal.records == len(facts_of(tmp_path / "out")) > 20
    assert verify(RealDisk(), str(tmp_path / "out" / "journal")).ok


def test_progress_is_for_a_terminal_only(tmp_path: Path) -> None:
    """H3: on a terminal a line on stderr that goes away; stdout stays one document."""
    import pty

    terminal, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tradingd", "backtest", "--from", "2008-01-02", "--to", "2008-03-31", "--out", "out", "--json"],
        cwd=tmp_path, env=environment(TERM="xterm"), stdout=subprocess.PIPE, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    out, _ = process.communicate(timeout=60)
    said = b""
    while select.select([terminal], [], [], 0)[0]:
        try:
            said += os.read(terminal, 65536)
        except OSError:
            break
    os.close(terminal)
    assert process.returncode == 0
    assert msgspec.json.decode(out)["result"]["state"] == "complete"
    assert b"events/s" in said
    assert b"s left" in said
    assert said.endswith(b"\r\x1b[2K")
