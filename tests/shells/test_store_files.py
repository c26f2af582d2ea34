"""A snapshot becomes the store again, and nothing that is there is written over."""

from pathlib import Path

import pytest

from alys.base.errors import UsageError
from alys.node.ports import StoreGet, StoreSnapshot, StoreWrite
from alys.shells import store_files
from tests.shells.test_store_gateway import asked


def taken(tmp_path: Path) -> Path:
    asked(
        tmp_path / "store",
        StoreWrite(puts=((b"a", b"1"),)),
        StoreSnapshot(name="one", keep=1),
        StoreWrite(puts=((b"a", b"2"),)),
    )
    return tmp_path / "store-snapshots" / "one"


def test_a_restored_store_is_what_the_snapshot_was(tmp_path: Path) -> None:
    snapshot = taken(tmp_path)
    (tmp_path / "store").rename(tmp_path / "damaged")
    store_files.restore(snapshot, tmp_path / "store")
    assert asked(tmp_path / "store", StoreGet(key=b"a")) == [b"1"]
    assert asked(snapshot, StoreGet(key=b"a")) == [b"1"], "it is still there"


def test_a_store_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    snapshot = taken(tmp_path)
    with pytest.raises(UsageError, match="move it away first"):
        store_files.restore(snapshot, tmp_path / "store")
    assert asked(tmp_path / "store", StoreGet(key=b"a")) == [b"2"]


def test_what_is_no_snapshot_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no snapshot: it has no data\.mdb"):
        store_files.restore(tmp_path, tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_a_copy_that_fails_leaves_what_had_its_name(tmp_path: Path) -> None:
    final = tmp_path / "copies" / "one"
    store_files.copy(lambda to: (to / "data.mdb").write_bytes(b"first"), final)

    def broken(to: Path) -> None:
        (to / "data.mdb").write_bytes(b"sec")
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        store_files.copy(broken, final)
    assert store_files.snapshots_in(tmp_path / "copies") == [final]
    assert (final / "data.mdb").read_bytes() == b"first"
    assert [one.name for one in final.parent.iterdir()] == ["one"]
