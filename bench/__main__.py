"""`python -m bench` lists the benchmarks; `python -m bench NAME ...` runs some, `python -m bench all` every one.
`python -m bench peers --help`: beside other engines."""

import argparse
import importlib
import json
import pkgutil
import sys
from collections.abc import Callable, Sequence

import bench
from tradingd.shell.identity import is_compiled

Row = tuple[str, float, str]
PREFIX = "bench_"


def names() -> list[str]:
    return sorted(
        module.name.removeprefix(PREFIX)
        for module in pkgutil.iter_modules(bench.__path__)
        if module.name.startswith(PREFIX)
    )


def table(title: str, rows: Sequence[Row]) -> str:
    """Rows of (name, value, unit) with the values aligned."""
    wide = max((len(name) for name, _, _ in rows), default=0)
    lines = [f"  {name:{wide}}  {number(value):>14} {unit}" for name, value, unit in rows]
    return "\n".join([title, *lines])


def number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"


def main(argv: Sequence[str] | None = None) -> int:
    words = sys.argv[1:] if argv is None else argv
    if words[:1] == ["peers"]:
        compared: Callable[[Sequence[str]], int] = importlib.import_module("bench.bench_peers").main
        return compared(words[1:])
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    args = parser.parse_args(words)
    known = names()
    chosen = known if args.names == ["all"] else args.names
    unknown = [name for name in chosen if name not in known]
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are: {', '.join(known)}")
    if not chosen:
        print(json.dumps(known) if args.json else "\n".join(known))
        return 0
    if not args.json:
        print(f"build: {'compiled' if is_compiled() else 'pure Python'}")
    results: dict[str, list[Row]] = {}
    for name in chosen:
        run: Callable[[], list[Row]] = importlib.import_module(f"bench.{PREFIX}{name}").run
        results[name] = run()
        if not args.json:
            print(table(name, results[name]), flush=True)
    if args.json:
        print(json.dumps({name: [list(row) for row in rows] for name, rows in results.items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
