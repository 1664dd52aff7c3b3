"""The production Env: clocks, disk, sockets, the writer thread and the kill points."""

import asyncio
import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import WSMsgType, web

from tradingd.ports import Env, LinkDown
from tradingd.shell.env import FollowClock, RealClock, RealDisk, RealEnv, RealRng, ReplayClock
from tradingd.shell.env.disk import _kind_in

NS = 1_000_000_000


# clocks -----------------------------------------------------------------------------------------------------------------


async def test_real_clocks_run() -> None:
    clock = RealClock()
    before = (clock.wall(), clock.mono(), clock.boot())
    await clock.sleep(0.002)
    after = (clock.wall(), clock.mono(), clock.boot())
    assert all(b - a >= 2_000_000 for a, b in zip(before[1:], after[1:], strict=True))
    assert after[0] > 1_700_000_000 * NS
    assert after[2] >= after[1] - NS, "boot time counts suspend too"


async def test_follow_clock_shows_the_newest_event_and_sleeps_for_real() -> None:
    clock = FollowClock()
    clock.set(50)
    clock.set(40)
    assert clock.wall() == 50
    assert clock.mono() != 50
    began = clock.mono()
    await clock.sleep(0.002)
    assert clock.mono() - began >= 2_000_000


async def test_replay_sleepers_wake_in_order_of_time_then_of_falling_asleep() -> None:
    """I8: a replay's order of things is decided by the replay alone."""
    clock = ReplayClock(100)
    woken: list[str] = []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append(f"{name}@{clock.wall()}")

    assert clock.next_wake() is None
    async with asyncio.TaskGroup() as group:
        for name, seconds in (("late", 3e-9), ("a", 1e-9), ("b", 1e-9), ("far", 1.0)):
            group.create_task(sleeper(name, seconds))
        lost = group.create_task(sleeper("lost", 0.5e-9))
        await asyncio.sleep(0)
        lost.cancel()
        await asyncio.sleep(0)
        assert clock.next_wake() == 101
        clock.set(104)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert woken == ["a@104", "b@104", "late@104"]
        clock.set(50)
        assert clock.wall() == clock.mono() == clock.boot() == 104, "never back"
        assert clock.next_wake() == 100 + NS
        clock.set(100 + NS)
    assert woken[-1] == f"far@{100 + NS}"


async def test_replay_sleep_of_nothing_gives_others_a_turn() -> None:
    clock = ReplayClock()
    turned: list[int] = []
    asyncio.get_running_loop().call_soon(turned.append, 1)
    await clock.sleep(0)
    assert turned == [1]
    assert clock.next_wake() is None


def test_tokens_are_hex_of_their_length_and_differ() -> None:
    rng = RealRng()
    tokens = {rng.token(16) for _ in range(50)}
    assert len(tokens) == 50
    assert {len(bytes.fromhex(token)) for token in tokens} == {16}
    assert all(0 <= rng.random() < 1 for _ in range(50))


# disk -------------------------------------------------------------------------------------------------------------------


def test_files_append_sync_truncate_and_are_private(tmp_path: Path) -> None:
    disk = RealDisk()
    where = tmp_path / "a" / "b"
    disk.mkdir(str(where))
    disk.mkdir(str(where))
    assert where.stat().st_mode & 0o777 == 0o700
    path = str(where / "f")
    file = disk.open_append(path)
    file.append(b"hello ")
    file.append(b"world")
    file.sync()
    assert (disk.read(path), file.size()) == (b"hello world", 11)
    file.truncate(5)
    file.append(b"!")
    assert list(disk.read_chunks(path, 4)) == [b"hell", b"o!"]
    assert Path(path).stat().st_mode & 0o777 == 0o600
    file.close()


def test_a_file_put_there_by_somebody_is_read_only_when_it_is_one(tmp_path: Path) -> None:
    """E1: no link, no pipe, no folder, none too long, none of a stranger; and a pipe without a writer does not hold us."""
    disk = RealDisk()
    (tmp_path / "good").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("good")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    assert disk.read_regular(str(tmp_path / "good"), 5) == b"12345"

    def refused(name: str, size_max: int = 5) -> int | None:
        with pytest.raises(OSError) as no:  # noqa: PT011 - its number says which
            disk.read_regular(str(tmp_path / name), size_max)
        return no.value.errno

    assert refused("good", 4) == errno.EFBIG
    assert refused("link") == errno.ELOOP
    assert refused("folder") == errno.EINVAL
    assert refused("pipe") == errno.EINVAL
    assert refused("absent") == errno.ENOENT
    if os.geteuid() == 0:
        os.chown(tmp_path / "good", 4711, -1)
        assert refused("good") == errno.EPERM
        os.chown(tmp_path, 4711, -1)
        assert disk.read_regular(str(tmp_path / "good"), 5) == b"12345"


