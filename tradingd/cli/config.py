"""The config verbs: check, show, diff."""

from __future__ import annotations

import typer

from tradingd.cli.client import Client
from tradingd.cli.exits import CliError, Exit
from tradingd.cli.options import ConfigFile, Dir, Json
from tradingd.cli.show import complain, say, say_json, table
from tradingd.cli.where import load_config, need_config, state_dir
from tradingd.core.views.reasons import clean

app = typer.Typer(help="Check, show and compare the configuration.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def check(config: ConfigFile = None, as_json: Json = False) -> None:
    """Read the configuration and say every fault with its place. Ends with 78 when there is one."""
    from tradingd.config import config_hash

    loaded = load_config(need_config(config))
    digest, result = config_hash(loaded.config), loaded.config
    if as_json:
        say_json(
            {
                "ok": True,
                "mode": result.mode,
                "hash": digest,
                "files": [str(file) for file in loaded.files],
                "overrides": loaded.overrides,
            }
        )
        return
    for override in loaded.overrides:
        complain(f"{override.key} is set by environment variable {override.variable}")
    accounts = ", ".join(f"{name} ({a.broker}, {a.mode})" for name, a in result.accounts.items()) or "none"
    say(
        f"good: mode {result.mode}, accounts {accounts}, from {', '.join(str(file) for file in loaded.files)}, hash {digest[:12]}"
    )


@app.command()
def show(config: ConfigFile = None) -> None:
    """The whole configuration as TOML, defaults included; secrets only as references."""
    from tradingd.config import describe

    say(describe(load_config(need_config(config)).config).rstrip("\n"))


@app.command()
def diff(config: ConfigFile = None, directory: Dir = None, as_json: Json = False) -> None:
    """What the running daemon has, what the file says now, and whether a change waits for a restart."""
    from tradingd.config import ConfigError, load_text
    from tradingd.config import diff as compare

    file = need_config(config)
    new = load_config(file).config
    text = Client(state_dir(directory, file)).text("/config")
    try:
        old = load_text(text, name="running configuration").config
    except ConfigError as exc:
        raise CliError(f"the running configuration is not understood: {exc}", Exit.FAILED) from None
    changes = compare(old, new)
    if as_json:
        say_json(changes)
        return
    rows = [(c.key, c.before or "(not set)", c.after or "(not set)", c.effect) for c in changes]
    say(table(("key", "running", clean(str(file)), "takes effect"), rows) if rows else "no difference")


@app.command()
def reload(directory: Dir = None, as_json: Json = False) -> None:
    """Have the daemon read its configuration again: all of it takes effect, or nothing and the reason. Ends with 4 when refused."""
    from tradingd.shell.web.desk import Answer

    answer = Client(state_dir(directory)).post("/reload", {}, Answer)
    if as_json:
        say_json(answer)
    else:
        say(clean(answer.text))
    if answer.refused:
        raise typer.Exit(Exit.REFUSED)
