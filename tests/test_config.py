"""The configuration: every fault is found, named by its key and place; units; secrets; merge; hash; difference. H6, H1, H13."""

import contextlib
import copy
import json
import pickle
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradingd.config import (
    Config,
    ConfigError,
    Secret,
    SecretMissing,
    config_hash,
    describe,
    diff,
    load,
    load_text,
    settings,
)
from tradingd.config.units import UnitError, duration_s, format_duration, money, ratio, size_bytes
from tradingd.core.types import Money, TierName

ROOT = Path(__file__).resolve().parents[1]
GOOD = 'mode = "paper"\n[accounts.a1]\nbroker = "sim"\n'


def config(text: str = GOOD, **environ: str) -> Config:
    return load_text(text, environ=environ).config


def faults(text: str, **environ: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load_text(text, name="t.toml", environ=environ)
    return caught.value.lines


HOOK = '[notify.h]\nkind = "webhook"\nurl = "https://example.com/x"\n'
MAIL = '[notify.m]\nkind = "email"\nhost = "mail.example.com"\nfrom = "a@example.com"\n'
SMS = (
    '[notify.s]\nkind = "sms"\nregion = "eu-west-1"\nphone = "+15550100123"\n'
    'key_id = { env = "A" }\nkey = { env = "B" }\n'
)


WRONG = [
    ("mode", "", "mode is missing"),
    ("mode word", 'mode = "papr"', "mode must be one of demo, paper, live; did you mean paper?"),
    ("unknown section", GOOD + "[rsk]\n", "rsk is not a known key; did you mean risk?"),
    (
        "unknown key",
        GOOD + "[risk]\nmax_dayly_loss = 0.02",
        "risk.max_dayly_loss is not a known key; did you mean max_daily_loss?",
    ),
    (
        "text for number",
        GOOD + '[risk]\nmax_open_positions = "many"',
        "risk.max_open_positions 'many': must be a whole number",
    ),
    (
        "quoted number",
        GOOD + '[risk]\nmax_daily_loss = "0.02"',
        "risk.max_daily_loss '0.02' is not a number with a unit",
    ),
    (
        "wrong unit",
        GOOD + '[risk]\nmax_daily_loss = "2 USD"',
        "risk.max_daily_loss '2 USD': a ratio is written as \"2%\"",
    ),
    ("ratio for money", GOOD + '[risk]\nmax_order_notional = "5%"', 'money is written as "500 USD"'),
    ("money for time", GOOD + '[risk]\nprice_max_age_s = "5 USD"', 'a duration is written as "30s"'),
    ("number for switch", GOOD + "[risk]\npdt = 1", "risk.pdt must be true or false, not a number"),
    (
        "fraction for count",
        GOOD + "[risk]\norders_per_minute = 1.5",
        "risk.orders_per_minute must be a whole number, not a number",
    ),
    ("negative limit", GOOD + "[risk]\nmax_daily_loss = -0.02", "risk.max_daily_loss must be > 0"),
    ("not finite", GOOD + "[risk]\nmax_daily_loss = nan", "risk.max_daily_loss must be a finite number"),
    ("share above one", GOOD + "[risk]\nmax_position_pct = 10", "risk.max_position_pct is a share"),
    ("value for table", 'mode = "paper"\nrisk = 3', "risk must be a table ([risk]), not a number"),
    ("date", GOOD + "[state]\ndir = 2024-01-01", "state.dir must be text in quotes"),
    ("tier", GOOD + '[tier]\nname = "agressive"', "did you mean aggressive?"),
    ("account mode", 'mode = "paper"\n[accounts.a1]\nmode = "watch"', "accounts.a1.mode must be one of observe, trade"),
    ("capital", 'mode = "paper"\n[accounts.a1]\ncapital = 0', "accounts.a1.capital must be > 0"),
    ("account id", 'mode = "paper"\n[accounts."a.1"]\n', "is no usable name"),
    ("symbol", GOOD + '[instruments."A B"]\n', "is no usable symbol"),
    ("tick", GOOD + "[instruments.A]\ntick = 0", "instruments.A.tick must be > 0"),
    ("slow timer", GOOD + '[house]\ntimer_s = "6h"', "house.timer_s must be at most 7200 s"),
    ("no account", 'mode = "paper"', "accounts is missing"),
    ("other currency", GOOD + '[risk]\nmax_order_notional = "5 EUR"', "is in EUR, but the accounts are in USD"),
    ("segment", GOOD + '[journal]\nsegment_bytes = "1 kB"', "journal.segment_bytes must be between 16 KiB and 4 GiB"),
    ("half a byte", GOOD + '[journal]\nsegment_bytes = "1.00001 kB"', "is not a whole number of bytes"),
    ("public host", GOOD + '[web]\nhost = "0.0.0.0"', "web.host must be 127.0.0.1"),
    ("port", GOOD + "[web]\nport = 70000", "web.port must be 0 .. 65535"),
    ("token text", GOOD + '[web.tokens.t]\ntoken = "hunter2"', "a secret is given by reference"),
    ("token twice", GOOD + "[web.tokens.t]\n", "give either sha256 or token"),
    ("token hash", GOOD + '[web.tokens.t]\nsha256 = "abc"', "web.tokens.t.sha256 must be 64 small hex digits"),
    (
        "secret text",
        GOOD + '[accounts.a1.settings]\napi_key = "hunter2"',
        "accounts.a1.settings.api_key a secret is given by reference",
    ),
    (
        "deep secret",
        GOOD + '[accounts.a1.settings.login]\npassword = "hunter2"',
        "settings.login.password a secret is given",
    ),
    ("secret path", GOOD + '[accounts.a1.settings]\nkey = { file = "k" }', "file must be an absolute path"),
    ("secret name", GOOD + '[accounts.a1.settings]\nkey = { credential = "../k" }', "credential must be a plain name"),
    ("live unconfirmed", 'mode = "live"\n[accounts.a1]\nbroker = "x"', "live_confirm must name each trading account"),
    (
        "live other id",
        'mode = "live"\nlive_confirm = "a2"\n[accounts.a1]\nbroker = "x"',
        "names a2, which is no account here",
    ),
    (
        "live simulated",
        'mode = "live"\nlive_confirm = "a1"\n[accounts.a1]\n',
        "is the simulated venue, and mode is live",
    ),
    (
        "live forced",
        'mode = "live"\nlive_confirm = "a1"\n[accounts.a1]\nbroker = "x"\n[journal]\nforce_fs = true',
        "is refused in live mode",
    ),
    ("tiers out of order", GOOD + "[tiers.conservative]\nmin_confidence = 0.1", "tiers"),
    ("other room's check", GOOD + "[breaker]\ndaily_loss = 0", "breaker.daily_loss must be above 0"),
    ("half an hour", GOOD + '[intake]\nmax_age_h = "90m"', "intake.max_age_h '90m' is not a whole number of the unit"),
    ("notice kind", GOOD + '[notify.m]\nkind = "fax"', "notify.m.kind must be one of email, sms, webhook, apprise"),
    (
        "notice name",
        GOOD + '[notify."a.b"]\nkind = "webhook"\nurl = "https://example.com"',
        "notify.a.b is no usable name",
    ),
    (
        "other kind's key",
        GOOD + '[notify.m]\nkind = "sms"\nhost = "h"',
        "notify.m.host is nothing that a channel of kind sms has",
    ),
    ("no level", GOOD + HOOK + "levels = []", "notify.h.levels must name at least one of page, tell, log"),
    ("wrong level", GOOD + HOOK + 'levels = ["pages"]', "notify.h.levels must be one of"),
    ("no event", GOOD + HOOK + "events = []", "notify.h.events must name at least one event"),
    ("no message", GOOD + HOOK + "per_hour = 0", "notify.h.per_hour must be 1 .. 1000"),
    ("long fold", GOOD + HOOK + 'fold_s = "2h"', "notify.h.fold_s must be 0 .. 3600"),
    (
        "plain webhook",
        GOOD + '[notify.h]\nkind = "webhook"\nurl = "http://example.com"',
        "notify.h.url must begin with https://",
    ),
    (
        "webhook user",
        GOOD + '[notify.h]\nkind = "webhook"\nurl = "https://a:b@example.com"',
        "notify.h.url must not hold a user",
    ),
    ("no address", GOOD + '[notify.h]\nkind = "webhook"\nurl = "https://[x"', "notify.h.url is no address"),
    ("two addresses", GOOD + HOOK + 'secret_url = { env = "X" }', "notify.h.url or secret_url: give one of the two"),
    ("webhook token", GOOD + HOOK + 'bearer = "hunter2"', "notify.h.bearer a secret is given by reference"),
    ("chat address", GOOD + '[notify.h]\nkind = "apprise"', "notify.h.secret_url is missing"),
    ("no mail server", GOOD + MAIL.replace("host =", "#"), "notify.m.host must be the name of the mail server"),
    ("mail port", GOOD + MAIL + "port = 0", "notify.m.port must be 1 .. 65535"),
    (
        "open mail",
        GOOD + MAIL + 'tls = "none"',
        'notify.m.tls is "none", which is for a mail server on this machine only',
    ),
    ("mail authority", GOOD + MAIL + 'ca_file = "ca.pem"', "notify.m.ca_file must be an absolute path"),
    ("mail password", GOOD + MAIL + 'user = "me"', "notify.m.password is missing: give both or none"),
    ("mail user", GOOD + MAIL + 'password = { env = "X" }', "notify.m.user is missing: give both or none"),
    ("mail password text", GOOD + MAIL + 'user = "me"\npassword = "hunter2"', "notify.m.password a secret is given"),
    ("mail sender", GOOD + MAIL.replace("from =", "#"), "notify.m.from must be an address"),
    ("mail header", GOOD + MAIL + 'to = ["a@b.c\\nBcc: x@y.z"]', "notify.m.to must be a list of addresses"),
    ("sms region", GOOD + SMS.replace("region =", "#"), "notify.s.region must be a region of AWS"),
    (
        "sms twice",
        GOOD + SMS + 'topic = "arn:aws:sns:eu-west-1:123456789012:t"',
        "notify.s.phone or topic: give one of the two",
    ),
    ("sms phone", GOOD + SMS.replace("+1555", "1555"), "notify.s.phone must be + and 7 to 15 digits"),
    ("sms topic", GOOD + SMS.replace("phone", "topic"), "notify.s.topic must be the ARN of an SNS topic"),
    ("sms key", GOOD + SMS.replace("key =", "#"), "notify.s.key is missing"),
    ("sms endpoint", GOOD + SMS + 'endpoint = "sns.example.com"', "notify.s.endpoint is no address"),
    ("not TOML", "mode = paper", "t.toml:1: is not TOML"),
]


@pytest.mark.parametrize(("text", "message"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_each_fault_names_its_key_and_its_cure(text: str, message: str) -> None:
    """H6, H1: one row per kind of fault."""
    assert any(message in line for line in faults(text)), faults(text)


def test_all_faults_are_told_at_once_with_their_lines() -> None:
    """H6: an operator mends a file in one go."""
    lines = faults(
        'mode = "paper"\n[risk]\nmax_daily_loss = -1\nprice_colar = 1\n[web]\nport = "x"\n[accounts.a1]\nmode = "no"\n'
    )
    assert [" ".join(line.split(" ")[:2]) for line in lines] == [
        "t.toml:3: risk.max_daily_loss",
        "t.toml:4: risk.price_colar",
        "t.toml:6: web.port",
        "t.toml:8: accounts.a1.mode",
    ]


def test_a_secret_written_as_text_is_not_repeated_in_the_message() -> None:
    """J14: the fault is told, the secret is not."""
    told = "\n".join(faults(GOOD + '[accounts.a1.settings]\napi_key = "hunter2"\n[web.tokens.t]\ntoken = "hunter2"'))
    assert "by reference" in told
    assert "hunter2" not in told


def test_units_take_the_unit_of_their_field() -> None:
    """H6: "2%", "500 USD", "90s" and "32 MiB" mean what they say."""
    built = config(
        GOOD
        + '[risk]\nmax_daily_loss = "2%"\nmax_order_notional = "500 USD"\nprice_max_age_s = "1m30s"\nrepeated_window_s = 7\n'
        '[journal]\nsegment_bytes = "32 MiB"\n[tier]\nname = "moderate"'
    )
    assert built.risk.max_daily_loss == 0.02
    assert built.risk.max_order_notional == 500.0
    assert (built.risk.price_max_age_s, built.risk.repeated_window_s) == (90.0, 7.0)
    assert built.journal.segment_bytes == 32 << 20
    assert built.tier.name is TierName.MODERATE


def test_capital_stays_exactly_as_written() -> None:
    """Booked money never passes through a float."""
    assert config('mode = "paper"\n[accounts.a1]\ncapital = 100000.10').accounts["a1"].capital == Decimal("100000.10")


@given(st.decimals(min_value=0, max_value=1000, places=4))
def test_per_cent_round_trips(number: Decimal) -> None:
    """ratio("x%") x 100 == x, exactly."""
    assert ratio(f"{number}%") * 100 == number


@given(st.decimals(min_value=0, max_value=10**12, places=2), st.sampled_from(["USD", "EUR"]))
def test_money_round_trips(number: Decimal, currency: str) -> None:
    assert money(f"{number:,} {currency}") == (number, currency)


@given(st.integers(min_value=0, max_value=10**9))
def test_durations_round_trip(seconds: int) -> None:
    assert duration_s(format_duration(seconds)) == seconds


@given(
    st.integers(min_value=0, max_value=10**6),
    st.sampled_from([("B", 1), ("kB", 1000), ("MiB", 1 << 20), ("GiB", 1 << 30)]),
)
def test_sizes_round_trip(count: int, unit: tuple[str, int]) -> None:
    assert size_bytes(f"{count} {unit[0]}") == count * unit[1]


@given(st.text(max_size=12))
def test_any_text_is_a_quantity_or_a_plain_refusal(text: str) -> None:
    """No text makes a unit reader raise anything but its own error."""
    for read in (ratio, money, duration_s, size_bytes):
        with contextlib.suppress(UnitError):
            assert read(text) is not None


def test_environment_overrides_the_file_and_is_listed() -> None:
    """H6: environment over file; what it changed is told by name, never by value."""
    loaded = load_text(
        GOOD,
        environ={
            "TRADINGD__RISK__MAX_DAILY_LOSS": "2%",
            "TRADINGD__ACCOUNTS__A1__MODE": "observe",
            "TRADINGD_DIR": "x",
            "HOME": "y",
        },
    )
    assert loaded.config.risk.max_daily_loss == 0.02
    assert loaded.config.accounts["a1"].mode == "observe"
    assert [(o.variable, o.key) for o in loaded.overrides] == [
        ("TRADINGD__ACCOUNTS__A1__MODE", "accounts.a1.mode"),
        ("TRADINGD__RISK__MAX_DAILY_LOSS", "risk.max_daily_loss"),
    ]


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("TRADINGD__RISK__MAX_DAYLY_LOSS", "1", "did you mean max_daily_loss?"),
        ("TRADINGD__RISK", "1", "risk is a table, not a value"),
        ("TRADINGD__RISK____X", "1", "is written TRADINGD__SECTION__KEY"),
        ("TRADINGD__MODE__X", "1", "mode is a value, not a table"),
        ("TRADINGD__RISK__PDT", "[1]", "environment variable TRADINGD__RISK__PDT: risk.pdt must be true or false"),
        ("TRADINGD__STATE__DIR", "1\nx = 2", ""),
        ("TRADINGD__ACCOUNTS__A1__SETTINGS__API_KEY", "hunter2", "a secret is given by reference"),
    ],
)
def test_a_wrong_variable_is_refused_by_its_name(variable: str, value: str, message: str) -> None:
    """H6: a misspelt override must not be overlooked; a value cannot smuggle in a second key."""
    text = GOOD + "[risk]\npdt = true\n"
    if not message:
        assert config(text, **{variable: value}).state.dir == value
        return
    assert any(message in line for line in faults(text, **{variable: value})), faults(text, **{variable: value})


def test_files_merge_in_order_and_flags_come_last(tmp_path: Path) -> None:
    """tradingd.toml, conf.d by name, environment, flags: the later one wins, key by key."""
    main = tmp_path / "tradingd.toml"
    main.write_text(GOOD + "[risk]\nmax_daily_loss = 0.01\norders_per_minute = 5\n[web]\nport = 1000\n")
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "20.toml").write_text("[risk]\nmax_daily_loss = 0.03\n")
    (tmp_path / "conf.d" / "10.toml").write_text(
        "[risk]\nmax_daily_loss = 0.02\nmax_drawdown = 0.5\n[web]\nport = 2000\n"
    )
    loaded = load(main, environ={"TRADINGD__WEB__PORT": "3000"}, flags={"web.port": 0})
    risk = loaded.config.risk
    assert (risk.max_daily_loss, risk.max_drawdown, risk.orders_per_minute) == (0.03, 0.5, 5)
    assert loaded.config.web.port == 0
    assert [file.name for file in loaded.files] == ["tradingd.toml", "10.toml", "20.toml"]


