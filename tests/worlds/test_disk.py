"""A store in memory keeps the promises of the one on a disk, and fails as it is told to."""

import pytest

from alys.actors.errors import AskTimeout
from alys.node.errors import StoreFailed
from alys.node.ports import StoreGet, StoreScan, StoreSnapshot, StoreWrite
from alys.worlds.disk import Disk
from tests.node.bench import Bench


def batch(number: int) -> StoreWrite:
    return StoreWrite(puts=tuple((key, b"%d" % number) for key in (b"a", b"b")))


def test_it_outlives_its_port_and_scans_in_order() -> None:
    bench = Bench()
    bench.store("port")
    bench.ask("port", StoreWrite(puts=((b"k/2", b""), (b"k/10", b""), (b"j", b""))))
    bench.ask("port", StoreWrite(puts=(), deletes=(b"j", b"never there")))
    bench.stop("port")
    bench.store("port")
    assert bench.ask("port", StoreScan(prefix=b"k/")) == ((b"k/10", b""), (b"k/2", b""))
    assert bench.ask("port", StoreGet(key=b"j")) is None


def test_a_batch_that_is_refused_changes_nothing_and_the_next_one_is_taken() -> None:
    bench = Bench()
    bench.store("port")
    bench.ask("port", batch(1))
    bench.disk.fail_next("no room")
    with pytest.raises(StoreFailed, match="no room"):
        bench.ask("port", batch(2))
    assert bench.disk.pairs == {b"a": b"1", b"b": b"1"}
    bench.ask("port", batch(3))
    assert bench.disk.pairs == {b"a": b"3", b"b": b"3"}


def test_a_torn_batch_is_there_by_half() -> None:
    disk = Disk()
    disk.write(batch(1))
    disk.tear_next()
    disk.write(batch(2))
    assert disk.pairs == {b"a": b"2", b"b": b"1"}


def test_a_lost_batch_takes_its_deletes_back_too() -> None:
    disk = Disk()
    disk.write(batch(1))
    disk.write(StoreWrite(puts=((b"a", b"2"), (b"c", b"2")), deletes=(b"b",)))
    disk.lose_last()
    disk.lose_last()
    assert disk.pairs == {b"a": b"1", b"b": b"1"}


def test_snapshots_stay_as_they_were() -> None:
    bench = Bench()
    bench.store("port")
    for number, name in enumerate(("one", "two", "three")):
        bench.ask("port", batch(number))
        assert bench.ask("port", StoreSnapshot(name=name, keep=2)).size_bytes == 4
    assert list(bench.disk.snapshots) == ["two", "three"]
    assert bench.disk.snapshots["two"] == {b"a": b"1", b"b": b"1"}


@pytest.mark.parametrize("torn", [False, True])
def test_a_power_cut_in_the_middle_of_a_batch_is_heard_of_by_nobody_and_can_be_put_right(
    torn: bool,
) -> None:
    bench = Bench()
    bench.store("port")
    bench.ask("port", batch(1))
    heard: list[str] = []
    bench.disk.cut_power(torn=torn, then=lambda: heard.append("dark"))
    for number in (2, 3):
        with pytest.raises(AskTimeout):
            bench.ask("port", batch(number))
    assert heard == ["dark"]
    assert bench.disk.pairs == ({b"a": b"2", b"b": b"1"} if torn else {b"a": b"1", b"b": b"1"})
    bench.disk.power = True
    bench.disk.restore()
    assert bench.ask("port", StoreScan(prefix=b"")) == ((b"a", b"1"), (b"b", b"1"))


def test_a_power_cut_that_was_called_off_does_not_come() -> None:
    disk = Disk()
    disk.cut_power(torn=True, then=lambda: None)
    assert (disk.call_off(), disk.call_off()) == (True, False)
    disk.write(batch(1))
    assert disk.pairs == {b"a": b"1", b"b": b"1"}
