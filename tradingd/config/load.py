"""Reading and judging a configuration: all faults at once, each with its key, its place and what would be right. Source: H6."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tradingd.config.convert import Faults, Problem, build
from tradingd.config.sources import Override, Sources
from tradingd.config.whole import Config, cross_check

FILE = "tradingd.toml"


class ConfigError(Exception):
    """The configuration is wrong: one line per fault, with the place where it stands."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = tuple(lines)


class Loaded(msgspec.Struct, frozen=True):
    """A good configuration, the files it came from and the environment variables that changed it (to be logged at start)."""

    config: Config
    files: tuple[Path, ...] = ()
    overrides: tuple[Override, ...] = ()


def find_file(environ: Mapping[str, str], cwd: Path) -> Path | None:
    """The configuration to use when none is named: here, then the user's, then the machine's."""
    home = environ.get("XDG_CONFIG_HOME") or (f"{environ['HOME']}/.config" if environ.get("HOME") else "")
    places = [cwd / FILE, *([Path(home) / "tradingd" / FILE] if home else []), Path("/etc/tradingd") / FILE]
    return next((path for path in places if path.is_file()), None)


def load(file: Path, *, environ: Mapping[str, str], flags: Mapping[str, Any] | None = None) -> Loaded:
    """file, then conf.d/*.toml beside it by name, then the environment, then flags ("web.port" -> 0).

    Raises ConfigError with every fault; reads nothing but these files.
    """
    sources, faults = Sources(), Faults()
    sources.add_file(file, faults)
    for extra in sorted((file.parent / "conf.d").glob("*.toml")):
        sources.add_file(extra, faults)
    return _judge(sources, faults, environ, flags or {})


def load_text(
    text: str, *, name: str = "configuration", environ: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
) -> Loaded:  # fmt: skip
    """The same from text alone."""
    sources, faults = Sources(), Faults()
    sources.add_text(text, name, faults)
    return _judge(sources, faults, environ or {}, flags or {})


def _judge(sources: Sources, faults: Faults, environ: Mapping[str, str], flags: Mapping[str, Any]) -> Loaded:
    sources.add_environment(environ, faults)
    sources.add_flags(flags, faults)
    if faults.problems:  # a file that is no TOML, or not there: what follows would only confuse
        raise ConfigError([problem.message for problem in faults.problems])
    config = build(Config, sources.table, "", faults)
    if config is not None:
        cross_check(config, faults)
    if config is None or faults.problems:
        found = sorted(faults.problems, key=lambda problem: _order(problem, sources))
        raise ConfigError([_line(problem, sources) for problem in found])
    return Loaded(config, tuple(sources.files), tuple(sources.overrides))


def _line(problem: Problem, sources: Sources) -> str:
    place = sources.place(problem.path)
    text = f"{problem.path} {problem.message}".strip()
    return f"{place}: {text}" if place else text


def _order(problem: Problem, sources: Sources) -> tuple[str, int]:
    """As the operator reads the files: by file, then by line."""
    name, _, line = sources.place(problem.path).rpartition(":")
    return (name, int(line)) if line.isdigit() else (line, 0)
