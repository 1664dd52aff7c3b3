"""Which column of a source is which field of a kind."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec

from tradingd.lab.data.faults import DataError
from tradingd.lab.data.kinds import MAY_LACK, Kind

# as they are written without case, spaces and punctuation; what stands first is our own name
_NAMES: Mapping[str, tuple[str, ...]] = {
    "ts": ("ts", "time", "timestamp", "date", "datetime", "tsutc", "timeutc", "timestamputc", "datetimeutc", "day", "t"),
    "symbol": ("symbol", "ticker", "sym", "instrument"),
    "open": ("open", "o", "openprice"),
    "high": ("high", "h", "highprice"),
    "low": ("low", "l", "lowprice"),
    "close": ("close", "c", "closeprice"),
    "volume": ("volume", "vol", "v"),
    "bid": ("bid", "bidprice", "bestbid"),
    "ask": ("ask", "askprice", "bestask", "offer"),
    "bid_size": ("bidsize", "bidqty", "bidvolume"),
    "ask_size": ("asksize", "askqty", "askvolume", "offersize"),
    "price": ("price", "tradeprice", "lastprice", "last", "p"),
    "size": ("size", "qty", "quantity", "volume", "vol", "amount"),
    "ex_date": ("exdate", "date", "day"),
    "kind": ("kind", "type", "action"),
    "value": ("value", "ratio", "amount"),
    "action_id": ("actionid", "id"),
}  # fmt: skip


class Mapped(msgspec.Struct, frozen=True):
    """fields: field -> the indexes of its columns (several are joined by a space, date and time).   symbol: index, None when one
    symbol was named for all.   unused: names of the columns nobody asked for.   used: "close=Adj Close", by field."""

    fields: dict[str, tuple[int, ...]]
    symbol: int | None
    unused: tuple[str, ...]
    used: tuple[str, ...]


def fields_of(kind: Kind) -> tuple[str, ...]:
    """The fields a source of that kind has, the time first. An action's time is its ex-date."""
    return kind.columns if kind.name == "actions" else ("ts", *kind.columns)


def names_symbols(names: Sequence[str]) -> bool:
    """Whether one of these columns is the symbol's. DataError when several could be."""
    return bool(_find("symbol", names, None))


def mapped(kind: Kind, names: Sequence[str], given: Mapping[str, str], *, symbol: bool) -> Mapped:
    """names: the header.   given: field -> column, or columns with + between, as the operator said.   symbol: is one needed?

    DataError for a field without a column, one with several that fit, and for something given that is not there.
    """
    wanted = [*fields_of(kind), *(["symbol"] if symbol else [])]
    if not symbol and (own := _find("symbol", names, None)):
        raise DataError(f"--symbol: the source names its symbols itself, in {names[own[0]]}")
    unknown = [field for field in given if field not in (*fields_of(kind), "symbol")]
    if unknown:
        raise DataError(f"--column {unknown[0]}=...: {kind.name} have no such field, but {', '.join(wanted)}")
    found = {field: _find(field, names, given.get(field)) for field in wanted}
    lacking = [f for f, columns in found.items() if not columns and f not in MAY_LACK and f != "action_id"]
    if lacking:
        how = "; or --symbol for all of it" if lacking == ["symbol"] else ""
        raise DataError(
            f"no column for {', '.join(lacking)} among {', '.join(names)}: say --column {lacking[0]}=NAME{how}"
        )
    used = {i for columns in found.values() for i in columns}
    told = tuple(sorted(f"{f}={'+'.join(names[i] for i in columns)}" for f, columns in found.items() if columns))
    one = found.pop("symbol", ())
    unused = tuple(name for i, name in enumerate(names) if i not in used)
    return Mapped(
        {field: columns for field, columns in found.items() if columns}, one[0] if one else None, unused, told
    )


def _find(field: str, names: Sequence[str], given: str | None) -> tuple[int, ...]:
    if given is not None:
        return tuple(_index(name.strip(), names, field) for name in ([given] if given in names else given.split("+")))
    plain = [re.sub(r"[\W_]", "", name).lower() for name in names]
    own = _NAMES[field][0]
    fit = [i for i, name in enumerate(plain) if name == own] or [
        i for i, name in enumerate(plain) if name in _NAMES[field]
    ]
    if len(fit) > 1:
        both = ", ".join(names[i] for i in fit)
        joined = "+".join(names[i] for i in fit)
        how = f" (or {field}={joined} for a date and a time)" if field == "ts" else ""
        raise DataError(f"{both} could all be {field}: say --column {field}={names[fit[0]]}{how}")
    return tuple(fit)


def _index(name: str, names: Sequence[str], field: str) -> int:
    if name not in names:
        raise DataError(f"--column {field}={name}: the columns are {', '.join(names)}")
    return list(names).index(name)
