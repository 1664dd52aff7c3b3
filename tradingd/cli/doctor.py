"""The doctor verb: one row a check, each with its cure. Ends with 1 when a check failed; a warning is no failure."""

from __future__ import annotations

import os
import shutil
import sys
import time  # sim-ok: a client command, not the daemon
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec
import typer

from tradingd.cli.client import Client
from tradingd.cli.exits import CliError, Exit
from tradingd.cli.options import ConfigFile, Dir, Json
from tradingd.cli.show import paint, say, say_json, table
from tradingd.cli.where import config_file, load_config, state_dir

Mark = Literal["ok", "warn", "FAIL"]
_COLOURS = {"ok": "green", "warn": "yellow", "FAIL": "red"}
_FREE_WARN, _FREE_FAIL = 2 << 30, 200 << 20  # bytes


class Row(msgspec.Struct, frozen=True):
    """One check: its name, how it came out, what was seen, and what to do when it is not ok."""

    check: str
    mark: Mark
    seen: str
    cure: str = ""


def doctor(config: ConfigFile = None, directory: Dir = None, as_json: Json = False) -> None:
    """Look at everything the daemon needs and say how to mend what is wrong."""
    rows = list(_rows(config, directory))
    failed = [row for row in rows if row.mark == "FAIL"]
    if as_json:
        say_json({"ok": not failed, "checks": rows})
    else:
        say(table(("check", "", "seen", "cure"), [(r.check, r.mark, r.seen, r.cure) for r in rows]))
        word = "all well" if not failed else f"{len(failed)} to mend: {', '.join(row.check for row in failed)}"
        say(paint(word, "red" if failed else "green"))
    if failed:
        raise typer.Exit(int(Exit.FAILED))


def _rows(config: Path | None, option: Path | None) -> Iterator[Row]:
    yield _python()
    file = config or config_file()
    yield _config(file)
    where = _directory(option, config)
    if where is None:
        yield Row("state directory", "warn", "none is known", "name it: --dir DIR, or [state] dir in tradingd.toml")
    else:
        for check in (_writable, _free, _file_system, _socket, _journal):
            yield check(where)
    yield _clock()
    yield _sessions()


def _python() -> Row:
    seen = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info >= (3, 11)
    return Row("python", "ok" if good else "FAIL", seen, "" if good else "install Python 3.11 or newer")


def _config(file: Path | None) -> Row:
    if file is None:
        return Row("configuration", "warn", "no tradingd.toml found", "copy the example tradingd.toml; demo needs none")
    try:
        loaded = load_config(file)
    except CliError as exc:
        faults = str(exc).split("\n")
        return Row("configuration", "FAIL", faults[0], f"mend {len(faults)} fault(s): tradingd config check")
    return Row("configuration", "ok", f"{file}, mode {loaded.config.mode}")


def _directory(option: Path | None, config: Path | None) -> Path | None:
    try:
        return state_dir(option, config)
    except CliError:
        return None


def _existing(where: Path) -> Path:
    """The directory, or the nearest one above that is there already."""
    here = where.absolute()
    while not here.exists():
        here = here.parent
    return here


def _writable(where: Path) -> Row:
    here = _existing(where)
    if here.is_dir() and os.access(here, os.W_OK | os.X_OK):
        return Row("state directory", "ok", f"{where}" + ("" if here == where.absolute() else " (will be made)"))
    return Row(
        "state directory",
        "FAIL",
        f"{here} cannot be written",
        f"chown it to the daemon's user, or choose another [state] dir than {where}",
    )


def _free(where: Path) -> Row:
    free = shutil.disk_usage(_existing(where)).free
    mark: Mark = "FAIL" if free < _FREE_FAIL else "warn" if free < _FREE_WARN else "ok"
    return Row(
        "disk free",
        mark,
        f"{free / (1 << 30):.1f} GiB",
        "" if mark == "ok" else "make room: the journal grows, and a full disk halts trading",
    )


def _file_system(where: Path) -> Row:
    from tradingd.cli.records import fs_kind

    kind = fs_kind(_existing(where))
    if kind != "local":
        return Row(
            "file system",
            "warn",
            kind,
            "no place for a journal: put [state] dir on a local disk (demo and force_fs do without)",
        )
    return Row("file system", "ok", kind)


def _socket(where: Path) -> Row:
    try:
        ping = Client(where, timeout_s=2.0).get("/ping", dict[str, object])
    except CliError as exc:
        if exc.code is Exit.NOT_RUNNING:
            return Row("daemon", "warn", "not running", "start it: tradingd run")
        return Row("daemon", "FAIL", str(exc), "look at its log")
    return Row("daemon", "ok", f"pid {ping.get('pid')}, version {ping.get('version')}, mode {ping.get('mode')}")


def _journal(where: Path) -> Row:
    from tradingd.cli.records import has_journal, inspect

    if not has_journal(where):
        return Row("journal", "ok", "none yet")
    try:
        report = inspect(where)
    except CliError as exc:
        return Row("journal", "FAIL", str(exc), "tradingd journal verify")
    if report.ok:
        return Row("journal", "ok", f"{report.records} records, head {report.head[:16]}")
    if report.torn:
        return Row(
            "journal",
            "warn",
            f"torn tail: {report.fault}",
            "nothing: it was never durable, and the next start keeps it aside",
        )
    return Row("journal", "FAIL", report.fault, "do not trade on it; keep a copy and restore the last good one")


def _clock() -> Row:
    """Whether the kernel says that the clock is disciplined; a wrong clock makes fresh prices look stale (E)."""
    now = time.time()  # sim-ok: a client command, not the daemon
    if now < 1_735_689_600:  # 2025-01-01: no machine that trades today is older
        return Row("clock", "FAIL", f"{now:.0f} s since 1970, which is years ago", "set the clock")
    synchronised = Path("/run/systemd/timesync/synchronized").exists() or _chrony()
    if synchronised:
        return Row("clock", "ok", "synchronised")
    return Row("clock", "warn", "no sign of a time service", "run chrony or systemd-timesyncd")


def _chrony() -> bool:
    return any(Path(path).exists() for path in ("/run/chrony/chronyd.pid", "/run/chronyd.pid", "/run/ntpd.pid"))


def _sessions() -> Row:
    from tradingd.cli.records import last_session

    last = last_session()
    cure = "install a newer tradingd: entries are refused on days the table does not cover"
    if not last:
        return Row("session table", "FAIL", "missing", cure)
    in_a_month = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 30 * 86400))  # sim-ok: a client command
    return Row(
        "session table",
        "ok" if last >= in_a_month else "warn",
        f"known until {last}",
        "" if last >= in_a_month else cure,
    )
