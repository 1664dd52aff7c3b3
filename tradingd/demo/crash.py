"""`tradingd demo --crash`: the venue as its own process, the daemon killed with SIGKILL at named points, again and again.

Each life of the daemon is a process of its own over a real loopback websocket; it is killed between decision, intent, fsync, send,
accept, ack and fill (K0-K9 of RELIABILITY A), in a snapshot (K13), a rotation (K14) and in recovery (K15), or from outside at any
moment, alone and in pairs (`plan.py`). The market does not stop for it. Some lives are halted by the operator before they die. At
the end nobody is asked but the logs on disk (`audit.py`).
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec
import uvloop

from tradingd import __version__
from tradingd.app import Daemon, broker_of, revealed, rules_of, strategies_of
from tradingd.config import Config
from tradingd.core.types import NS, AccountId
from tradingd.demo.audit import Known, Venue, Verdict, doubts, judge, known_of, promised, venue_of
from tradingd.demo.config import demo_config
from tradingd.demo.death import arm
from tradingd.demo.options import DemoOptions
from tradingd.demo.place import fresh
from tradingd.demo.plan import Life, lives
from tradingd.demo.venue import VenueProcess, start_venue
from tradingd.demo.witness import Witness
from tradingd.ports import Broken
from tradingd.shell.env import RealClock, RealDisk, RealEnv
from tradingd.shell.logs import set_up

ACCOUNT = AccountId("demo")
ROUND = 400  # kills against one venue and one journal: the recorded days are not over by then
OUTSIDE_S = 0.4  # how long a life without a kill point lasts
LIFE_MAX_S = 4.0
RECONCILE_MAX_S = 20.0
DOUBTS_SHOWN = 20
SETTLE_S = 1.0  # after it: orders that follow from what was learned, and their fills


class Tally:
    """points: deaths by name.   missed: kill points a life did not come by.   pairs: (death, next life's death)."""

    def __init__(self) -> None:
        self.kills = 0
        self.points: Counter[str] = Counter()
        self.missed: Counter[str] = Counter()
        self.pairs: set[tuple[str, str]] = set()
        self.stopped = False

    def stop(self, _number: int, _frame: object) -> None:
        """A signal's handler: no further life but the last."""
        self.stopped = True

    def died(self, life: Life, where: str) -> None:
        self.kills += 1
        self.points[where] += 1
        if where != life.point:
            self.missed[life.point] += 1
        elif life.pair:
            self.pairs.add((life.pair, where))


def run_crash(options: DemoOptions) -> int:
    """0 when the logs agree in everything, else 1. Ctrl-C and SIGTERM end it after the life that runs, with the verdict on
    what was done so far. More than `ROUND` kills are made in rounds, each with a venue and a journal of its own."""
    disk, clock, tally = RealDisk(), RealClock(), Tally()
    directory = fresh(disk, options.dir.absolute())
    say: Callable[[str], None] = (lambda _text: None) if options.json else (lambda text: print(text, flush=True))
    say(f"tradingd {__version__}  DEMO --crash  {options.kills} kills with SIGKILL; the venue is a process of its own")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, tally.stop)
    plan = lives()
    verdict: Verdict | None = None
    found: list[str] = []
    while tally.kills < options.kills and not (tally.stopped and verdict):
        kills = min(ROUND, options.kills - tally.kills)
        place = directory
        if options.kills > ROUND:
            place = directory / f"round-{tally.kills // ROUND + 1}"
            disk.mkdir(str(place))
        venue = start_venue(place / "venue.log", ACCOUNT, options)
        crash = Crash(place, venue, clock, tally, say)
        crash.run(lambda: next(plan), kills, options.kills)
        one, more = _judged(disk, place, crash.kills, say)
        verdict = one if verdict is None else verdict.plus(one)
        found += more
    assert verdict is not None
    if options.json:
        print(msgspec.json.encode(_told(verdict, tally)).decode(), flush=True)
    else:
        _report(verdict, tally)
    more = [f"{len(found) - DOUBTS_SHOWN} more of the kind"] if len(found) > DOUBTS_SHOWN else []
    for doubt in [*found[:DOUBTS_SHOWN], *more]:
        print(f"doubt: {doubt}", file=sys.stderr, flush=True)
    return 0 if verdict.good and not found else 1


