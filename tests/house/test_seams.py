"""The product reaches time, chance, threads, files and the network through the seams only."""

import pytest

from tests.house import seams

BANNED = [
    # whole modules, where they are imported
    ("import random", "import random"),
    ("import random as dice", "import random"),
    ("from random import Random", "from random import Random"),
    ("import secrets", "import secrets"),
    ("import socket", "import socket"),
    ("import threading", "import threading"),
    ("from threading import Lock", "from threading import Lock"),
    ("import time", "import time"),
    ("import uuid", "import uuid"),
    ("from uuid import uuid4", "from uuid import uuid4"),
    # names, wherever they stand
    ("import time  # sim-ok: test\ntime.time()", "time.time"),
    ("import time  # sim-ok: test\ntime.sleep(1)", "time.sleep"),
    ("import time  # sim-ok: test\nclock = time.monotonic", "time.monotonic"),
    ("import time as t  # sim-ok: test\nt.perf_counter_ns()", "time.perf_counter_ns"),
    ("from time import monotonic_ns  # sim-ok: test\nmonotonic_ns()", "time.monotonic_ns"),
    ("import datetime\ndatetime.datetime.now()", "datetime.datetime.now"),
    ("import datetime as dt\ndt.datetime.utcnow()", "datetime.datetime.utcnow"),
    ("import datetime as dt\ndt.date.today()", "datetime.date.today"),
    ("from datetime import datetime\ndatetime.now(tz)", "datetime.datetime.now"),
    ("from datetime import datetime as D\nD.today()", "datetime.datetime.today"),
    ("import os\nos.urandom(8)", "os.urandom"),
    ("import os\nos.open('x', 0)", "os.open"),
    ("import os\nos.fsync(3)", "os.fsync"),
    ("import os\nsync = os.fdatasync", "os.fdatasync"),
    ("import os\nos.replace('a', 'b')", "os.replace"),
    ("import os.path\nos.fsync(3)", "os.fsync"),
    ("from os import replace", "from os import replace"),
    ("from os import *", "from os import *"),
    ("import asyncio\nawait asyncio.sleep(1)", "asyncio.sleep"),
    ("import anyio\nawait anyio.sleep(1)", "anyio.sleep"),
    ("from asyncio import sleep as nap", "from asyncio import sleep"),
    ("import asyncio\nasyncio.create_task(x())", "asyncio.create_task"),
    ("import asyncio\nasyncio.ensure_future(x())", "asyncio.ensure_future"),
    ("import asyncio\nawait asyncio.to_thread(f)", "asyncio.to_thread"),
    ("import anyio\nawait anyio.to_thread.run_sync(f)", "anyio.to_thread"),
    ("import anyio.to_thread", "import anyio.to_thread"),
    ("from anyio import to_thread", "from anyio import to_thread"),
    ("from anyio.to_thread import run_sync", "from anyio.to_thread import run_sync"),
    ("import asyncio\nawait asyncio.wait(tasks)", "asyncio.wait"),
    ("import asyncio\nfor t in asyncio.as_completed(tasks): pass", "asyncio.as_completed"),
    ("loop.run_in_executor(None, f)", ".run_in_executor"),
    ("import asyncio\nasyncio.get_running_loop().run_in_executor(None, f)", ".run_in_executor"),
    ("with open('x') as f: pass", "open()"),
    ("opener = open", "open()"),
    ("def f(open): pass\nopen('x')", "open()"),
    ("def f():\n    import random", "import random"),
]
ALLOWED = [
    "import asyncio\nasync with asyncio.timeout(5), asyncio.TaskGroup() as tasks: pass",
    "import asyncio\nawait asyncio.wait_for(x, 5)\nasyncio.get_running_loop().time()",
    "from datetime import UTC, datetime\ndatetime.fromtimestamp(ts, UTC)",
    "import os\nos.path.join('a', 'b')",
    "class Bar:\n    open: float\ndef f(bar, open):\n    return open < bar.open",
    "def open(path): ...\nopen('x')",
    "from tradingd.shell.env import time\ntime()",
    "from .random import draw\ndraw()",
    "text = 'import time; time.sleep(1)'",
    "total = sum(counts)",
]


def whats(source: str, path: str = "tradingd/shell/x.py") -> list[str]:
    return [finding.what for finding in seams.check(source, path)]


@pytest.mark.parametrize(("source", "what"), BANNED)
def test_each_banned_form_is_found(source: str, what: str) -> None:
    assert what in whats(source)


@pytest.mark.parametrize(("source", "what"), BANNED)
def test_a_reason_on_the_line_excuses_it(source: str, what: str) -> None:
    excused = "\n".join(f"{line.partition('  #')[0]}  # sim-ok: because" for line in source.splitlines())
    assert whats(excused) == []


@pytest.mark.parametrize("mark", ["# sim-ok", "# sim-ok:", "# sim-ok:   ", "#sim-ok"])
def test_a_mark_without_a_reason_excuses_nothing(mark: str) -> None:
    assert whats(f"import random  {mark}") == ["# sim-ok", "import random"]


def test_a_reason_excuses_its_own_line_only() -> None:
    source = "import os\nos.fsync(1)  # sim-ok: reason\nos.fsync(2)"
    assert [finding.line for finding in seams.check(source, "tradingd/app.py")] == [3]


def test_a_reason_may_stand_on_any_line_of_the_expression() -> None:
    assert whats("open(\n    'x',\n)  # sim-ok: before the loop starts") == ["open()"]
    assert whats("import asyncio\n(\n    asyncio.sleep  # sim-ok: reason\n)(1)") == []


def test_a_mark_within_a_string_is_no_reason() -> None:
    assert whats("open('# sim-ok: no')") == ["open()"]


@pytest.mark.parametrize("source", ALLOWED)
def test_what_is_fine_is_left_alone(source: str) -> None:
    assert whats(source) == []


@pytest.mark.parametrize("path", ["tradingd/core/gates/sizer.py", "strategies/tradingd_strategies/trend.py"])
def test_sum_is_reported_where_floats_decide(path: str) -> None:
    """sum() of floats was made more exact in Python 3.12, so a decision would depend on the interpreter."""
    assert whats("x = sum(weights)", path) == ["sum()"]
    assert whats("x = sum(weights)  # sim-ok: Decimal", path) == []


def test_the_module_of_the_seams_is_exempt() -> None:
    assert whats("import time\ntime.sleep(1)", "tradingd/shell/env/clocks.py") == []


def test_the_product_keeps_to_the_seams() -> None:
    findings = seams.check_tree()
    assert not findings, "\n" + "\n".join(map(str, findings))
