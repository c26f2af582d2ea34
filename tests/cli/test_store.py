"""``alys store``, typed: what it says of a store, and what it refuses to write over."""

import asyncio
from pathlib import Path

import pytest

from alys.actors.loop import wait
from alys.actors.ref import Ref
from alys.actors.system import System
from alys.cli import front
from alys.node import ports
from alys.node.ports import StoreSnapshot, StoreWrite
from alys.shells.store_gateway import StoreGateway
from tests.node.test_integrity import sound
from tests.shells.systems import with_actor


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with a snapshot."""
    folder = tmp_path / "store"

    async def fill(system: System, ref: Ref) -> ports.Snapshot:
        await wait(system.ask(ref, StoreWrite(puts=tuple(sound().items()))))
        return await wait(system.ask(ref, StoreSnapshot(name="one", keep=1)))

    asyncio.run(with_actor(lambda: StoreGateway(folder), fill))
    return folder


def damage(folder: Path) -> None:
    async def write(system: System, ref: Ref) -> None:
        await wait(system.ask(ref, StoreWrite(puts=((b"head", b"no head"),))))

    asyncio.run(with_actor(lambda: StoreGateway(folder), write))


def typed(*words: object) -> int:
    return front.main(["store", *map(str, words)])


def test_a_sound_store_is_summed_up(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("check", store) == 0
    said = capsys.readouterr().out
    assert said == f"{store}: sound; version 2, head at 5, final up to 4, 2 blocks, 2 records\n"


def test_a_damaged_store_is_a_failure_with_the_keys(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(store)
    assert typed("check", store) == 1
    said = capsys.readouterr().out
    assert "head: version 6e, known is 2\n" in said
    assert "damaged" in said


def test_snapshots_are_listed_and_one_becomes_the_store(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed("snapshots", store) == 0
    place = store.with_name("store-snapshots") / "one"
    assert capsys.readouterr().out.startswith(f"{place}: version 2, head at 5")
    damage(store)
    store.rename(store.with_name("damaged"))
    assert typed("restore", place, store) == 0
    assert typed("check", store) == 0


def test_what_cannot_be_done_is_said_with_the_fix(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = store.with_name("store-snapshots") / "one"
    assert typed("restore", place, store) == 2
    assert "move it away first" in capsys.readouterr().err
    assert typed("check", tmp_path / "nowhere") == 2
    assert "there is no data.mdb in it" in capsys.readouterr().err
    damage(place)
    assert typed("restore", place, tmp_path / "new") == 2
    assert "damaged itself" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_a_file_that_lmdb_cannot_read_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data.mdb").write_bytes(b"no store" * 10_000)
    assert typed("check", tmp_path) == 1
    assert str(tmp_path) in capsys.readouterr().err
