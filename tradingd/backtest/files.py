"""`--data` that names files or tapes: read as an import reads them, into a store that lasts as long as the run. Source: T2, J5."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tradingd.backtest.options import DEMO, Options
from tradingd.backtest.rules import configured
from tradingd.config.model import SYMBOL
from tradingd.lab.data.times import Reading
from tradingd.ports import Disk, Misconfigured
from tradingd.shell.ticks.frames import files_of
from tradingd.shell.ticks.read import DIRECTORY

if TYPE_CHECKING:
    from tradingd.lab.data.report import Request


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """What --data named, and what was said about reading it. data: "demo", the folder of a store, or files and tapes, each FILE,
    SYMBOL=FILE or a state directory.   kinds: of all files, or one for each.   reading, columns, merge, skip_bad: as an import
    is told."""

    data: tuple[str, ...] = (DEMO,)
    kinds: tuple[str, ...] = ()
    reading: Reading = Reading()
    columns: Mapping[str, str] = {}
    merge: bool = False
    skip_bad: bool = False

    @property
    def said(self) -> list[str]:
        """The options that say how files are read, as far as they were given."""
        given = {
            "--kind": self.kinds, "--column": self.columns, "--merge": self.merge, "--skip-bad": self.skip_bad,
            **{f"--{name}": getattr(self.reading, name) for name in self.reading.__struct_fields__},
        }  # fmt: skip
        return [option for option, value in given.items() if value]


@contextmanager
def at_hand(options: Options, named: Named, disk: Disk) -> Iterator[Options]:
    """The options with what --data named in place: files stand in a store in the machine's temporary folder until the block is
    left, also by TERM. Raises Misconfigured naming the option, DataError for a file that cannot be used, Missing without the
    lab's libraries."""
    found = [text for text in named.data if _is_taped(text, disk)]
    taped = [Path(text) for text in found]
    files = _files([text for text in named.data if text not in found], taped)
    if not files and not taped:
        if len(named.data) != 1:
            raise Misconfigured(f"--data {named.data[0]!r}: is run alone; only files and tapes may be named together")
        if named.said:
            raise Misconfigured(f"{named.said[0]}: says how files are read, and --data {named.data[0]!r} names none")
        yield msgspec.structs.replace(options, data=named.data[0])
        return
    if not files and (wrong := [option for option in named.said if option != "--calendar"]):
        raise Misconfigured(f"{wrong[0]}: says how files are read, and --data {named.data[0]!r} names tapes")
    from tradingd.lab.data.extra import need

    need()
    if not taped or options.config is not None:
        configured(msgspec.structs.replace(options, data=named.data[0]))  # before hours of reading
    from tradingd.backtest.tapes import record
    from tradingd.lab.data.direct import direct
    from tradingd.lab.data.report import notes

    kinds = _kinds(named, len(files))
    asked = [
        (path, _request(path, symbol, kind, options, named)) for (symbol, path), kind in zip(files, kinds, strict=True)
    ]
    with _ended_by_term(), direct(asked, disk) as (store, reports):
        tapes = [record(store, state, disk, key=named.reading.calendar) for state in taped]
        said = [note for report in reports for note in notes(report)]
        said += [note for each in tapes for note in each.notes]
        rules = next((each.config for each in tapes if each.config), "")
        yield msgspec.structs.replace(options, data=str(store.root), files=named.data, notes=tuple(said), rules=rules)


def _files(data: Sequence[str], taped: Sequence[Path]) -> list[tuple[str, Path]]:
    """(symbol or "", path) of each; [] when none of them is a file. Misconfigured when only some are, or beside tapes."""
    found = [each for text in data if (each := _file(text)) is not None]
    if (found or taped) and len(found) != len(data):
        other = next(text for text in data if _file(text) is None)
        raise Misconfigured(f"--data {other!r}: only files and tapes may be named together, and this is neither")
    return found


def _is_taped(text: str, disk: Disk) -> bool:
    """Whether that is a state directory; one without tapes is, too, and is told so when they are read. "demo" is what is shipped,
    whatever stands here by that name."""
    state = Path(text)
    if text == DEMO or not state.is_dir():
        return False
    return bool(files_of(disk.listdir(str(state / DIRECTORY)))) or (state / "journal").is_dir()


def _file(text: str) -> tuple[str, Path] | None:
    if text != DEMO and Path(text).is_file():
        return "", Path(text)
    symbol, sign, path = text.partition("=")
    if not (sign and Path(path).is_file()):
        return None
    if SYMBOL.match(symbol) is None:
        raise Misconfigured(f"--data {text!r}: {symbol!r} is no symbol")
    return symbol, Path(path)


def _kinds(named: Named, count: int) -> Sequence[str]:
    if len(named.kinds) not in (0, 1, count):
        raise Misconfigured(f"--kind: say it once for all files or once for each: {len(named.kinds)} for {count} files")
    return named.kinds if len(named.kinds) == count else (named.kinds or ("",)) * count


def _request(path: Path, symbol: str, kind: str, options: Options, named: Named) -> Request:
    """How that file is to be read. What it must be told and was not names the option."""
    from tradingd.lab.data.header import names_symbols
    from tradingd.lab.data.kinds import NAMES, kind_of
    from tradingd.lab.data.report import Request
    from tradingd.lab.data.sources import opened

    if not kind:
        if (own := _own(path)) is not None:
            return own
        raise Misconfigured(f"--kind: say what {path.name} holds: {NAMES}")
    what = kind_of(kind)
    if not symbol and "symbol" not in named.columns:
        with opened(path) as source:
            tells = names_symbols(source.names)
        if not tells and len(options.symbols) != 1:
            raise Misconfigured(
                f"--data {str(path)!r}: it has no column for its symbol: write SYMBOL={path}, or name the only one with --symbol"
            )
        symbol = "" if tells else options.symbols[0]
    return Request(
        kind=what,
        reading=named.reading,
        symbol=symbol,
        columns=named.columns,
        merge=named.merge,
        skip_bad=named.skip_bad,
    )


def _own(path: Path) -> Request | None:
    """A part of a store says itself what it holds."""
    from tradingd.lab.data.kinds import kind_of
    from tradingd.lab.data.report import Request
    from tradingd.lab.data.store import meta_of

    meta = meta_of(path)
    if meta is None:
        return None
    kind, tz = kind_of(meta.kind), meta.origins[-1].reading.tz if meta.origins else ""
    how = Reading(tz=tz, unit="ns", stamp="end" if kind.span_s else "", calendar=meta.calendar)
    known = {} if meta.instrument is None else {meta.symbol: meta.instrument}
    return Request(kind=kind, reading=how, symbol=meta.symbol, instruments=known)


@contextmanager
def _ended_by_term() -> Iterator[None]:
    """TERM ends the block in an orderly way, so that the temporary store goes with it."""

    def end(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
