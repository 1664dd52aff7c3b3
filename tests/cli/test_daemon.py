"""Starting verbs: what is wrong is said before anything starts, with the daemon's exit codes. H1, H6."""

from pathlib import Path

import pytest

from tests.cli.conftest import Cli


def test_run_with_a_bad_configuration_ends_with_78_and_every_fault(cli: Cli, tmp_path: Path) -> None:
    """systemd must not restart into a bad file: RestartPreventExitStatus=78."""
    (tmp_path / "tradingd.toml").write_text('mode = "live"\n[risk]\nmax_dayly_loss = 1\n[accounts.a1]\nbroker = 3\n')
    ran = cli("run")
    assert (ran.code, ran.out) == (78, "")
    assert "did you mean max_daily_loss?" in ran.err
    assert "accounts.a1.broker must be text in quotes" in ran.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tradingd.toml"]


def test_run_without_a_configuration_ends_with_78(cli: Cli) -> None:
    assert cli("run").code == 78


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--from", "2008"], "--from '2008': a day is written 2008-01-02"),
        (["--to", "yesterday"], "--to 'yesterday': a day is written"),
        (["--from", "2009-01-02", "--to", "2008-01-02"], "--to is before --from"),
        (["--crash", "--record"], "--record is for a plain replay, not for --crash"),
        (["--speed", "fast"], "--speed 'fast': a number above 0, or max"),
        (["--speed", "0"], "--speed '0'"),
        (["--speed", "nan"], "--speed 'nan'"),
        (["--kills", "0"], "--kills"),
        (["--port", "70000"], "--port"),
    ],
)
def test_a_demo_that_makes_no_sense_is_refused_before_it_starts(
    cli: Cli, tmp_path: Path, arguments: list[str], message: str
) -> None:
    ran = cli("demo", *arguments)
    assert ran.code == 2
    assert message in ran.err
    assert list(tmp_path.iterdir()) == []
