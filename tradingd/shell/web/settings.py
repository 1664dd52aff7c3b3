"""Settings and bounds of the embedded web."""

from __future__ import annotations

from typing import Annotated

import msgspec

from tradingd.shell.web.auth import TokenHash


class WebSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[web]` of the configuration.

    enabled: serve HTTP at all (the control socket is always there).   host: a loopback address, nothing else.
    port: 0 takes any free one.   tokens: standing tokens by their SHA-256, each with a role; the daemon adds one viewer token
    of its own at each start.   Source: H5, RELIABILITY 5.1.
    """

    enabled: bool = True
    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 8377
    tokens: tuple[TokenHash, ...] = ()

    def __post_init__(self) -> None:
        if self.host not in {"127.0.0.1", "::1", "localhost"}:
            raise ValueError("host must be a loopback address (127.0.0.1, ::1 or localhost); for remote use: ssh -L")


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of one listener. Times in seconds, sizes in bytes. Source: J2, J4, I4 and RELIABILITY 5.1."""

    body_max: int = 64 * 1024
    json_depth_max: int = 20
    keepalive_s: float = 30.0
    connections_max: int = 32
    first_request_s: float = 5.0
    handler_s: float = 10.0
    streams_max: int = 16
    stream_gap_s: float = 0.2  # at most five snapshots a second
    stream_beat_s: float = 10.0
    stream_buffer_max: int = 1024 * 1024
    requests_per_s: float = 50.0
    requests_burst: float = 100.0
