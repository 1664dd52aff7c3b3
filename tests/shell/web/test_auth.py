"""Tokens and the brake on wrong ones, in replay time."""

from __future__ import annotations

from tradingd.core.types import NS
from tradingd.shell.env import RealRng, ReplayClock
from tradingd.shell.web.auth import ISSUED_MAX, Brake, Role, Tokens


def test_a_token_is_64_hex_and_kept_as_a_hash_only() -> None:
    """J9, J14: nothing we hold can be used to get in."""
    tokens = Tokens(ReplayClock(), RealRng())
    token = tokens.issue(Role.VIEWER, "viewer")
    assert len(bytes.fromhex(token)) == 32
    assert token not in repr(vars(tokens))
    grant = tokens.grant(token)
    assert grant is not None
    assert (grant.role, grant.actor) == (Role.VIEWER, "token:viewer")
    assert tokens.grant(token[:-1] + ("0" if token[-1] != "0" else "1")) is None
    assert tokens.grant("") is None
    assert tokens.grant("\udcff") is None


def test_a_links_token_ends() -> None:
    clock = ReplayClock()
    tokens = Tokens(clock, RealRng())
    token = tokens.issue(Role.VIEWER, "page", ttl_s=60)
    clock.set(59 * NS)
    assert tokens.grant(token) is not None
    clock.set(60 * NS)
    assert tokens.grant(token) is None


def test_links_are_bounded_and_the_oldest_makes_room() -> None:
    tokens = Tokens(ReplayClock(), RealRng())
    lasting = tokens.issue(Role.VIEWER, "viewer")
    links = [tokens.issue(Role.VIEWER, "page", ttl_s=60) for _ in range(ISSUED_MAX + 1)]
    assert [tokens.grant(link) is not None for link in links] == [False] + [True] * ISSUED_MAX
    assert tokens.grant(lasting) is not None


def test_one_failed_try_a_second_and_peer() -> None:
    """J9: each peer has its own second; every tenth failure is told."""
    clock, told = ReplayClock(NS), []
    brake = Brake(clock, lambda code, text: told.append((code, text)), lambda: None)
    assert [brake.failed("a"), brake.failed("a"), brake.failed("b")] == [False, True, False]
    clock.set(2 * NS)
    assert brake.failed("a") is False
    for _ in range(7):
        brake.failed("a")
    assert told == [("web_wrong_tokens", "10 requests with a wrong token from a")]
