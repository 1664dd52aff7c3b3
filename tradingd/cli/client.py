"""The client of a running daemon: HTTP over its unix socket, each failure with the exit code it means."""

from __future__ import annotations

import http.client
import os
import socket  # sim-ok: a client command, not the daemon
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from tradingd.cli.exits import CliError, Exit

T = TypeVar("T")
_PATH_MAX = 107  # bytes of a unix socket's path, without the closing NUL
_SENT = "the daemon did not answer in time; the outcome is NOT KNOWN. Look: tradingd status"


class _UnixConnection(http.client.HTTPConnection):
    """An HTTP connection to a socket in a directory. A path too long for the kernel is reached through its directory."""

    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(self.timeout)
        try:
            if len(os.fsencode(self._path)) <= _PATH_MAX:
                sock.connect(os.fspath(self._path))
            else:
                flags = os.O_PATH | os.O_DIRECTORY
                directory = os.open(self._path.parent, flags)  # sim-ok: a client command, not the daemon
                try:
                    sock.connect(f"/proc/self/fd/{directory}/{self._path.name}")
                finally:
                    os.close(directory)
        except OSError:
            sock.close()
            raise
        self.sock = sock


class Client:
    """One daemon. Raises CliError: 3 not reachable, 4 refused, 5 outcome unknown, 6 not found, 1 anything else."""

    def __init__(self, directory: Path, *, timeout_s: float = 10.0) -> None:
        self.directory = directory
        self.socket_path = directory / "control.sock"
        self._timeout_s = timeout_s

    def get(self, path: str, kind: type[T]) -> T:
        """A reading; asking has no effect, so a time-out is just "not reachable"."""
        return _decode(self._ask("GET", path, None), kind)

    def text(self, path: str) -> str:
        return self._ask("GET", path, None).decode("utf-8", "replace")

    def post(self, path: str, body: dict[str, Any], kind: type[T]) -> T:
        """A change; once the request is on its way, no answer means that the outcome is unknown."""
        return _decode(self._ask("POST", path, msgspec.json.encode(body)), kind)

    def _ask(self, method: str, path: str, body: bytes | None) -> bytes:
        connection = _UnixConnection(self.socket_path, self._timeout_s)
        try:
            connection.connect()
        except OSError as exc:
            connection.close()
            raise self._not_running(exc) from None
        headers = {"Content-Type": "application/json", "X-Tradingd": "1"} if body is not None else {}
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            data = response.read()
        except (OSError, http.client.HTTPException) as exc:
            if method == "POST":
                raise CliError(_SENT, Exit.UNKNOWN) from None
            raise CliError(
                f"tradingd in {self.directory} does not answer: {str(exc) or type(exc).__name__}", Exit.NOT_RUNNING
            ) from None
        finally:
            connection.close()
        if response.status >= 300 and not _is_answer(response.status, data):
            raise _refusal(response.status, data)
        return data

    def _not_running(self, exc: OSError) -> CliError:
        if isinstance(exc, PermissionError):
            return CliError(
                f"{self.socket_path}: permission denied; you must be the user that runs the daemon", Exit.REFUSED
            )
        if isinstance(exc, FileNotFoundError):
            return CliError(
                f"tradingd is not running in {self.directory} (no control.sock there; --dir names another place)",
                Exit.NOT_RUNNING,
            )
        return CliError(
            f"tradingd is not running in {self.directory} (nobody listens on control.sock)", Exit.NOT_RUNNING
        )


def _decode(data: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.DecodeError as exc:
        raise CliError(f"the daemon's answer is not understood ({exc}); do both have the same version?") from None


def _is_answer(status: int, data: bytes) -> bool:
    """409 with a whole Answer in it: a rule of the house said no, and the answer says so itself."""
    return status == 409 and b'"refused":true' in data.replace(b" ", b"")


def _refusal(status: int, data: bytes) -> CliError:
    text = _message(data) or f"the daemon answered {status}"
    codes = {
        401: Exit.REFUSED,
        403: Exit.REFUSED,
        409: Exit.REFUSED,
        404: Exit.NOT_FOUND,
        504: Exit.UNKNOWN,
        400: Exit.USAGE,
    }
    return CliError(text, codes.get(status, Exit.FAILED))


def _message(data: bytes) -> str:
    """The server's error text: JSON {"error": ...} or plain text."""
    try:
        value = msgspec.json.decode(data)
    except msgspec.DecodeError:
        return data.decode("utf-8", "replace").strip()[:500]
    if isinstance(value, dict):
        if value.get("field") and isinstance(value.get("text"), str):
            return f"{value['field']}: {value['text']}"
        for key in ("text", "message", "detail", "error"):
            if isinstance(value.get(key), str):
                return str(value[key])
    return ""
