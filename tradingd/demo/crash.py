"""`tradingd demo --crash`: the venue as its own process, the daemon killed with SIGKILL at named points, again and again.

Each life of the daemon is a process of its own over a real loopback websocket; it is killed between decision, intent, fsync, send,
accept, ack and fill (K0-K15 of RELIABILITY A), in recovery, in a snapshot and in a rotation, or from outside at any moment. The
market does not stop for it. At the end nobody is asked but the two logs on disk (`audit.py`).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec
import uvloop

from tradingd import __version__
from tradingd.app import Daemon
from tradingd.config import Config
from tradingd.core.facts import LinkChanged, StartedUp
from tradingd.core.types import NS, AccountId
from tradingd.demo.audit import Known, Venue, Verdict, doubts, judge, known_of, venue_of
from tradingd.demo.config import demo_config
from tradingd.demo.options import DemoOptions
from tradingd.demo.place import fresh
from tradingd.ports import Broken
from tradingd.shell.env import RealClock, RealDisk
from tradingd.shell.journal import records
from tradingd.shell.logs import set_up

ACCOUNT = AccountId("demo")
# the n-th coming-by in one life; recovery (K15) has a step before and one after the journal is judged
PLAN = (
    "K3:1", "K5:1", "K6:1", "K9:1", "K2:3", "K0:2", "K1:4", "K7:1", "K15:1", "K5:2", "K9:2", "K3:2", "K13:1", "K6:2", "K15:2",
    "K2:6", "K14:1", "K7:2", "K1:9", "K5:3", "K0:5", "K9:3", "outside", "K3:3", "K6:3", "K13:2", "outside",
)  # fmt: skip
LIFE_MAX_S = 4.0  # a life that does not come by its kill point is killed from outside
RECONCILE_MAX_S = 20.0
SETTLE_S = 1.0  # after it: orders that follow from what was learned, and their fills
SPEED = 300_000  # session seconds in one real second, at the venue


def run_crash(options: DemoOptions) -> int:
    """0 when the two logs agree in everything, else 1. Ctrl-C and SIGTERM end it after the life that runs, with the verdict on
    what was done so far."""
    disk, clock = RealDisk(), RealClock()
    directory = fresh(disk, options.dir.absolute())
    say: Callable[[str], None] = (lambda _text: None) if options.json else (lambda text: print(text, flush=True))
    say(f"tradingd {__version__}  DEMO --crash  {options.kills} kills with SIGKILL; the venue is a process of its own")
    venue = _start_venue(directory / "venue.log", options)
    try:
        run = Crash(demo_config(), directory, venue, clock, say)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, run.stop)
        run.kill(options.kills)
        venue.freeze()
        run.last_life()
        if venue.process.poll() is not None:
            raise Broken(f"the venue ended by itself with {venue.process.returncode}: nothing is proven")
    finally:
        venue.stop()
    truth = venue_of(disk, directory / "venue.log")
    known = known_of(disk, directory / "journal", ACCOUNT)
    verdict = judge(truth, known, run.kills)
    found = doubts(truth, known, run.kills)
    if options.json:
        print(msgspec.json.encode(verdict).decode(), flush=True)
    else:
        _report(verdict, truth, known, run.points)
    for doubt in found:
        print(f"doubt: {doubt}", file=sys.stderr, flush=True)
    return 0 if verdict.good and not found else 1


class VenueProcess(msgspec.Struct, frozen=True):
    process: subprocess.Popen[bytes]
    port: int

    def freeze(self) -> None:
        """No more prices: what the two logs say can then be compared, for nothing is on its way."""
        self.process.send_signal(signal.SIGUSR1)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        if self.process.stdout is not None:
            self.process.stdout.close()


def _start_venue(log: Path, options: DemoOptions) -> VenueProcess:
    default = DemoOptions()
    begin = "2000-03-01" if options.begin == default.begin else options.begin
    end = "2013-03-01" if options.end == default.end else options.end
    command = [
        sys.executable, "-m", "tradingd_adapters.sim.server", "--port", "0", "--from", begin, "--to", end, "--account",
        f"{ACCOUNT}=100000", "--log", str(log), "--pace", f"real:{SPEED}",
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)  # noqa: S603 - our own module, our own arguments
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise Broken("the venue did not start")
    return VenueProcess(process, int(msgspec.json.decode(line)["port"]))


class Crash:
    """Lives and deaths of one daemon. points: where it was killed, by name."""

    def __init__(
        self, config: Config, directory: Path, venue: VenueProcess, clock: RealClock, say: Callable[[str], None]
    ) -> None:
        self.config = _with_venue(config, venue.port)
        self.directory = directory
        self.clock = clock
        self.say = say
        self.kills = 0
        self.points: Counter[str] = Counter()
        self.lives = 0
        self.stopped = False

    def stop(self, _number: int, _frame: object) -> None:
        """A signal's handler: no further life but the last."""
        self.stopped = True

    def kill(self, kills: int) -> None:
        """Live and die that often."""
        while self.kills < kills and not self.stopped:
            point = PLAN[self.lives % len(PLAN)]
            self.lives += 1
            where = self._life(point)
            self.kills += 1
            self.points[where] += 1
            if self.kills <= 5 or self.kills % 25 == 0 or self.kills == kills:
                self.say(f"kill {self.kills:>4}  at {where}")

    def _life(self, point: str) -> str:
        """One life up to its SIGKILL; where it died."""
        armed = "" if point == "outside" else point
        pid = self._fork(armed)
        end = self.clock.mono() + int((0.5 if not armed else LIFE_MAX_S) * NS)
        while self.clock.mono() < end:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                _died_as_planned(status, self.directory)
                return point.partition(":")[0]
            _pause(0.005)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return "outside"

    def last_life(self) -> None:
        """Start once more, let it reconcile and do what follows from that, stop it cleanly."""
        before, _ = self._lives()
        pid = self._fork("")
        end = self.clock.mono() + int(RECONCILE_MAX_S * NS)
        while self.clock.mono() < end:
            lives, up = self._lives()
            if lives > before and up:
                break
            _pause(0.1)
        else:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise Broken(
                f"the last life did not reconcile within {RECONCILE_MAX_S:.0f} s: see {self.directory / 'daemon.log'}"
            )
        _pause(SETTLE_S)
        os.kill(pid, signal.SIGTERM)
        _, status = os.waitpid(pid, 0)
        if os.waitstatus_to_exitcode(status) != 0:
            raise Broken(
                f"the last life ended with {os.waitstatus_to_exitcode(status)}: see {self.directory / 'daemon.log'}"
            )

    def _lives(self) -> tuple[int, bool]:
        """How many lives the journal tells of, and whether the newest one has its link up."""
        lives, up = 0, False
        for _seq, fact in records(RealDisk(), str(self.directory / "journal")):
            if isinstance(fact, StartedUp):
                lives, up = lives + 1, False
            elif isinstance(fact, LinkChanged):
                up = fact.up
        return lives, up

    def _fork(self, failpoint: str) -> int:
        """A daemon in a process of its own, forked from here so that two hundred starts take a minute and not five."""
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            os.setsid()  # Ctrl-C is for the parent, which ends this one in its own way
            os._exit(_child(self.config, self.directory, failpoint))
        return pid


