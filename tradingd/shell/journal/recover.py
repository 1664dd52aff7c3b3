"""Opening a journal: prove the chain, cut a torn tail, refuse a damaged one. Repeating it after any kill gives the same (K15).

Torn is what comes after the last whole append above the watermark: the facts of one step of the core are all there or none (J1).
The order of the steps matters, each leaves the directory as good as it was:
keep the cut bytes aside -> put the last segment in place anew, without them -> begin the notes anew -> open for appending.
Records above the watermark are written anew too: after a failed fsync the page cache may show bytes that no disk has, and only
writing them again makes the next fsync mean something. Source: ADR-0003, RELIABILITY 1.7, A9, B2, B3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from tradingd.core.facts import AnyFact
from tradingd.ports import Broken, Disk, Env
from tradingd.shell.journal.marks import NAME as MARKS
from tradingd.shell.journal.marks import Marks, read_marks
from tradingd.shell.journal.read import records
from tradingd.shell.journal.record import Genesis, JournalDamaged, JournalLocked, genesis_line, stamp
from tradingd.shell.journal.segments import (
    LOCK,
    RESERVE,
    TEMP,
    Walk,
    claims_after,
    genesis_of,
    place,
    segment_name,
    segments_of,
    wrap,
)  # fmt: skip
from tradingd.shell.journal.snapshot import Snapshot, read_snapshots
from tradingd.shell.journal.store import Settings, Store
from tradingd.shell.journal.writer import Journal


class Recovery(msgspec.Struct, frozen=True, kw_only=True):
    """What was found. Fold `snapshot` (None: begin empty), then `tail()`.

    seq, head: the last record of the last whole append.   cut_bytes: torn off the end and kept in `cut_file`; `cut_records` of them
    were whole records, of an append whose end is missing.   created: the journal is new.
    """

    genesis: Genesis
    seq: int
    head: str
    snapshot: bytes | None
    snapshot_seq: int
    cut_bytes: int
    cut_records: int
    cut_file: str
    created: bool
    disk: Disk
    directory: str

    def tail(self) -> Iterator[tuple[int, AnyFact]]:
        """(sequence, fact) after the snapshot, to the end as it was found. Broken for a fact of a newer version (B16) and for
        a disk that cannot be read (B7)."""
        try:
            yield from records(self.disk, self.directory, after=self.snapshot_seq, upto=self.seq)
        except OSError as e:
            raise wrap("the journal cannot be read", e) from e


class _Found(msgspec.Struct, frozen=True):
    genesis: Genesis
    walk: Walk
    start: Snapshot | None
    watermark: int
    created: bool


def open_journal(
    env: Env, directory: str, genesis: Genesis, settings: Settings | None = None
) -> tuple[Journal, Recovery]:
    """Take the directory's lock and bring the journal to a state that can be appended to. Before the loop turns.

    genesis: used when the journal is new; else its instance must be the journal's ("" takes any).
    Refuses: JournalLocked with the holder's pid (B18); JournalDamaged naming the first bad record at or below what was durable
    (B3); Broken for a file system that does not survive a power cut (B17), a newer schema, or any disk error (B7).
    """
    settings = settings or Settings()
    try:
        release = _enter(env, directory, settings)
        opened = False
        try:
            found = _find(env, directory, genesis, settings)
            cut = _mend(env, directory, found)
            journal = _start(env, directory, found, settings, release)
            opened = True
        finally:
            if not opened:
                release()
    except OSError as e:
        raise wrap("the journal cannot be opened", e) from e
    whole, start = found.walk.whole, found.start
    return journal, Recovery(
        genesis=found.genesis, seq=whole.seq, head=whole.head.decode(), snapshot=start.state if start else None,
        snapshot_seq=start.seq if start else 0, cut_bytes=cut[0], cut_records=found.walk.seq - whole.seq, cut_file=cut[1],
        created=found.created, disk=env.disk, directory=directory,
    )  # fmt: skip


def _enter(env: Env, directory: str, settings: Settings) -> Callable[[], None]:
    env.disk.mkdir(directory)
    kind = env.disk.fs_kind(directory)
    if kind != "local" and not settings.force:
        raise Broken(
            f"{directory} is on {kind}, which may forget what it said was written; use a local disk, or force it"
        )
    release = env.disk.lock(f"{directory}/{LOCK}")
    if release is None:
        pid = env.disk.read(f"{directory}/{LOCK}").decode("ascii", "replace").strip()
        raise JournalLocked(f"the journal in {directory} is in use by process {pid or 'unknown'}")
    return release


def _find(env: Env, directory: str, genesis: Genesis, settings: Settings) -> _Found:
    disk = env.disk
    names = disk.listdir(directory)
    for name in [name for name in names if name.endswith(TEMP)]:  # of a step that a kill interrupted
        disk.unlink(f"{directory}/{name}")
    segments = segments_of(names)
    created = not segments
    if created:
        left = [
            name
            for name in names
            if name == MARKS or (name.startswith(("snapshot-", "cut-")) and not name.endswith(TEMP))
        ]
        if left:
            raise JournalDamaged(f"the journal's segments are gone from {directory}, but {left[0]} is still there")
        segments = [_create(env, directory, genesis)]
    own = genesis_of(disk, directory, segments)
    if genesis.instance not in {"", own.instance}:
        raise Broken(f"the journal in {directory} belongs to instance {own.instance}, not to {genesis.instance}")
    promised = read_marks(disk, directory, own.instance)
    snapshots = read_snapshots(disk, directory, names, own.instance)
    promised.update({snapshot.seq: snapshot.head for snapshot in snapshots})
    usable = [s for s in snapshots if s.schema == settings.state_schema] if settings.use_snapshots else []
    start = usable[0] if usable else None
    walk = Walk(disk, directory, own, promised)
    _walk(walk, segments, start)
    watermark = max([walk.durable, *promised])
    if walk.bad is not None:
        watermark = max(watermark, claims_after(disk, f"{directory}/{walk.segment}", walk.bad.offset))
    _judge(walk, watermark, segments[-1][1])
    env.failpoint("K15")
    return _Found(own, walk, start, watermark, created)


def _create(env: Env, directory: str, genesis: Genesis) -> tuple[int, str]:
    if not genesis.instance:
        raise Broken("a new journal needs an instance id")
    line, _ = genesis_line(genesis, stamp(env.clock.wall(), env.clock.mono(), env.boot_id))
    place(env.disk, directory, segment_name(0), line)
    env.disk.sync_dir(directory.rpartition("/")[0] or "/")
    return 0, segment_name(0)


def _walk(walk: Walk, segments: list[tuple[int, str]], start: Snapshot | None) -> None:
    first_index = 0
    if start is not None:
        first_index = max(i for i, (first, _) in enumerate(segments) if first <= start.seq)
        walk.start_at(start.seq, start.head)
    for i, (first, name) in enumerate(segments[first_index:]):
        if not walk.segment_all(first, name, start.seq if start is not None and i == 0 else None):
            return


def _judge(walk: Walk, watermark: int, last: str) -> None:
    """A torn tail may be cut; what was durable may not be missed."""
    bad = walk.bad
    if bad is not None and (not bad.tear or bad.segment != last or watermark >= bad.seq):
        raise JournalDamaged(
            f"{bad.reason} ({bad.segment}, line {bad.line}); records up to {watermark} were durable: "
            "the journal was damaged after it was written, and trading on it is refused"
        )
    if watermark > walk.whole.seq:
        raise JournalDamaged(
            f"record {watermark} was durable, but the journal's last whole append ends with {walk.whole.seq}: trading on it is "
            "refused"
        )


def _mend(env: Env, directory: str, found: _Found) -> tuple[int, str]:
    """Cut what is torn and write anew what is not known durable: (bytes cut, the file that keeps them)."""
    walk, disk = found.walk, env.disk
    whole = walk.whole
    if walk.bad is None and whole.seq <= found.watermark:
        return 0, ""
    path = f"{directory}/{walk.segment}"
    data = disk.read(path)
    good, torn = data[: whole.offset], data[whole.offset :]
    kept = _keep(disk, directory, whole.seq + 1, torn) if torn else ""
    env.failpoint("K15")
    place(disk, directory, walk.segment, good)
    env.failpoint("K15")
    return len(torn), kept


def _keep(disk: Disk, directory: str, seq: int, torn: bytes) -> str:
    """Store the torn bytes under a free number, unless an interrupted start already did."""
    names = disk.listdir(directory)
    number = 1
    while (name := f"cut-{seq}-{number}.bin") in names:
        if disk.read(f"{directory}/{name}") == torn:
            return name
        number += 1
    place(disk, directory, name, torn)
    return name


def _start(env: Env, directory: str, found: _Found, settings: Settings, release: Callable[[], None]) -> Journal:
    whole, disk = found.walk.whole, env.disk
    marks = Marks(disk, directory, found.genesis.instance, whole.seq, whole.head)
    env.failpoint("K15")
    if RESERVE not in disk.listdir(directory):
        place(disk, directory, RESERVE, bytes(settings.reserve_bytes))
    store = Store(
        env, directory, settings, instance=found.genesis.instance, seq=whole.seq, head=whole.head, segment=found.walk.segment,
        size=whole.offset, marks=marks, release=release,
    )  # fmt: skip
    return Journal(env, store, settings)