def test_a_key_from_the_command_line_keeps_its_letters() -> None:
    """H6: the parts of a variable are in capitals, those of an option are as they are meant: instruments.IBM is no ibm."""
    loaded = load_text(GOOD, flags={"instruments.IBM.tick": Decimal("0.05")})
    assert list(loaded.config.instruments) == ["IBM"]
    with pytest.raises(ConfigError, match="WEB is not a known key"):
        load_text(GOOD, flags={"WEB.port": 0})


def test_a_fault_names_the_file_that_set_it_last(tmp_path: Path) -> None:
    main = tmp_path / "tradingd.toml"
    main.write_text(GOOD + "[risk]\nmax_daily_loss = 0.01\n")
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "x.toml").write_text("\n[risk]\nmax_daily_loss = true\n")
    with pytest.raises(ConfigError, match=r"conf\.d/x\.toml:3: risk\.max_daily_loss must be a number, not true/false"):
        load(main, environ={})


def test_a_missing_file_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        load(tmp_path / "no.toml", environ={})


@pytest.mark.parametrize("name", ["tradingd.toml", "config/paper.toml"])
def test_the_shipped_files_are_good(name: str) -> None:
    """What an operator copies must load as it is."""
    loaded = load(ROOT / name, environ={})
    assert loaded.config.mode == "paper"
    assert loaded.config.accounts


