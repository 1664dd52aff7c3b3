"""What the README and the guides tell somebody to type exists: verbs, options, files."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import typer.main
from typer.core import TyperArgument, TyperGroup, TyperOption

from tests.sim.__main__ import _parser as sim_parser
from tradingd.cli import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
OF_THE_SCRIPT = frozenset(
    {"test", "sim", "bench", "compile", "lock", "help"}
)  # ./run's own verbs; all others are tradingd's
FENCE = re.compile(r"^```(?:sh|shell|bash|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
TOLD = re.compile(r"(?:^|(?<=\s))(?:\./run|tradingd)\s+(?![-\d.]*\s)(.*?)(?=\s{2,}|\s*#|\s*[|&;]|$)", re.MULTILINE)
INLINE = re.compile(r"`(?:\./run|tradingd) ([^`]+)`")
PLACE = re.compile(r"<[^>]*>|\[[A-Z.]+\]")  # what the reader is to put in
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")


def commands(text: str) -> Iterator[str]:
    """What stands behind ./run or tradingd, in code blocks for a shell and in running text."""
    for block in FENCE.findall(text):
        yield from (found.strip() for found in TOLD.findall(block))
    yield from (found.strip() for found in INLINE.findall(text))


def told() -> list[tuple[str, str]]:
    found = {(path.relative_to(ROOT).as_posix(), command): None for path in PAGES if path.is_file()
             for command in commands(path.read_text(encoding="utf-8"))}  # fmt: skip
    return list(found)


def fault(command: str) -> str:
    """Why this command line would not be understood; "" when it would. A word like DIR or ... stands for anything."""
    words = shlex.split(PLACE.sub("X", command))
    here = typer.main.get_command(app)
    if words[0] == "--compiled":  # ./run's own, before a verb
        words = words[1:] or ["help"]
    if words[0] == "sim":
        known = {name for action in sim_parser()._actions for name in action.option_strings}
        unknown = [word for word in words[1:] if word.startswith("-") and word not in known]
        return f"sim has no option {unknown[0]}" if unknown else ""
    if words[0] in OF_THE_SCRIPT:
        return ""
    while isinstance(here, TyperGroup) and words and not words[0].startswith("-"):
        found = here.commands.get(words[0])
        if found is None:
            return f"there is no verb {words[0]}"
        here, words = found, words[1:]
    options = {
        name: param
        for param in here.params
        if isinstance(param, TyperOption)
        for name in (*param.opts, *param.secondary_opts)
    }
    takes = any(isinstance(param, TyperArgument) for param in here.params)
    while words:
        word = words.pop(0)
        if word in {"--help", "-h", "...", "[...]"}:
            continue
        if word == "--":
            return ""
        if not word.startswith("-"):
            if not takes and not word.isupper():
                return f"{here.name} takes no {word}"
            continue
        name, given, _ = word.partition("=")
        option = options.get(name)
        if option is None:
            if here.context_settings.get("ignore_unknown_options"):
                return ""
            return f"{here.name} has no option {name}"
        if not (option.is_flag or given):
            if not words:
                return f"{name} needs a value"
            words.pop(0)
    return ""


@pytest.mark.parametrize(("page", "command"), told())
def test_every_command_that_is_told_would_be_understood(page: str, command: str) -> None:
    """H3: a manual that tells of a verb or an option which is not there costs trust at the worst moment."""
    assert fault(command) == "", page


def test_the_readme_begins_with_the_demo() -> None:
    """U14: the first thing to type needs no key, no account and no service; the second proves the checkout."""
    first = FENCE.findall((ROOT / "README.md").read_text(encoding="utf-8"))[0].split("\n")
    assert first[:2] == ["./run demo", "./run test"]


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("demo --sped max", "demo has no option --sped"),
        ("status --watch", ""),
        ("fly", "there is no verb fly"),
        ("journal verify", ""),
        ("journal verifi", "there is no verb verifi"),
        ("status extra", "status takes no extra"),
        ("demo --kills", "--kills needs a value"),
        ("why d12 --dir DIR", ""),
        ("journal tail -f", ""),
        ("test tests/core", ""),
        ("sim --seed 17 --trace", ""),
        ("sim --sead 17", "sim has no option --sead"),
    ],
)
def test_the_reader_of_manuals_finds_faults(command: str, why: str) -> None:
    """A check that cannot fail proves nothing."""
    assert fault(command).startswith(why) if why else fault(command) == ""


def test_commands_are_found_where_they_stand() -> None:
    shell = "```sh\n./run a --x 1     ./run b   # words\ncp c d && ./run e\n```\n"
    assert list(commands(shell + "and `tradingd f g`, or `h`.\n```python\n./run no\n```\n")) == [
        "a --x 1",
        "b",
        "e",
        "f g",
    ]


@pytest.mark.parametrize("page", [path.relative_to(ROOT).as_posix() for path in PAGES if path.is_file()])
def test_links_lead_somewhere(page: str) -> None:
    """A page that is named exists."""
    path = ROOT / page
    missing = [to for to in LINK.findall(path.read_text(encoding="utf-8")) if not (path.parent / to).exists()]
    assert missing == []


def test_every_verb_has_help_with_words() -> None:
    """H3: each verb says in one line what it does, and each option what it means."""
    silent = list(_silent(typer.main.get_command(app), "tradingd"))
    assert silent == []


def _silent(command: Any, name: str) -> Iterator[str]:
    if not (command.help or "").strip():
        yield name
    if isinstance(command, TyperGroup):
        for verb, found in command.commands.items():
            yield from _silent(found, f"{name} {verb}")
    for param in command.params:
        if isinstance(param, TyperOption) and not param.help and param.name not in {"limit", "lines"}:
            yield f"{name} {param.opts[0]}"
