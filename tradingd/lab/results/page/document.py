"""The frame of the page: its style and its one small script, each named by its hash, so that nothing else may run or be loaded."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from importlib.resources import files

from tradingd.lab.results.page.html import Html, tag
from tradingd.lab.results.page.svg import SIGNS


def document(title: str, body: Html) -> str:
    """A whole HTML page. title: as text."""
    style, script = (
        files(__package__).joinpath(name).read_text(encoding="utf-8") for name in ("report.css", "report.js")
    )
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'; form-action 'none'"
    )
    return "\n".join([
        "<!doctype html>", '<html lang="en">', "<head>", '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">', '<meta name="referrer" content="no-referrer">',
        tag("title", title), f"<style>{style}</style>", "</head>", "<body>", SIGNS, f"<main>{body}</main>",
        f"<script>{script}</script>", "</body>", "</html>", "",
    ])  # fmt: skip


def _hash(source: str) -> str:
    return f"'sha256-{b64encode(sha256(source.encode()).digest()).decode()}'"
