"""The durable store behind its port."""

import asyncio
import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import lmdb
import pytest

from alys.actors.loop import wait
from alys.actors.message import Request
from alys.actors.ref import Ref
from alys.actors.system import System
from alys.base.errors import EnvironmentFailure
from alys.node.errors import CorruptRecord, StoreFailed
from alys.node.ports import StoreGet, StoreScan, StoreSnapshot, StoreWrite
from alys.shells import store_files, store_gateway
from alys.shells.store_gateway import MAP_BYTES, StoreGateway
from tests.shells.systems import with_actor


def asked(path: Path, *requests: Request[Any]) -> list[Any]:
    """The answers of a gateway that is opened for these requests and closed after them."""

    async def run(system: System, ref: Ref) -> list[Any]:
        return [await wait(system.ask(ref, request)) for request in requests]

    answers: list[Any] = asyncio.run(with_actor(lambda: StoreGateway(path), run))
    return answers


def test_what_was_written_is_there_after_the_store_was_closed(tmp_path: Path) -> None:
    path = tmp_path / "not yet" / "store"
    asked(path, StoreWrite(puts=((b"a", b"1"), (b"b", b"2"))))
    assert asked(path, StoreGet(key=b"a"), StoreGet(key=b"c")) == [b"1", None]


def test_a_batch_replaces_and_deletes_together(tmp_path: Path) -> None:
    asked(tmp_path, StoreWrite(puts=((b"a", b"1"), (b"b", b"2"))))
    asked(tmp_path, StoreWrite(puts=((b"a", b"3"),), deletes=(b"b", b"never there")))
    assert asked(tmp_path, StoreScan(prefix=b"")) == [((b"a", b"3"),)]


def test_a_scan_gives_its_prefix_alone_in_the_order_of_the_keys(tmp_path: Path) -> None:
    keys = (b"height/2", b"block/1", b"height/10", b"heights", b"height/1")
    asked(tmp_path, StoreWrite(puts=tuple((key, b"") for key in keys)))
    (found,) = asked(tmp_path, StoreScan(prefix=b"height/"))
    assert [key for key, _ in found] == [b"height/1", b"height/10", b"height/2"]


def refused(path: Path, *requests: Request[Any], map_bytes: int = MAP_BYTES) -> BaseException:
    """What the last of the requests fails with."""

    async def run(system: System, ref: Ref) -> BaseException:
        *before, last = requests
        for request in before:
            await wait(system.ask(ref, request))
        with pytest.raises((StoreFailed, CorruptRecord)) as found:
            await wait(system.ask(ref, last))
        return found.value

    error: BaseException = asyncio.run(
        with_actor(lambda: StoreGateway(path, map_bytes=map_bytes), run)
    )
    return error


def write(count: int, size: int) -> StoreWrite:
    return StoreWrite(puts=tuple((b"key %d" % number, bytes(size)) for number in range(count)))


def test_a_batch_that_the_map_has_no_room_for_leaves_nothing_behind(tmp_path: Path) -> None:
    small = StoreWrite(puts=((b"a", b"1"),))
    error = refused(tmp_path, small, write(100, 4_000), map_bytes=200_000)
    assert isinstance(error, StoreFailed)
    assert str(tmp_path) in str(error)
    assert "200000 bytes" in str(error)
    assert asked(tmp_path, StoreScan(prefix=b"")) == [((b"a", b"1"),)]


