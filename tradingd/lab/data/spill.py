"""Rows of an instrument that wait in a plain file until they are all there: between two blocks nothing is open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tradingd.lab.data.kinds import Kind
from tradingd.lab.data.parquet import GROUP, Columns, Writer


class Spill:
    """Takes the place of a `Writer` where so many files are being made that they cannot all be open. Its rows wait beside it."""

    def __init__(self, path: Path, kind: Kind) -> None:
        self.path, self.kind = path, kind
        self._aside = path.with_suffix(".rows")
        self._blocks = 0

    def write(self, columns: Columns) -> None:
        """Adds a block. OSError when the disk does not take it."""
        with self._aside.open("ab") as file:
            for name in self._names:
                values = columns[name]
                np.save(file, values.astype(str) if values.dtype == object else values, allow_pickle=False)
        self._blocks += 1

    def close(self, meta: object) -> None:
        """Makes the file of all blocks, in their order. meta: what it says about itself, a struct."""
        writer = Writer(self.path, self.kind)
        try:
            for columns in self._groups():
                writer.write(columns)
            writer.close(meta)
        except BaseException:
            writer.abandon()
            raise
        self._aside.unlink(missing_ok=True)

    def abandon(self) -> None:
        """Nothing is open; what lies there is swept with the rest."""

    @property
    def _names(self) -> tuple[str, ...]:
        return ("ts", *self.kind.columns)

    def _groups(self) -> Iterator[Columns]:
        """The blocks, joined until they are worth a row group."""
        if not self._blocks:
            return
        held: list[Columns] = []
        with self._aside.open("rb") as file:
            for _ in range(self._blocks):
                block = {name: np.load(file, allow_pickle=False) for name in self._names}
                held.append({n: v.astype(object) if v.dtype.kind == "U" else v for n, v in block.items()})
                if sum(len(each["ts"]) for each in held) >= GROUP:
                    yield _joined(held)
                    held = []
        if held:
            yield _joined(held)


def _joined(blocks: list[Columns]) -> Columns:
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
