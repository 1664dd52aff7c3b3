"""What is wrong with what was asked of a sweep, or with what an earlier one left."""

from __future__ import annotations


class SweepFault(Exception):
    """In one line, naming the option, or the file and its line."""


class Mistaken(SweepFault):
    """An option that means nothing: it must be written otherwise."""
