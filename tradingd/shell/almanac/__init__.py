"""The almanac: what the operator's files know and no venue tells: earnings dates, corporate actions, prices of the past."""

from tradingd.shell.almanac.almanac import LOOK_S, Account, Almanac

__all__ = ["LOOK_S", "Account", "Almanac"]
