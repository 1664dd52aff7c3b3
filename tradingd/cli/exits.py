"""Exit codes, and the one error a verb raises to end with one of them. Source: FEATURES 5.4."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Verbs of the command line end with 0..7; the daemon itself with 0 or one of 70..78 (sysexits.h)."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_RUNNING = 3
    REFUSED = 4  # by a rule or a role; nothing changed
    UNKNOWN = 5  # time-out: perhaps done, perhaps not
    NOT_FOUND = 6
    PARTLY = 7  # flatten left something, a backtest or sweep was stopped early, trials failed
    FAULT = 70
    DISK = 74
    TEMPORARY = 75
    PERMISSION = 77
    CONFIG = 78


class CliError(Exception):
    """Ends the command: the message goes to stderr behind "Error: ", the code to the shell."""

    def __init__(self, message: str, code: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.code = code
