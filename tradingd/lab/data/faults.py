"""What is wrong with data or with what was asked for."""

from __future__ import annotations

import msgspec


class DataError(Exception):
    """The data or the question cannot be used; nothing was changed. The message names file, line and field."""


class Fault(msgspec.Struct, frozen=True):
    """One line of a source that cannot be used. line: from 1 in CSV (the header is 1), the row from 1 in Parquet.   field: ""
    when it is the whole line."""

    file: str
    line: int
    field: str
    why: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.field + ': ' if self.field else ''}{self.why}"


class Bad(Exception):
    """One cell cannot be used."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(why)
        self.field, self.why = field, why
