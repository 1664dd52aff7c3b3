"""Verbs that start something: run and demo. What they start is imported only here, so that looking stays quick."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tradingd.cli.exits import CliError, Exit
from tradingd.cli.options import ConfigFile, Dir, Json
from tradingd.cli.show import complain
from tradingd.cli.where import load_config, need_config, resolve_dir
from tradingd.core.views.reasons import clean

if TYPE_CHECKING:
    from tradingd.ports import Broken


def run(config: ConfigFile = None, directory: Dir = None) -> None:
    """Run the daemon in the foreground. Ends with 0, 70 fault, 74 disk, 75 try again, 77 permission, 78 configuration."""
    file = need_config(config)
    loaded = load_config(file)
    for override in loaded.overrides:
        complain(f"{override.key} is set by environment variable {override.variable}")
    from tradingd.app import run as run_app
    from tradingd.config import load
    from tradingd.ports import Broken

    try:
        code = run_app(
            loaded.config, directory=directory or resolve_dir(loaded, file), overrides=loaded.overrides,
            read=lambda: load(file, environ=os.environ).config, base=file.parent,
        )  # fmt: skip
    except PermissionError as exc:
        raise CliError(f"permission denied: {exc.filename or exc}", Exit.PERMISSION) from None
    except OSError as exc:
        raise CliError(f"disk or network: {exc}", Exit.DISK) from None
    except Broken as exc:
        raise CliError(clean(str(exc)), _code_of(exc)) from None
    raise typer.Exit(code)


def _code_of(broken: Broken) -> Exit:
    """What a supervisor should do: 78 change the configuration, 75 try again later, 74 look at the journal and the disk."""
    from tradingd.ports import Misconfigured
    from tradingd.shell.journal import JournalLocked
    from tradingd.shell.web.app import PortTaken

    if isinstance(broken, Misconfigured):
        return Exit.CONFIG
    return Exit.TEMPORARY if isinstance(broken, JournalLocked | PortTaken) else Exit.DISK


def demo(
    begin: Annotated[str, typer.Option("--from", metavar="DATE", help="First day of the replay.")] = "2008-01-02",
    end: Annotated[str, typer.Option("--to", metavar="DATE", help="Last day of the replay.")] = "2008-12-31",
    speed: Annotated[
        str, typer.Option("--speed", metavar="N|max", help="Replay seconds in one real second, or max.")
    ] = "100000",
    exit_at_end: Annotated[
        bool, typer.Option("--exit", help="End when the replay ends, instead of keeping the page up.")
    ] = False,
    as_json: Json = False,
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            min=0,
            max=65535,
            help="Of the page; 0: any free one. [default: 8787, or a free one when that is taken]",
        ),
    ] = None,
    crash: Annotated[
        bool, typer.Option("--crash", help="Kill the daemon in the middle, start it again, compare with the venue.")
    ] = False,
    kills: Annotated[int, typer.Option("--kills", min=1, max=100_000, help="How often, with --crash.")] = 200,
    record: Annotated[
        bool, typer.Option("--record", help="Keep a tape of all that is decided upon, for parity and replay.")
    ] = False,
    directory: Annotated[Path, typer.Option("--dir", metavar="DIR", help="Where the demo keeps its journal.")] = Path(
        "tradingd-demo"
    ),
) -> None:
    """Trade a simulated market with recorded prices: no account, no key, nothing leaves this machine."""
    for name, text in (("--from", begin), ("--to", end)):
        _check_date(name, text)
    if end < begin:
        raise CliError("--to is before --from", Exit.USAGE)
    if crash and record:
        raise CliError("--record is for a plain replay, not for --crash", Exit.USAGE)
    pace = _speed(speed)
    from tradingd.demo import DemoOptions, run_demo
    from tradingd.ports import Broken

    options = DemoOptions(
        begin=begin,
        end=end,
        speed=pace,
        exit=exit_at_end,
        json=as_json,
        port=port,
        crash=crash,
        kills=kills,
        record=record,
        dir=directory,
    )
    try:
        code = run_demo(options)
    except (Broken, OSError) as exc:
        raise CliError(clean(str(exc)), Exit.FAILED) from None
    raise typer.Exit(code)


def _check_date(name: str, text: str) -> None:
    from datetime import date

    try:
        good = date.fromisoformat(text).isoformat() == text
    except ValueError:
        good = False
    if not good:
        raise CliError(f"{name} {text!r}: a day is written 2008-01-02", Exit.USAGE)


def _speed(text: str) -> float | None:
    """Replay seconds in one real second; None for as fast as it goes."""
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise CliError(f"--speed {text!r}: a number above 0, or max", Exit.USAGE)
    return speed


def venue(context: typer.Context) -> None:
    """Run the simulated venue as a process of its own, for `run` with config/simulated.toml. `venue -- --help`: its switches."""
    import asyncio

    from tradingd_adapters.sim.server import main as serve

    given = list(context.args)
    if "--port" not in given:
        given += ["--port", "8765"]
    if "--pace" not in given:
        given += ["--pace", "real:600"]
    asyncio.run(serve(given))
