"""The libraries of this room, which the daemon does not need: are they here?"""

from __future__ import annotations

from importlib.util import find_spec

INSTALL = "pip install 'tradingd[lab]'"
LIBRARIES = ("numpy", "pyarrow")


class Missing(Exception):
    """A library of the extra `lab` is not installed."""


def need() -> None:
    """Raises Missing with the line to type when a library of the extra is not installed. Imports none of them."""
    missing = [name for name in LIBRARIES if find_spec(name) is None]
    if missing:
        raise Missing(f"recorded data needs {' and '.join(missing)}, not installed here: {INSTALL}")
