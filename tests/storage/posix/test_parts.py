"""What uploads in pieces promise on a real file system, beyond what all storages do."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import sys
import threading
from pathlib import Path as FilePath
from stat import S_IMODE

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import CancelledError

from clawgate.errors import ChecksumMismatch, LengthMismatch, Locked, PreconditionFailed, QuotaExceeded, UploadGone
from clawgate.interfaces import Piece
from clawgate.model.content import Intent, Target
from clawgate.model.path import Path
from clawgate.storage.posix import PosixOptions, PosixStorage, part_file, part_finishing
from clawgate.testing.conformance import LARGE, SMALL, Held, body_of, get, put, start, tree
from clawgate.testing.parts import OTHER, PIECES, sha1
from clawgate.workers import Workers

MIB = 1 << 20
SCRIPT = FilePath(__file__).with_name("other.py")


def io():
    """Bytes this process has asked the kernel to read and to write."""
    with open("/proc/self/io") as file:
        fields = dict(line.split(": ") for line in file)
    return int(fields["rchar"]), int(fields["wchar"])


def part(root, handle):
    return root / ".clawgate" / f"part-{handle[:32]}"


class Watched(Workers):
    """Tells what it is asked to call."""

    def __init__(self, name, threads=2, queue=10):
        super().__init__(reactor, name, threads, queue)
        self.calls = []
        self.called = lambda count: None
        self.start()

    def _put(self, function, args, kwargs):
        self.calls.append(function.__name__)
        self.called(len(self.calls))
        return super()._put(function, args, kwargs)


@pytest.fixture
def cpu():
    workers = Watched("cpu")
    yield workers
    workers.stop()


@pytest.fixture
def files():
    workers = Watched("files")
    yield workers
    workers.stop()


@contextlib.contextmanager
def other_process(root, handle, offset, how):
    arguments = [sys.executable, SCRIPT, root, handle, str(offset), how]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


async def refused(error, *coroutines):
    for coroutine in coroutines:
        with pytest.raises(error):
            await coroutine


def cancelled(workers, count, coroutine):
    """Run it until `workers` are called for the time `count`, then cancel it."""
    running = []
    workers.called = lambda now: now == count and reactor.callLater(0, lambda: running[0].cancel())
    running.append(start(coroutine))
    return running[0]


@contextlib.contextmanager
def late_change(path, monkeypatch):
    """Somebody changes a file just before another takes its place."""
    real = os.fdatasync

    def change(fd):
        os.utime(path)
        real(fd)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", change)
        yield


@pytest_twisted.ensureDeferred
async def test_alone_among_processes(root, make):
    storage = make()
    parts = storage.abilities.parts
    handle = await parts.begin(None)
    await parts.write_at(handle, 0, body_of(SMALL), alone=True, compute=("SHA1",))
    with other_process(root, handle, len(SMALL), "alone") as process:
        for alone in (True, False):
            await refused(Locked, parts.write_at(handle, 0, body_of(OTHER), alone=alone))
        await refused(Locked, parts.finish(handle, Path("file"), Intent()), parts.assemble([Piece(handle, 0, 1)]))
        print(file=process.stdin, flush=True)
        assert process.stdout.readline() == "13\n"
    content = SMALL + b"other process"
    await parts.write_at(handle, len(content), body_of(SMALL), alone=True, compute=("SHA1",))
    await parts.finish(handle, Path("file"), Intent(checksums=(sha1(content + SMALL),)))
    assert await tree(storage) == {"file": content + SMALL}


@pytest_twisted.ensureDeferred
async def test_side_by_side_with_another_process_that_dies(root, make):
    storage = make()
    parts = storage.abilities.parts
    handle = await parts.begin(None)
    with other_process(root, handle, len(SMALL), "shared"):
        await parts.write_at(handle, 0, body_of(SMALL), compute=("SHA1",))
        await refused(Locked, parts.write_at(handle, 0, body_of(OTHER), alone=True))
        await refused(Locked, parts.finish(handle, Path("file"), Intent()))
        assert await tree(storage) == {}
    # What it had not been told to be written, it need not have written.
    content = SMALL + b"other"
    await parts.finish(handle, Path("file"), Intent(size=len(content), checksums=(sha1(content),)))
    assert await tree(storage) == {"file": content}


@pytest_twisted.ensureDeferred
async def test_a_restart_in_between(make):
    handle = await make().abilities.parts.begin(len(LARGE))
    for offset, some in PIECES:
        await make().abilities.parts.write_at(handle, offset, body_of(some), alone=True, compute=("SHA1",))
    storage = make()
    await refused(ChecksumMismatch, storage.abilities.parts.finish(handle, Path("file"), Intent(checksums=(sha1(SMALL),))))
    written = await make().abilities.parts.finish(handle, Path("file"), Intent(checksums=(sha1(LARGE),)))
    assert await make().abilities.parts.published(handle, Path("file")) == written
    assert await tree(storage) == {"file": LARGE}


@pytest.mark.parametrize("meanwhile", [False, True])
@pytest.mark.parametrize("alone", [False, True])
@pytest_twisted.ensureDeferred
async def test_a_digest_is_not_trusted_when_another_process_wrote(root, make, meanwhile, alone):
    mine, others = make().abilities.parts, make().abilities.parts
    handle = await mine.begin(None)
    held = Held(LARGE, SMALL)
    writing = start(mine.write_at(handle, 0, held.__aiter__(), compute=("SHA1",)))
    await held.reached
    if meanwhile:
        # Of this, nothing is to be seen when the first one ends: he has the last word.
        await others.write_at(handle, 0, body_of(OTHER))
    held.go_on.callback(None)
    await writing
    if not meanwhile:
        await others.write_at(handle, 0, body_of(OTHER), alone=alone)
    content = OTHER + LARGE[len(OTHER) :] + SMALL
    # Going on where it stood does not help.
    await mine.write_at(handle, len(content), body_of(SMALL), alone=alone, compute=("SHA1",))
    content += SMALL
    await refused(ChecksumMismatch, mine.finish(handle, Path("file"), Intent(checksums=(sha1(LARGE + SMALL + SMALL),))))
    await others.write_at(handle, 5, body_of(b"!"), alone=alone)
    content = content[:5] + b"!" + content[6:]
    await mine.finish(handle, Path("file"), Intent(checksums=(sha1(content),)))
    assert (root / "file").read_bytes() == content


@pytest_twisted.ensureDeferred
async def test_who_reads_the_file_costs_no_more_than_a_pass(root, make):
    parts = make().abilities.parts
    handle = await parts.begin(None)
    await parts.write_at(handle, 0, body_of(LARGE), compute=("SHA1",))
    os.utime(part(root, handle))
    await parts.write_at(handle, len(LARGE), body_of(SMALL), compute=("SHA1",))
    await refused(ChecksumMismatch, parts.finish(handle, Path("file"), Intent(checksums=(sha1(LARGE),))))
    await parts.finish(handle, Path("file"), Intent(checksums=(sha1(LARGE + SMALL),)))


@pytest_twisted.ensureDeferred
async def test_nothing_is_written_twice(root, make):
    storage = make()
    parts = storage.abilities.parts
    content = os.urandom(8 * MIB)
    handle = await parts.begin(len(content))
    _, before = io()
    for offset in range(7 * MIB, -1, -MIB):
        await parts.write_at(handle, offset, body_of(content[offset : offset + MIB]))
    await parts.finish(handle, Path("file"), Intent(size=len(content), checksums=(sha1(content),)))
    _, after = io()
    assert after - before < len(content) + MIB // 2
    state = os.stat(root / "file")
    assert state.st_blocks * 512 <= len(content) + MIB // 2
    assert await get(storage, "file") == content


@pytest_twisted.ensureDeferred
async def test_the_end_takes_the_same_time_for_any_length(root, cpu, files):
    parts = PosixStorage(str(root), files, PosixOptions(), cpu=cpu).abilities.parts
    size = 4 << 30
    handle = await parts.begin(size)
    await parts.write_at(handle, size - len(SMALL), body_of(SMALL))
    ordered = await parts.begin(None)
    for offset in range(0, 8 * MIB, MIB):
        await parts.write_at(ordered, offset, body_of(bytes(MIB)), compute=("SHA1", "MD5"))
    before = io()
    calls = len(files.calls)
    await parts.finish(handle, Path("huge"), Intent(size=size))
    await parts.finish(ordered, Path("file"), Intent(size=8 * MIB, checksums=(sha1(bytes(8 * MIB)),)))
    assert [after - was < MIB // 2 for after, was in zip(io(), before, strict=True)] == [True, True]
    assert (len(files.calls) - calls, cpu.calls) == (2, [])
    assert os.stat(root / "huge").st_size == size
    assert os.stat(root / "huge").st_blocks * 512 < MIB


@pytest_twisted.ensureDeferred
async def test_only_what_did_not_come_in_order_is_read(root, cpu, files):
    parts = PosixStorage(str(root), files, PosixOptions(), cpu=cpu).abilities.parts
    content = os.urandom(8 * MIB)
    handle = await parts.begin(None)
    for offset in (0, MIB, 2 * MIB, 3 * MIB, 5 * MIB, 4 * MIB, 6 * MIB, 7 * MIB):
        await parts.write_at(handle, offset, body_of(content[offset : offset + MIB]), compute=("SHA1",))
    before, _ = io()
    await parts.finish(handle, Path("file"), Intent(checksums=(sha1(content),)))
    after, _ = io()
    assert 3 * MIB <= after - before < 3 * MIB + MIB // 2
    assert cpu.calls == ["step"]


@pytest_twisted.ensureDeferred
async def test_a_client_that_repeats_itself_costs_no_pass(root, cpu, files):
    parts = PosixStorage(str(root), files, PosixOptions(), cpu=cpu).abilities.parts
    await put(PosixStorage(str(root), files, PosixOptions()), "file", SMALL)
    handle = await parts.begin(None)
    for offset, some in (*PIECES, PIECES[2], (len(LARGE) - 1, LARGE[-1:])):
        await parts.write_at(handle, offset, body_of(some), compute=("SHA1",))
    intent = Intent(size=len(LARGE), checksums=(sha1(LARGE),))
    for path, expected, error in (("file", Target.NOTHING, PreconditionFailed), ("file", "other", PreconditionFailed)):
        await refused(error, parts.finish(handle, Path(path), Intent(size=intent.size, compute=("SHA1",), expected=expected)))
        await parts.write_at(handle, len(LARGE) - 1, body_of(LARGE[-1:]), alone=True, compute=("SHA1",))
    await parts.finish(handle, Path("file"), intent)
    assert cpu.calls == []


@pytest_twisted.ensureDeferred
async def test_another_attempt_goes_on_where_the_last_one_stopped(root, cpu, files, monkeypatch):
    monkeypatch.setattr(part_finishing, "_STEP", MIB)
    storage = PosixStorage(str(root), files, PosixOptions(), cpu=cpu)
    parts = storage.abilities.parts
    content = bytes(15 * MIB) + SMALL
    handle = await parts.begin(None)
    await parts.write_at(handle, 15 * MIB, body_of(SMALL))
    intent = Intent(size=len(content), checksums=(sha1(content),))

    for stops in (5, 12):
        await refused(CancelledError, cancelled(cpu, stops, parts.finish(handle, Path("file"), intent)))
        assert await tree(storage) == {}
        # Nothing of it is left to be in the way.
        await parts.write_at(handle, 15 * MIB, body_of(SMALL), alone=True)
    before, _ = io()
    await parts.finish(handle, Path("file"), intent)
    after, _ = io()
    assert after - before < 6 * MIB
    assert 16 <= len(cpu.calls) <= 18
    assert await get(storage, "file") == content


@pytest_twisted.ensureDeferred
async def test_a_changed_byte_takes_the_pass_back_to_the_start(root, cpu, files, monkeypatch):
    monkeypatch.setattr(part_finishing, "_STEP", MIB)
    parts = PosixStorage(str(root), files, PosixOptions(), cpu=cpu).abilities.parts
    handle = await parts.begin(None)
    await parts.write_at(handle, 4 * MIB, body_of(SMALL))
    await refused(CancelledError, cancelled(cpu, 3, parts.finish(handle, Path("file"), Intent(compute=("SHA1",)))))
    await parts.write_at(handle, MIB, body_of(b"!"), alone=True)
    content = bytes(MIB) + b"!" + bytes(3 * MIB - 1) + SMALL
    await parts.finish(handle, Path("file"), Intent(checksums=(sha1(content),)))


@pytest_twisted.ensureDeferred
async def test_calls_to_workers(root, files):
    parts = PosixStorage(str(root), files, PosixOptions(), cpu=files).abilities.parts
    handle = await parts.begin(None)
    for content, calls in ((b"", 1), (SMALL, 1), (bytes(262144), 1), (bytes(10 * MIB), 40)):
        files.calls.clear()
        await parts.write_at(handle, 0, body_of(content), alone=True, checksums=(sha1(content),))
        assert len(files.calls) == calls
    files.calls.clear()
    await parts.finish(handle, Path("file"), Intent())
    assert files.calls == ["begin"]


@pytest_twisted.ensureDeferred
async def test_what_was_let_in_is_not_turned_away(root):
    workers = Watched("files", threads=1, queue=0)
    parts = PosixStorage(str(root), workers, PosixOptions(block_bytes=1)).abilities.parts
    handle = await parts.begin(None)
    gate = threading.Event()
    busy = []

    async def body():
        yield b"one"
        yield b"two"
        busy.append(start(workers.run(gate.wait)))
        reactor.callLater(0.05, gate.set)
        yield b"three"

    assert await parts.write_at(handle, 0, body()) == 11
    await busy[0]
    assert part(root, handle).read_bytes() == b"onetwothree"
    workers.stop()


@pytest.mark.parametrize(("durability", "calls"), [("none", []), ("data", ["fdatasync"]), ("full", ["fsync", "fsync"])])
@pytest_twisted.ensureDeferred
async def test_what_is_acknowledged_is_on_the_disk(root, make, monkeypatch, durability, calls):
    synced = []

    def watch(name):
        real = getattr(os, name)

        def sync(fd):
            synced.append((name, os.readlink(f"/proc/self/fd/{fd}"), os.fstat(fd).st_size))
            real(fd)

        monkeypatch.setattr(os, name, sync)

    watch("fsync")
    watch("fdatasync")
    parts = make(durability=durability).abilities.parts
    handle = await parts.begin(None)
    assert [path for _, path, _ in synced] == ([str(root / ".clawgate")] if durability == "full" else [])
    synced.clear()
    await parts.write_at(handle, 0, body_of(LARGE))
    await parts.write_at(handle, len(LARGE), body_of(b""))
    assert synced == [(name, str(part(root, handle)), len(LARGE)) for name in calls[:1]]
    synced.clear()
    joined = await parts.assemble([Piece(handle, 0, 1000)])
    paths = [str(part(root, joined)), str(root / ".clawgate")]
    assert [(name, path) for name, path, _ in synced] == list(zip(calls, paths, strict=False))


@pytest_twisted.ensureDeferred
async def test_published_under_a_second_name(root, make):
    """Where the file system has no RENAME_NOREPLACE, a kill may leave the file under both names."""
    storage = make()
    parts = storage.abilities.parts
    handle = await parts.begin(None)
    await parts.write_at(handle, 0, body_of(SMALL))
    os.link(part(root, handle), root / "file")
    await refused(
        UploadGone,
        parts.write_at(handle, 0, body_of(OTHER)),
        parts.finish(handle, Path("file"), Intent()),
        parts.assemble([Piece(handle, 0, 1)]),
    )
    written = await parts.published(handle, Path("file"))
    assert (written.node.size, written.replaced) == (len(SMALL), False)
    assert os.listdir(root / ".clawgate") == []
    assert await tree(storage) == {"file": SMALL}
    os.link(root / "file", root / "twin")
    assert await parts.published(handle, Path("file")) is not None
    assert await tree(storage) == {"file": SMALL, "twin": SMALL}


@pytest_twisted.ensureDeferred
async def test_published_by_another_process_just_before_it_is_locked(root, make, monkeypatch):
    parts = make().abilities.parts
    handle = await parts.begin(None)
    await parts.write_at(handle, 0, body_of(SMALL))
    real = part_file.fcntl.flock

    def flock(fd, how):
        if part(root, handle).exists():
            part(root, handle).rename(root / "file")
        real(fd, how)

    monkeypatch.setattr(part_file.fcntl, "flock", flock)
    await refused(UploadGone, parts.write_at(handle, 0, body_of(OTHER)))
    assert (root / "file").read_bytes() == SMALL


@pytest_twisted.ensureDeferred
async def test_larger_than_any_file(root, make):
    parts = make().abilities.parts
    handle = await parts.begin(None)
    await parts.write_at(handle, 0, body_of(SMALL), compute=("SHA1",))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MIB, before[1]))
    try:
        await refused(QuotaExceeded, parts.write_at(handle, 2 * MIB, body_of(SMALL)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert part(root, handle).stat().st_size == len(SMALL)
    await parts.finish(handle, Path("file"), Intent(checksums=(sha1(SMALL),)))


@pytest_twisted.ensureDeferred
async def test_times_and_mode_of_what_is_published(root, make):
    parts = make().abilities.parts
    handle = await parts.begin(None)
    await parts.write_at(handle, 0, body_of(SMALL))
    os.utime(part(root, handle), (1, 1))
    await parts.finish(handle, Path("file"), Intent())
    state, other = os.stat(root / "file"), os.stat(root)
    for seconds in (state.st_mtime, state.st_atime):
        assert abs(seconds - other.st_mtime) < 60
    assert S_IMODE(state.st_mode) == 0o644


@pytest_twisted.ensureDeferred
async def test_an_attempt_that_failed_late_leaves_no_trace(root, cpu, files, monkeypatch):
    """Attributes and the id of what would have been replaced must not go to another place."""
    storage = PosixStorage(str(root), files, PosixOptions(), cpu=cpu)
    parts = storage.abilities.parts
    await put(storage, "old", SMALL)
    await storage.pin(Path("old"), "an-old-id")
    os.chmod(root / "old", 0o400)
    os.setxattr(root / "old", "user.colour", b"red")
    handle = await parts.begin(None)
    await parts.write_at(handle, 0, body_of(LARGE), compute=("SHA1",))
    with late_change(root / "old", monkeypatch):
        seen = (await storage.stat(Path("old"))).seen
        await refused(PreconditionFailed, parts.finish(handle, Path("old"), Intent(expected=seen)))
    state = part(root, handle).stat()
    assert S_IMODE(state.st_mode) == 0o644
    assert os.listxattr(part(root, handle)) == []
    written = await parts.finish(handle, Path("new"), Intent(checksums=(sha1(LARGE),)))
    assert written.identity.id == written.identity.own
    assert (await storage.identify(Path(""), ["new"]))["new"] == written.identity
    assert cpu.calls == [], "what was known of it is still known"


@pytest_twisted.ensureDeferred
async def test_what_was_cut_off_in_vain(root, make, monkeypatch):
    storage = make()
    parts = storage.abilities.parts
    await put(storage, "old", SMALL)
    handle = await parts.begin(None)
    await parts.write_at(handle, 0, body_of(LARGE), compute=("SHA1",))
    with late_change(root / "old", monkeypatch):
        seen = (await storage.stat(Path("old"))).seen
        await refused(PreconditionFailed, parts.finish(handle, Path("old"), Intent(size=100, expected=seen)))
    await parts.write_at(handle, len(LARGE), body_of(SMALL), compute=("SHA1",))
    content = LARGE[:100] + bytes(len(LARGE) - 100) + SMALL
    await parts.finish(handle, Path("new"), Intent(checksums=(sha1(content),)))
    assert await get(storage, "new") == content


@pytest_twisted.ensureDeferred
async def test_what_changed_while_the_file_was_read(root, cpu, files):
    storage = PosixStorage(str(root), files, PosixOptions(), cpu=cpu)
    parts = storage.abilities.parts
    seen = (await put(storage, "file", SMALL)).node.seen
    handle = await parts.begin(None)
    await parts.write_at(handle, 0, body_of(LARGE))
    cpu.called = lambda count: os.utime(root / "file")
    intent = Intent(size=100, checksums=(sha1(LARGE[:100]),), expected=seen)
    await refused(PreconditionFailed, parts.finish(handle, Path("file"), intent))
    assert part(root, handle).read_bytes() == LARGE


@pytest_twisted.ensureDeferred
async def test_a_piece_with_a_wrong_checksum_costs_no_pass(root, cpu, files):
    parts = PosixStorage(str(root), files, PosixOptions(), cpu=cpu).abilities.parts
    handle = await parts.begin(None)
    for offset, some in PIECES:
        wrong = some[:-1] + b"!"
        await refused(
            ChecksumMismatch, parts.write_at(handle, offset, body_of(wrong), compute=("SHA1",), checksums=(sha1(some),))
        )
        await parts.write_at(handle, offset, body_of(some), compute=("SHA1",), checksums=(sha1(some),))
    await parts.finish(handle, Path("file"), Intent(checksums=(sha1(LARGE),)))
    assert cpu.calls == []


@pytest_twisted.ensureDeferred
async def test_what_cannot_be_assembled_leaves_nothing(root, cpu, files, monkeypatch):
    parts = PosixStorage(str(root), files, PosixOptions(), cpu=cpu).abilities.parts
    handle = await parts.begin(None)
    await parts.write_at(handle, 0, body_of(LARGE))
    await refused(LengthMismatch, parts.assemble([Piece(handle, 0, 1000), Piece(handle, 0, len(LARGE) + 1)]))
    await refused(QuotaExceeded, parts.assemble([Piece(handle, 0, 1 << 60)]))
    await refused(CancelledError, cancelled(cpu, 3, parts.assemble([Piece(handle, 0, len(LARGE))] * 200)))
    # The worker may be at it still.
    cpu.stop()
    cpu.start()
    assert os.listdir(root / ".clawgate") == [part(root, handle).name]
    over = threading.Event()
    real = os.fdatasync

    def sync(fd):
        reactor.callFromThread(lambda: assembling.cancel())
        over.wait(10)
        real(fd)

    monkeypatch.setattr(os, "fdatasync", sync)
    assembling = start(parts.assemble([Piece(handle, 0, len(LARGE))]))
    await refused(CancelledError, assembling)
    over.set()
    cpu.stop()
    assert os.listdir(root / ".clawgate") == [part(root, handle).name]