def test_description_loads_back_to_the_same_configuration() -> None:
    """`config show` and the running daemon's text are TOML: `config diff` compares by loading it."""
    text = GOOD + (
        'capital = "1234.50 USD"\n[accounts.a1.settings]\nurl = "ws://x"\nkey = { credential = "k" }\nn = 3\nlist = ["a", 1]\n'
        '[instruments."BRK.B"]\nsector = "fin\\"ance"\n[strategies.trend.settings]\nfast = 10\n'
        '[web.tokens.t]\ntoken = { env = "T" }\n'
    )
    built = config(text)
    assert load_text(describe(built)).config == built
    assert not diff(built, load_text(describe(built)).config)


def test_hash_is_over_what_trading_depends_on() -> None:
    """Paths, ports, tokens and secrets do not change it; every rule does; writing a value otherwise does not."""
    base = config_hash(config())
    same = [
        '[state]\ndir = "/elsewhere"',
        "[web]\nport = 0",
        '[web.tokens.t]\ntoken = { env = "T" }',
        "[risk]\nmax_daily_loss = 0.030",
        '[risk]\nmax_daily_loss = "3%"',
        '[accounts.a1.settings]\nkey = { env = "K" }\nurl = "ws://x"',
        "[journal]\nsnapshot_every = 100",
    ]
    other = [
        '[risk]\nmax_daily_loss = "2%"',
        '[tier]\nname = "moderate"',
        "[strategies.trend]\n",
        '[instruments.A]\nsector = "x"',
        "[accounts.a2]\n",
        "[accounts.a1.settings]\nfee = 1",
    ]
    assert {config_hash(config(GOOD + more)) for more in same} == {base}
    assert len({base, *(config_hash(config(GOOD + more)) for more in other)}) == len(other) + 1


