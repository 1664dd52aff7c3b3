"""Parquet, the one module that knows pyarrow: it has no types, so nothing of it leaves here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from tradingd.lab.data.cells import Cells
from tradingd.lab.data.faults import DataError
from tradingd.lab.data.kinds import TEXT, Kind

MAGIC = b"PAR1"
KEY = b"tradingd"
ALWAYS = (-(2**63), 2**63 - 1)  # since, until: all there is
GROUP = 32_768  # rows of a row group: what a reader holds of each instrument

Column = np.ndarray[Any, Any]
Columns = dict[str, Column]  # ts int64, the numbers float64, the texts object

pa: Any = import_module("pyarrow")
pq: Any = import_module("pyarrow.parquet")
pa.set_memory_pool(pa.system_memory_pool())  # the others keep what they freed


class Writer:
    """A new file, written column block by column block. Not durable before the caller synced it."""

    def __init__(self, path: Path, kind: Kind) -> None:
        self._schema = _schema(kind)
        self._file = pq.ParquetWriter(path, self._schema, compression="zstd", write_page_checksum=True)

    def write(self, columns: Columns) -> None:
        """One row group, or several when there are more than GROUP rows."""
        arrays = [_array(columns[field.name], field.type) for field in self._schema]
        self._file.write_table(pa.Table.from_arrays(arrays, schema=self._schema), row_group_size=GROUP)

    def close(self, meta: object) -> None:
        """meta: what the file says about itself, a struct."""
        self._file.add_key_value_metadata({KEY.decode(): msgspec.json.encode(meta).decode()})
        self._file.close()

    def abandon(self) -> None:
        """Lets go of a file that is to be thrown away."""
        self._file.close()


def _schema(kind: Kind) -> Any:
    types = [(name, pa.string() if name in TEXT else pa.float64()) for name in kind.columns]
    return pa.schema([("ts", pa.int64()), *types])


# Where it is installed, pyarrow's own conversions load pandas: tens of megabytes for nothing.


def _array(values: np.ndarray[Any, Any], kind: Any) -> Any:
    if values.dtype == object:
        return pa.array(values.tolist(), type=kind)
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(np.ascontiguousarray(values))])


def _values(column: Any) -> np.ndarray[Any, Any]:
    """A copy of a column without empty rows."""
    if column.null_count:
        raise pa.ArrowInvalid(f"{column.null_count} rows without a value")
    if pa.types.is_string(column.type):
        return np.array(column.to_pylist(), dtype=object)
    return np.concatenate([np.from_dlpack(chunk) for chunk in column.chunks])


def meta(path: Path) -> bytes:
    """What a file of the store says about itself, JSON. DataError when it is not one."""
    own = _metadata(path)
    if KEY not in own:
        raise DataError(f"{path}: it does not say what it holds; was it imported?")
    return own[KEY]


def said(path: Path) -> bytes | None:
    """What a file says about itself as a part of a store; None when it is not one. DataError for Parquet that cannot be read."""
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            return None
    return _metadata(path).get(KEY)


def _metadata(path: Path) -> Mapping[bytes, bytes]:
    try:
        found: Mapping[bytes, bytes] | None = pq.read_metadata(path).metadata
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path}: {error}") from None
    return found or {}


def blocks(path: Path, kind: Kind, since: int, until: int, names: Sequence[str] | None = None) -> Iterator[Columns]:
    """The rows with since <= ts < until in the order of the file, at most GROUP at a time; row groups without any are passed
    over unread. names: which columns, "ts" among them; None: all. DataError when the file is damaged."""
    try:
        with pq.ParquetFile(path, pre_buffer=False, memory_map=False, page_checksum_verification=True) as file:
            if file.schema_arrow != _schema(kind):
                raise DataError(f"{path}: its columns are not those of {kind.name}")
            for group in range(file.metadata.num_row_groups):
                if _touches(file.metadata.row_group(group), since, until):
                    yield from _cut(file.read_row_group(group, columns=names, use_threads=False), since, until)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path}: {error}") from None


def _touches(group: Any, since: int, until: int) -> bool:
    for i in range(group.num_columns):
        column = group.column(i)
        if column.path_in_schema == "ts" and column.statistics is not None and column.statistics.has_min_max:
            return bool(column.statistics.min < until and column.statistics.max >= since)
    return True


def _cut(table: Any, since: int, until: int) -> Iterator[Columns]:
    columns: Columns = {name: _values(table.column(name)) for name in table.column_names}
    ts = columns["ts"]
    inside = (ts >= since) & (ts < until)
    if not inside.all():
        columns = {name: values[inside] for name, values in columns.items()}
    for start in range(0, len(columns["ts"]), GROUP):
        yield {name: values[start : start + GROUP] for name, values in columns.items()}


def cells(path: Path, rows: int) -> tuple[tuple[str, ...], Iterator[Cells]]:
    """Any Parquet file as text: its columns, and their rows. Times with a zone are told in UTC, others as they stand."""
    try:
        file = pq.ParquetFile(path)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path}: {error}") from None
    return tuple(file.schema_arrow.names), _cells(file, path, rows)


def _cells(file: Any, path: Path, rows: int) -> Iterator[Cells]:
    line = 1
    try:
        with file:
            for batch in file.iter_batches(batch_size=rows, use_threads=False):
                texts: list[Sequence[str]] = [_texts(column) for column in batch.columns]
                n = batch.num_rows
                yield Cells(list(range(line, line + n)), list(zip(*texts, strict=True)), [])
                line += n
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path}: {error}") from None


def _texts(column: Any) -> list[str]:
    kind = column.type
    if pa.types.is_timestamp(kind):
        zone, numbers = "Z" if kind.tz else "", column.cast(pa.int64()).to_pylist()
        known = np.array([number or 0 for number in numbers], dtype=np.int64).view(f"M8[{kind.unit}]")
        texts = np.datetime_as_string(known).tolist()
        return ["" if number is None else text + zone for number, text in zip(numbers, texts, strict=True)]
    return ["" if value is None else str(value) for value in column.to_pylist()]
