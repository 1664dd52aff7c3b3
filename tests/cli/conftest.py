"""Running the command line: in this process for speed, its exit code and streams as the shell would see them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.fakes.daemon import Daemon, running
from tradingd.cli import main


class Ran(NamedTuple):
    code: int
    out: str
    err: str


Cli = Callable[..., Ran]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    """Runs `tradingd ARGUMENTS` in a directory of its own with none of the machine's configuration."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("TRADINGD_DIR", "XDG_CONFIG_HOME", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str) -> Ran:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        captured = capsys.readouterr()
        return Ran(int(ended.value.code or 0), captured.out, captured.err)

    return run


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A fake daemon in ./tradingd-demo, where the commands look by themselves."""
    directory = tmp_path / "tradingd-demo"
    directory.mkdir()
    with running(directory) as fake:
        yield fake
