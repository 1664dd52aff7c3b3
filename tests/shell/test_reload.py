"""A new configuration under a running daemon: what takes effect at once, and what is read again with it."""

from __future__ import annotations

from tests.shell.stage import CONFIG, stage
from tradingd.config import load_text
from tradingd.core.facts import ConfigChanged
from tradingd.shell.reload import Reload

ACCOUNT = '[accounts.one]\nbroker = "sim"\n'


async def test_correlation_and_adaptive_limits_change_under_a_running_daemon() -> None:
    """H6, E7, E12: in force from the next event on, journaled with before and after."""
    new = load_text(CONFIG + ACCOUNT + '[correlation]\ndays = 60\n[adaptive]\nrapid_move = "3%"\n').config
    async with stage() as s:
        answer = Reload(load_text(CONFIG + ACCOUNT).config, s.house, lambda: new)("ann")
        await s.house.settle()
        assert not answer.refused
        assert (s.member.rules.correlation.days, s.member.rules.adaptive.rapid_move) == (60, 0.03)
        [changed] = s.said(ConfigChanged)
        assert changed.changes == (("adaptive.rapid_move", "0.05", "0.03"), ("correlation.days", "90", "60"))


async def test_other_names_of_files_take_a_restart_and_their_contents_do_not() -> None:
    """H6: whoever asks for a reload gets the files read again, whatever becomes of the configuration."""
    read: list[str] = []
    new = load_text(CONFIG + ACCOUNT + '[files]\nearnings = "e.csv"\n').config
    async with stage() as s:
        reload = Reload(load_text(CONFIG + ACCOUNT).config, s.house, lambda: new)
        reload.on_read = lambda: read.append("files")
        answer = reload("ann")
        assert answer.refused
        assert "files.earnings: only a restart" in answer.text
        assert read == ["files"]