def test_identity_is_of_what_the_path_names_now(tmp_path: Path) -> None:
    """B18."""
    disk, path = RealDisk(), str(tmp_path / "f")
    file = disk.open_append(path)
    before = file.identity()
    file.append(b"x")
    assert file.identity() == before
    disk.write_new(path + "2", b"x")
    disk.rename(path + "2", path)
    assert file.identity() != before
    disk.unlink(path)
    with pytest.raises(FileNotFoundError):
        file.identity()
    file.close()


def test_short_writes_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """B11: whatever the kernel takes at a time."""
    real, sizes = os.write, iter(range(1, 10_000))
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, bytes(data)[: next(sizes) % 7 + 1]))
    disk, data = RealDisk(), bytes(range(256)) * 8
    file = disk.open_append(str(tmp_path / "f"))
    file.append(data)
    file.close()
    disk.write_new(str(tmp_path / "g"), data)
    assert disk.read(str(tmp_path / "f")) == disk.read(str(tmp_path / "g")) == data


def test_a_new_file_is_never_an_old_one(tmp_path: Path) -> None:
    disk = RealDisk()
    disk.write_new(str(tmp_path / "f"), b"1")
    with pytest.raises(FileExistsError):
        disk.write_new(str(tmp_path / "f"), b"2")
    disk.sync_dir(str(tmp_path))
    assert disk.listdir(str(tmp_path)) == ["f"]
    assert disk.listdir(str(tmp_path / "none")) == []
    assert disk.free(str(tmp_path)) > 0


def test_the_lock_is_exclusive_names_its_holder_and_ends_with_release(tmp_path: Path) -> None:
    """B18."""
    disk, path = RealDisk(), str(tmp_path / "lock")
    release = disk.lock(path)
    assert release is not None
    assert disk.lock(path) is None
    assert int(disk.read(path)) == os.getpid()
    release()
    again = disk.lock(path)
    assert again is not None
    again()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/state/journal", "local"), ("/tmp/x", "tmpfs"), ("/net/a b/j", "nfs"), ("/var/lib", "overlay"), ("/odd", "9p"),
        ("/tmpfoo", "overlay"),
    ],
)  # fmt: skip
def test_the_kind_of_file_system_is_the_deepest_mount(path: str, kind: str) -> None:
    """B17."""
    mounts = (
        "1 0 0:1 / / rw - overlay overlay rw\n2 1 8:1 / /state rw shared:1 - ext4 /dev/sda1 rw\n3 1 0:2 / /tmp rw - tmpfs t rw\n"
        "4 1 0:3 / /net/a\\040b rw - nfs4 host:/x rw\n5 1 0:4 / /odd rw - xfs x rw\n6 1 0:5 / /odd rw - 9p y rw\n"
    )
    assert _kind_in(mounts, Path(path)) == kind


def test_this_machine_has_a_kind_for_a_memory_disk() -> None:
    """B17: /dev/shm is tmpfs wherever it is there."""
    if not Path("/dev/shm").is_mount():
        pytest.skip("no /dev/shm on this machine")
    assert RealDisk().fs_kind("/dev/shm") == "tmpfs"


# the rest ---------------------------------------------------------------------------------------------------------------


async def test_blocking_work_runs_in_order_on_one_other_thread() -> None:
    """B10's ground: the loop is not what waits for the disk."""
    env: Env = RealEnv()
    order: list[int] = []
    threads: set[str] = set()

    def work(n: int) -> int:
        threads.add(threading.current_thread().name)
        order.append(n)
        return n

    async def call(n: int) -> int:
        return await env.blocking(lambda: work(n))

    assert await asyncio.gather(*(call(n) for n in range(20))) == list(range(20))
    assert order == list(range(20))
    assert len(threads) == 1
    assert threads != {threading.current_thread().name}
    assert not env.sometimes("anything")
    assert isinstance(env, RealEnv)
    await env.aclose()