def test_difference_says_what_waits_for_a_restart() -> None:
    """H6: each key with before, after, and whether it takes effect live."""
    old = config(GOOD + "[accounts.a1.settings]\nn = 1\n")
    new = config(GOOD + '[risk]\nmax_daily_loss = "2%"\n[web]\nport = 0\n')
    told = [(c.key, c.before, c.after, c.effect) for c in diff(old, new)]
    assert told == [
        ("accounts.a1.settings.n", "1", None, "restart"),
        ("risk.max_daily_loss", "0.03", "0.02", "live"),
        ("web.port", "8787", "0", "restart"),
    ]


# secrets ----------------------------------------------------------------------------------------------------------------

CANARY = "c4nary-9f8e7d"


def test_a_secret_is_read_from_each_kind_of_place(tmp_path: Path) -> None:
    """H6, 5.2: systemd credential, private file, variable; the final newline is not part of it."""
    (tmp_path / "k").write_text(CANARY + "\n")
    (tmp_path / "k").chmod(0o600)
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path), "K": CANARY}
    for secret in (Secret("credential", "k"), Secret("file", str(tmp_path / "k")), Secret("env", "K")):
        assert secret.reveal(environ).value() == CANARY


@pytest.mark.parametrize("environ", [{}, {"CREDENTIALS_DIRECTORY": "/nonexistent"}])
def test_a_missing_secret_is_told_by_name(environ: dict[str, str]) -> None:
    """H12: the broker whose key is missing can be named."""
    for secret in (Secret("credential", "k1"), Secret("file", "/nonexistent/k1"), Secret("env", "k1")):
        with pytest.raises(SecretMissing, match="k1"):
            secret.reveal(environ)