def _judged(disk: RealDisk, place: Path, kills: int, say: Callable[[str], None]) -> tuple[Verdict, list[str]]:
    truth = venue_of(disk, place / "venue.log")
    known = known_of(disk, place / "journal", ACCOUNT)
    promises = promised(disk, place)
    verdict = judge(truth, known, kills, promises)
    say(_logs(verdict, truth, known))
    found = doubts(truth, known, kills)
    if not verdict.positions_equal:
        found.append(f"positions differ: venue {truth.positions}, ours {known.positions}")
    if b"Traceback" in disk.read(str(place / "daemon.log")):
        found.append(f"the daemon met a fault of its own: see {place / 'daemon.log'}")
    return verdict, found


class Crash:
    """Lives and deaths of one daemon against one venue. life_max_s: a life that does not come by its kill point in that time is
    killed from outside."""

    def __init__(
        self, directory: Path, venue: VenueProcess, clock: RealClock, tally: Tally, say: Callable[[str], None]
    ) -> None:
        self.directory = directory
        self.venue = venue
        self.clock = clock
        self.tally = tally
        self.say = say
        self.kills = 0
        self.life_max_s = LIFE_MAX_S
        self.witness = Witness(directory, venue.port)

    def run(self, life: Callable[[], Life], kills: int, of: int) -> None:
        """Live and die that often, then once more to the end. The venue is stopped in any case."""
        try:
            self.config = with_venue(demo_config(), self.venue.port)
            _warm(self.config)
            while self.kills < kills and not self.tally.stopped:
                self._die(life(), of)
            self.venue.freeze()
            self._last_life()
            self.venue.lives()
        finally:
            self.witness.close()
            self.venue.stop()

    def _die(self, life: Life, of: int) -> None:
        where = self._life(life)
        self.kills += 1
        self.tally.died(life, where)
        n = self.tally.kills
        if n <= 5 or n % 25 == 0 or n == of:
            self.say(f"kill {n:>4}  at {where}")

    def _life(self, life: Life) -> str:
        """One life up to its SIGKILL; where it died."""
        outside = life.point == "outside"
        pid = self._fork(Life("") if outside else life)
        if life.act in ("halt", "halt_on", "resume"):
            self._command(life.act)
        patience = OUTSIDE_S if outside else self.life_max_s
        if life.act != "halt" and self._ended(pid, patience):
            return life.point
        if life.act != "halt":
            self.witness.durable()
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return "outside"

    def _ended(self, pid: int, seconds: float) -> bool:
        """Did it die by itself, as planned, within that time?"""
        end = self.clock.mono() + int(seconds * NS)
        while self.clock.mono() < end:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                _died_as_planned(status, self.directory)
                return True
            _pause(0.003)
        return False

    def _command(self, act: str) -> None:
        """Halt or resume the life that runs, once it has reconciled. Broken when it cannot be done: every check of it would be
        empty. A resume without a halt (the kills ended between them in the round before) is none."""
        if act == "resume" and not self.witness.halted:
            return
        self._until(self.witness.up, "reconcile")
        self._until(self.witness.resume if act == "resume" else self.witness.halt, f"take a {act}")

    def _until(self, what: Callable[[], bool], word: str) -> None:
        end = self.clock.mono() + int(RECONCILE_MAX_S * NS)
        while not what():
            if self.clock.mono() > end:
                raise Broken(
                    f"a life did not {word} within {RECONCILE_MAX_S:.0f} s: see {self.directory / 'daemon.log'}"
                )
            _pause(0.02)

    def _last_life(self) -> None:
        """Start once more, let it reconcile and do what follows from that, stop it cleanly."""
        pid = self._fork(Life(""))
        try:
            self._until(self.witness.up, "reconcile")
            _pause(SETTLE_S)
            self.witness.durable()
            os.kill(pid, signal.SIGTERM)
        except Broken:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise
        _, status = os.waitpid(pid, 0)
        if os.waitstatus_to_exitcode(status) != 0:
            raise Broken(
                f"the last life ended with {os.waitstatus_to_exitcode(status)}: see {self.directory / 'daemon.log'}"
            )

    def _fork(self, life: Life) -> int:
        """A daemon in a process of its own, forked from here so that two hundred starts take a minute and not five."""
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            os.setsid()  # Ctrl-C is for the parent, which ends this one in its own way
            os._exit(_child(self.config, self.directory, life))
        return pid