async def test_in_a_replay_the_disk_is_waited_for_where_one_stands() -> None:
    """J1: nothing of a replay moves on while its journal is being written, so there is no other thread to hand over to."""
    env = RealEnv(clock=ReplayClock(), inline=True)
    me = threading.current_thread().name
    assert await env.blocking(lambda: threading.current_thread().name) == me
    with pytest.raises(OSError, match="no disk"):
        await env.blocking(_fails)
    await env.aclose()


def _fails() -> None:
    raise OSError("no disk")


def test_boot_id_is_the_machines_or_the_replays() -> None:
    assert RealEnv(clock=ReplayClock()).boot_id == "replay"
    assert RealEnv().boot_id == RealEnv(clock=FollowClock()).boot_id != "replay"


@pytest.mark.parametrize("text", ["K16", "K2:0", "K2:x", "k2", "K2,K3"])
def test_a_failpoint_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="K0 to K15"):
        RealEnv(failpoint=text)


def test_a_failpoint_kills_at_the_nth_time_and_only_by_its_name() -> None:
    """A2: no handler, no clean-up."""
    code = (
        "from tradingd.shell.env import RealEnv\nenv = RealEnv()\n"
        "for i in range(9):\n    print(i, flush=True)\n    env.failpoint('K3')\n    env.failpoint('K2')\n"
    )
    root = str(Path(__file__).resolve().parents[2])
    died = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "TRADINGD_FAILPOINT": "K2:3", "PYTHONPATH": root},
        capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    assert (died.returncode, died.stdout.split()) == (-signal.SIGKILL, ["0", "1", "2"])


# network ----------------------------------------------------------------------------------------------------------------


async def _venue(request: web.Request) -> web.WebSocketResponse:
    ws = web.WebSocketResponse(autoping="mute" not in request.query)
    await ws.prepare(request)
    assert "sec-websocket-extensions" not in request.headers, "no compression is asked for"
    async for message in ws:
        if message.data in {"bye", b"bye"}:
            await ws.close(code=4001)
        elif message.type is WSMsgType.TEXT:
            await ws.send_str(f"text {message.data}" if message.data != "big" else "x" * 5_000)
        else:
            await ws.send_bytes(b"binary " + message.data)
    return ws


@pytest.fixture
async def url() -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/", _venue)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"ws://127.0.0.1:{runner.addresses[0][1]}/"
    await runner.cleanup()


async def test_frames_go_and_come_as_bytes(url: str) -> None:
    env = RealEnv()
    text = await env.net.connect(url)
    await text.send("grüße".encode())
    assert await text.receive() == "text grüße".encode()
    await text.close()
    binary = await env._net.connect(url, binary=True)
    await binary.send(b"\x00\xff")
    assert await binary.receive() == b"binary \x00\xff"
    await binary.send(bytes(900_000))
    assert len(await binary.receive()) == 900_007
    await binary.close()
    await env.aclose()


async def test_the_venues_goodbye_is_link_down_for_both_directions(url: str) -> None:
    """A19: and a send after it is refused, not kept for a new connection."""
    env = RealEnv()
    link = await env.net.connect(url)
    await link.send(b"bye")
    with pytest.raises(LinkDown, match="4001"):
        await link.receive()
    with pytest.raises(LinkDown):
        await link.send(b"order")
    await env.aclose()


async def test_a_frame_above_the_limit_ends_the_link(url: str) -> None:
    env = RealEnv()
    link = await env.net.connect(url, frame_max=1_000)
    await link.send(b"big")
    with pytest.raises(LinkDown):
        await link.receive()
    await env.aclose()


async def test_silence_beyond_the_heartbeat_ends_the_link(url: str) -> None:
    env = RealEnv()
    link = await env.net.connect(url + "?mute=1", heartbeat_s=0.05)
    async with asyncio.timeout(5):
        with pytest.raises(LinkDown):
            await link.receive()
    await env.aclose()


async def test_nobody_there_is_link_down() -> None:
    env = RealEnv()
    with pytest.raises(LinkDown, match="cannot connect"):
        await env.net.connect("ws://127.0.0.1:9/")
    await env.aclose()