def _child(config: Config, directory: Path, failpoint: str) -> int:
    """The daemon's whole life. Its words go to daemon.log."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    log = os.open(directory / "daemon.log", flags, 0o600)  # sim-ok: a demo's child, before it is a daemon
    os.dup2(log, 1)
    os.dup2(log, 2)
    set_up(mode="demo", quiet=True)
    return uvloop.run(Daemon(config, directory, failpoint=failpoint).run())


def _died_as_planned(status: int, directory: Path) -> None:
    code = os.waitstatus_to_exitcode(status)
    if code != -signal.SIGKILL:
        raise Broken(f"the daemon ended by itself with {code}: see {directory / 'daemon.log'}")


def _with_venue(config: Config, port: int) -> Config:
    """The demo's rules against the venue's process; small segments and many snapshots, so that kills meet them."""
    account = msgspec.structs.replace(
        config.accounts[ACCOUNT], settings={"url": f"ws://127.0.0.1:{port}/", "credit": 512, "silence_s": 5.0}
    )
    return msgspec.structs.replace(
        config,
        accounts={ACCOUNT: account},
        web=msgspec.structs.replace(config.web, enabled=False),
        journal=msgspec.structs.replace(config.journal, segment_bytes=64 << 10, snapshot_every=100),
        house=msgspec.structs.replace(
            config.house, timer_s=0.02, positions_s=0.3, orders_s=0.1, snapshot_s=0.1, crash_loop_starts=0
        ),
    )


def _report(verdict: Verdict, truth: Venue, known: Known, points: Counter[str]) -> None:
    where = ", ".join(f"{name} {n}" for name, n in sorted(points.items(), key=lambda kv: (len(kv[0]), kv[0])))
    print(f"\nkilled at: {where}")
    print(
        f"journal: {known.records} records, {known.unsettled} orders unsettled; the venue counted {truth.logins} logins"
    )
    equal = "equal" if verdict.positions_equal else f"NOT EQUAL: venue {truth.positions}, ours {known.positions}"
    print(
        f"orders at venue {verdict.orders_venue}, known {verdict.orders_known}, duplicates {verdict.duplicates}, "
        f"fills lost {verdict.fills_lost}, positions {equal}"
    )


def _pause(seconds: float) -> None:
    """The parent waits for its child; it is no daemon and has no loop."""
    signal.sigtimedwait((), seconds)