def test_a_store_that_was_full_takes_what_fits_afterwards(tmp_path: Path) -> None:
    async def run(system: System, ref: Ref) -> None:
        with pytest.raises(StoreFailed):
            await wait(system.ask(ref, write(100, 4_000)))
        await wait(system.ask(ref, write(1, 4_000)))

    asyncio.run(with_actor(lambda: StoreGateway(tmp_path, map_bytes=200_000), run))
    assert len(asked(tmp_path, StoreScan(prefix=b""))[0]) == 1


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_fails_fails_the_batch_and_the_store_is_opened_anew(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The write comes to nothing at the commit, as it does when the disk has no room for the pages."""
    writes = store_gateway._write

    def fails(store: lmdb.Environment, batch: StoreWrite) -> None:
        with store.begin(write=True) as transaction:
            for key, value in batch.puts:
                transaction.put(key, value)
            raise lmdb.DiskError(os.strerror(number))

    async def run(system: System, ref: Ref) -> None:
        await wait(system.ask(ref, StoreWrite(puts=((b"a", b"1"),))))
        monkeypatch.setattr(store_gateway, "_write", fails)
        with pytest.raises(StoreFailed, match=os.strerror(number)):
            await wait(system.ask(ref, StoreWrite(puts=((b"a", b"2"),))))
        assert await wait(system.ask(ref, StoreGet(key=b"a"))) == b"1"
        monkeypatch.setattr(store_gateway, "_write", writes)
        await wait(system.ask(ref, StoreWrite(puts=((b"a", b"3"),))))

    asyncio.run(with_actor(lambda: StoreGateway(tmp_path), run))
    assert asked(tmp_path, StoreGet(key=b"a")) == [b"3"]


def test_a_real_disk_without_room_fails_the_batch(tmp_path: Path) -> None:
    """A file that may not grow is a disk that is full: the process has a limit on it, and so it runs in one of its own."""
    program = Path(__file__).with_name("full_disk.py")
    done = subprocess.run(
        [sys.executable, str(program), str(tmp_path)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert asked(tmp_path, StoreScan(prefix=b"")) == [((b"a", b"1"), (b"b", b"2"))]


def test_a_file_that_is_no_store_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "data.mdb").write_bytes(b"no store" * 10_000)
    failure = start_failure(tmp_path)
    assert isinstance(failure, CorruptRecord)
    assert str(tmp_path) in str(failure)
    assert "restore" in str(failure)


def test_a_page_that_was_overwritten_is_damage_and_not_an_answer(tmp_path: Path) -> None:
    asked(tmp_path, *(StoreWrite(puts=((b"%d" % n, bytes(2_000)),)) for n in range(20)))
    file = tmp_path / "data.mdb"
    raw = bytearray(file.read_bytes())
    raw[2 * 4096 :] = b"\xa5" * (len(raw) - 2 * 4096)
    file.write_bytes(raw)
    error = refused(tmp_path, StoreScan(prefix=b""))
    assert isinstance(error, CorruptRecord)


# Snapshots


def test_a_snapshot_is_a_store_as_it_was_when_it_was_taken(tmp_path: Path) -> None:
    path = tmp_path / "store"
    taken = asked(
        path,
        StoreWrite(puts=((b"a", b"1"),)),
        StoreSnapshot(name="one", keep=3),
        StoreWrite(puts=((b"a", b"2"),)),
    )[1]
    assert Path(taken.place) == tmp_path / "store-snapshots" / "one"
    assert taken.size_bytes == (Path(taken.place) / "data.mdb").stat().st_size
    assert asked(Path(taken.place), StoreGet(key=b"a")) == [b"1"]
    assert asked(path, StoreGet(key=b"a")) == [b"2"]


def test_batches_are_written_while_a_snapshot_is_taken_and_none_is_in_it_by_half(
    tmp_path: Path,
) -> None:
    path = tmp_path / "store"

    def both(number: int) -> StoreWrite:
        return StoreWrite(puts=tuple((key, b"%d" % number) for key in (b"a", b"z")))

    async def run(system: System, ref: Ref) -> list[Any]:
        await wait(system.ask(ref, write(2_000, 3_000)))
        asks: list[Any] = []
        for number in range(40):
            asks.append(system.ask(ref, both(number)))
            if number % 10 == 5:
                asks.append(system.ask(ref, StoreSnapshot(name=f"n{number}", keep=9)))
        return [answer for ask in asks if (answer := await wait(ask)) is not None]

    taken = asyncio.run(with_actor(lambda: StoreGateway(path), run))
    assert len(taken) == 4
    for snapshot in taken:
        place = Path(snapshot.place)
        first, last = asked(place, StoreGet(key=b"a"), StoreGet(key=b"z"))
        assert first == last


def test_the_newest_snapshots_are_kept_and_one_of_the_same_name_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "store"
    for name in ("a", "b", "a", "c"):
        asked(path, StoreWrite(puts=((b"name", name.encode()),)), StoreSnapshot(name=name, keep=2))
    found = sorted(one.name for one in (tmp_path / "store-snapshots").iterdir())
    assert found == ["a", "c"]


def test_a_snapshot_without_room_is_refused_and_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(store_files, "_sync", full)
    path = tmp_path / "store"
    error = refused(path, StoreWrite(puts=((b"a", b"1"),)), StoreSnapshot(name="one", keep=1))
    assert isinstance(error, StoreFailed)
    assert os.strerror(errno.ENOSPC) in str(error)
    assert list((tmp_path / "store-snapshots").iterdir()) == []


# Opening


def start_failure(path: Path) -> BaseException:
    """What the start hook raised."""
    failures: list[BaseException] = []

    async def run(system: System, ref: Ref) -> None:
        failed = asyncio.Event()

        def note(actor: Ref, error: BaseException, envelope: object) -> None:
            failures.append(error)
            failed.set()

        system.observer.failed = note  # type: ignore[method-assign]
        await asyncio.wait_for(failed.wait(), 10)

    asyncio.run(with_actor(lambda: StoreGateway(path), run))
    return failures[0]


def test_a_folder_that_cannot_be_made_is_named_with_the_fix(tmp_path: Path) -> None:
    file = tmp_path / "a file"
    file.write_text("in the way")
    failure = start_failure(file / "store")
    assert isinstance(failure, EnvironmentFailure)
    assert str(file) in str(failure)
    assert "can be written" in str(failure)
