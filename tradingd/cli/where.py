"""Where things lie: the configuration file and the state directory a command means."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tradingd.cli.exits import CliError, Exit

if TYPE_CHECKING:
    from tradingd.config import Loaded

DEMO_DIR = "tradingd-demo"


def state_dir(option: Path | None, config: Path | None = None) -> Path:
    """--dir, else TRADINGD_DIR, else the configuration's [state] dir, else the demo's directory here when it is there.

    The demo here also stands in for a configuration whose daemon never ran (it has no state directory yet): somebody who just
    tries a checkout means the demo, and there is no other daemon that a stop word could miss.
    Raises CliError 3 when none of them says anything: then nothing can run.
    """
    if option is not None:
        return option
    if os.environ.get("TRADINGD_DIR"):
        return Path(os.environ["TRADINGD_DIR"])
    file = config or config_file()
    if file is not None and (config is not None or not _demo_runs()):
        where = resolve_dir(load_config(file), file)
        if config is not None or where.is_dir() or not Path(DEMO_DIR).is_dir():
            return where
    if Path(DEMO_DIR).is_dir():
        return Path(DEMO_DIR)
    raise CliError(
        "no configuration and no demo here; name the daemon's directory with --dir or TRADINGD_DIR", Exit.NOT_RUNNING
    )


def _demo_runs() -> bool:
    """A demo started in this directory is what somebody who just started it means, whatever lies in /etc."""
    return (Path(DEMO_DIR) / "control.sock").is_socket() and not Path("tradingd.toml").is_file()


def config_file() -> Path | None:
    from tradingd.config import find_file

    return find_file(os.environ, Path.cwd())


def load_config(file: Path) -> Loaded:
    """Raises CliError 78, one line per fault."""
    from tradingd.config import ConfigError, load

    try:
        return load(file, environ=os.environ)
    except ConfigError as exc:
        raise CliError(str(exc), Exit.CONFIG) from None


def need_config(option: Path | None) -> Path:
    file = option or config_file()
    if file is None:
        raise CliError(
            "no tradingd.toml here, in the user's configuration or in /etc/tradingd; name one with --config",
            Exit.CONFIG,
        )
    return file


def resolve_dir(loaded: Loaded, file: Path) -> Path:
    """A relative state directory is meant from where the configuration file lies."""
    return file.parent / loaded.config.state.dir
