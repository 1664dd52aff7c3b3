"""What is wrong with a result folder."""

from __future__ import annotations


class ResultFault(Exception):
    """The folder cannot be used; nothing was changed. The message names the file, and line and field where there are any."""


class NoResult(ResultFault):
    """There is no result in that folder."""