def _child(config: Config, directory: Path, life: Life) -> int:
    """The daemon's whole life. Its words go to daemon.log."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    log = os.open(directory / "daemon.log", flags, 0o600)  # sim-ok: a demo's child, before it is a daemon
    os.dup2(log, 1)
    os.dup2(log, 2)
    set_up(mode="demo", quiet=True)
    daemon = Daemon(config, directory, failpoint=f"{life.point}:{life.nth}" if life.point else "")
    arm(daemon, life.point, life.nth)
    return uvloop.run(daemon.run())


def _warm(config: Config) -> None:
    """What every life loads and builds anew, once before the first: found and compiled already, it is there at each fork. What is
    here now is never collected, so no life walks it again."""
    env = RealEnv(failpoint="")
    for name, account in config.accounts.items():
        broker_of(env, name, account, revealed)
        rules_of(config, account, strategies_of(config))
    gc.collect()
    gc.freeze()


def _died_as_planned(status: int, directory: Path) -> None:
    code = os.waitstatus_to_exitcode(status)
    if code != -signal.SIGKILL:
        raise Broken(f"the daemon ended by itself with {code}: see {directory / 'daemon.log'}")


def with_venue(config: Config, port: int) -> Config:
    """The demo's rules against the venue's process; small segments and many snapshots, so that kills meet them."""
    journal = msgspec.structs.replace(config.journal)
    for name, often in (
        ("segment_bytes", 16 << 10),
        ("snapshot_every", 25),
    ):  # a life is shorter than any that may be asked for
        msgspec.structs.force_setattr(journal, name, often)
    account = msgspec.structs.replace(
        config.accounts[ACCOUNT], settings={"url": f"ws://127.0.0.1:{port}/", "credit": 512, "silence_s": 5.0}
    )
    return msgspec.structs.replace(
        config,
        accounts={ACCOUNT: account},
        web=msgspec.structs.replace(config.web, enabled=False),
        journal=journal,
        house=msgspec.structs.replace(
            config.house, timer_s=0.02, positions_s=0.3, orders_s=0.1, snapshot_s=0.1, crash_loop_starts=0
        ),
    )


def _told(verdict: Verdict, tally: Tally) -> dict[str, object]:
    """The object of --json: the verdict, and where it died."""
    return {
        **msgspec.structs.asdict(verdict), "points": _by_name(tally.points), "missed": _by_name(tally.missed),
        "pairs": len(tally.pairs),
    }  # fmt: skip


def _by_name(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda kv: (len(kv[0]), kv[0])))


def _logs(verdict: Verdict, truth: Venue, known: Known) -> str:
    equal = "equal" if verdict.positions_equal else f"NOT EQUAL: venue {truth.positions}, ours {known.positions}"
    return (
        f"journal: {known.records} records, {known.unsettled} orders unsettled; the venue counted {truth.logins} logins; "
        f"positions {equal}"
    )


def _report(verdict: Verdict, tally: Tally) -> None:
    where = ", ".join(f"{name} {n}" for name, n in _by_name(tally.points).items())
    missed = ", ".join(f"{name} {n}" for name, n in _by_name(tally.missed).items())
    print(f"\nkilled at: {where}; {len(tally.pairs)} pairs" + (f"; not come by: {missed}" if missed else ""))
    print(
        f"halts {verdict.halts}, sent after a halt {verdict.sent_after_halt}; "
        f"promises {verdict.promises}, broken {verdict.promises_broken}"
    )
    print(
        f"orders at venue {verdict.orders_venue}, known {verdict.orders_known}, duplicates {verdict.duplicates}, "
        f"fills lost {verdict.fills_lost}, positions {'equal' if verdict.positions_equal else 'NOT EQUAL'}"
    )


def _pause(seconds: float) -> None:
    """The parent waits for its child; it is no daemon and has no loop."""
    signal.sigtimedwait((), seconds)
