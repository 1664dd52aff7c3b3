"""One trial of a sweep: a backtest in a folder of its own, and what is kept of it. Its key says what decided it. Source: T4."""

from __future__ import annotations

import shutil
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import msgspec

from tradingd.app import strategies_of
from tradingd.backtest.options import DEMO, Options
from tradingd.backtest.rules import configured
from tradingd.backtest.run import run_backtest
from tradingd.config import config_hash
from tradingd.lab.results.figures import DAYS, TRADES
from tradingd.lab.results.result import Result
from tradingd.lab.results.rows import Day, Trade, rows
from tradingd.lab.sweep.outcome import Outcome
from tradingd.lab.sweep.space import Point
from tradingd.ports import Disk

CHANGED = "the configuration or the code changed while the sweep ran"


class Cut(Exception):
    """The worker was told to stop: there is no outcome."""


class Setting(msgspec.Struct, frozen=True):
    """What all trials of a sweep share. data: its identity.   build: the code's hash."""

    data: str
    build: str


class Job(msgspec.Struct, frozen=True):
    """key: of the outcome.   options: of its backtest; `out` is where it works.   data, rules, build: hashes it must be run with.
    keep: leave the folder there."""

    key: str
    options: Options
    data: str
    rules: str
    build: str
    keep: bool = False


def rules_key(options: Options) -> str:
    """Hash of the whole configuration. Raises Misconfigured when it could not run, settings of strategies included."""
    config, _ = configured(options)
    strategies_of(config)
    return config_hash(config)


def job_of(base: Options, point: Point, rules: str, setting: Setting, work: Path) -> Job:
    """The same run with these keys set over all else. rules: `rules_key` of it.   work: where its folder will be."""
    options = msgspec.structs.replace(
        base, varied=tuple(f"{key}={value}" for key, value in point), page=False, progress=False, report=None
    )
    decides = (
        setting.data, setting.build, rules, options.account, options.begin, options.end, options.symbols, options.warm_up_days,
        options.costs,
    )  # fmt: skip
    key = sha256(msgspec.json.encode(decides)).hexdigest()
    return Job(key, msgspec.structs.replace(options, out=work / key[:16]), setting.data, rules, setting.build)


def data_identity(options: Options, disk: Disk) -> str:
    """A hash of what is shipped (days, session tables), and of what each part of the store says it holds and was made of."""
    digest = sha256()
    for package in ("tradingd", "tradingd_adapters.sim"):
        for name, content in sorted(_contents(files(package).joinpath("data"))):
            digest.update(name.encode() + b"\0" + sha256(content).digest())
    if options.data != DEMO:
        from tradingd.lab.data.store import Store

        store = Store(Path(options.data), disk)
        for kind, symbol in store.holdings():
            for part in store.parts(kind, symbol):
                digest.update(part.path.name.encode() + b"\0" + msgspec.json.encode(part.meta))
    return digest.hexdigest()


def _contents(root: Traversable) -> list[tuple[str, bytes]]:
    return [(item.name, item.read_bytes()) for item in root.iterdir() if item.is_file()]


def _whole(options: Options) -> Result:
    result = run_backtest(options).result
    if result.state != "complete":
        raise Cut(result.why)
    return result


def run_trial(job: Job) -> Outcome:
    """The backtest, and the rows of its folder. What it raises is its outcome, but for Cut when it was told to stop, and
    MemoryError."""
    out = job.options.out
    assert out is not None
    shutil.rmtree(out, ignore_errors=True)
    try:
        result = _whole(job.options)
        if (result.config_hash, result.build) != (job.rules, job.build):
            return Outcome(key=job.key, state="failed", why=CHANGED)
        days = list(rows(out, DAYS, Day))
        closed = tuple((trade.utc[:10], float(trade.net)) for trade in rows(out, TRADES, Trade) if not trade.micro)
        return Outcome(
            key=job.key, days=tuple(day.date for day in days), returns=tuple(day.daily_return for day in days), closed=closed,
            head=result.journal.head, year=result.sessions_a_year,
        )  # fmt: skip
    except (Cut, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever a trial fails by is said in its row
        return Outcome(key=job.key, state="failed", why=f"{type(error).__name__}: {error}")
    finally:
        if not job.keep:
            shutil.rmtree(out, ignore_errors=True)