def test_a_secret_file_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "k"
    path.write_text(CANARY)
    path.chmod(0o644)
    with pytest.raises(SecretMissing, match="chmod 600") as caught:
        Secret("file", str(path)).reveal({})
    assert CANARY not in str(caught.value)


def test_a_revealed_secret_does_not_show_itself() -> None:
    """J14: not by repr, str, format, JSON, pickle or copying into a log line."""
    revealed = Secret("env", "K").reveal({"K": CANARY})
    shown = [repr(revealed), str(revealed), f"{revealed}", f"{revealed!r:>30}", "%s" % revealed, repr([revealed])]  # noqa: UP031
    assert not any(CANARY in text for text in shown)
    for leak in (msgspec.json.encode, json.dumps, pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError) as caught:
            leak(revealed)
        assert CANARY not in str(caught.value)


def test_adapter_settings_are_read_by_the_same_rules() -> None:
    """An adapter's own struct gets units, hints and references like every section."""

    class Own(msgspec.Struct, frozen=True, kw_only=True):
        url: str
        key: Secret
        timeout_s: float = 5.0
        cap: Money = Money(Decimal(1))

    table = (
        config(GOOD + '[accounts.a1.settings]\nurl = "u"\nkey = { env = "K" }\ntimeout_s = "2m"\ncap = "3 USD"')
        .accounts["a1"]
        .settings
    )
    own = settings(Own, table, "accounts.a1.settings")
    assert own == Own(url="u", key=Secret("env", "K"), timeout_s=120.0, cap=Money(Decimal(3)))
    with pytest.raises(
        ValueError, match=r"accounts\.a1\.settings\.ulr is not a known key; did you mean url\?.*url is missing"
    ):
        settings(Own, {"ulr": "u", "key": Secret("env", "K")}, "accounts.a1.settings")


def test_channels_come_back_from_their_description_and_are_no_trading_matter() -> None:
    """E16, H6: shown as references only; who is told changes no hash of the rules and waits for a restart."""
    before, after = config(), config(GOOD + HOOK + MAIL + 'to = ["b@example.com"]\n' + SMS)
    text = describe(after)
    assert "[notify.m]" in text
    assert 'key = { env = "B" }' in text
    assert load_text(text).config == after
    assert config_hash(before) == config_hash(after)
    assert {change.effect for change in diff(before, after)} == {"restart"}
