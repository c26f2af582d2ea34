"""What belongs together is written together, and a record that cannot be read is named."""

from typing import Any

import pytest

from alys.actors.message import Request
from alys.node import records
from alys.node.errors import CorruptRecord, StoreFailed
from alys.node.records import HeadMark
from alys.node.storage import (
    Change,
    ChangeRecords,
    LoadApproval,
    LoadBlock,
    LoadBlockAt,
    LoadRecords,
    LoadTree,
    SaveApproval,
    SaveRecords,
    Storage,
    StoreBlocks,
    StoredBlock,
    TakeSnapshot,
    Tree,
)
from tests.node.bench import Bench

NAME = "node/storage"


def started() -> Bench:
    bench = Bench()
    bench.store("node/ports/store")
    return again(bench)


def again(bench: Bench) -> Bench:
    bench.start(NAME, lambda: Storage("node/ports/store"))
    return bench


def restarted(bench: Bench) -> Bench:
    bench.stop(NAME)
    return again(bench)


@pytest.fixture
def bench() -> Bench:
    return started()


def block(name: str, parent: str, height: int) -> StoredBlock:
    return StoredBlock(
        root=name.encode(),
        parent=parent.encode(),
        height=height,
        block=f"block {name}".encode(),
        state=f"state {name}".encode(),
        facts=f"facts {name}".encode(),
    )


def mark(name: str, height: int, final: str = "g", final_height: int = 10) -> HeadMark:
    return HeadMark(
        root=name.encode(),
        height=height,
        finalised_root=final.encode(),
        finalised_height=final_height,
    )


GENESIS = StoreBlocks(blocks=(block("g", "", 10),), head=mark("g", 10))


def at(bench: Bench, height: int) -> bytes | None:
    found: bytes | None = bench.ask(NAME, LoadBlockAt(height=height))
    return found


def tree(bench: Bench) -> Tree:
    found = bench.ask(NAME, LoadTree())
    assert found is not None
    return found


def test_a_new_store_has_no_head_and_no_blocks(bench: Bench) -> None:
    assert bench.ask(NAME, LoadTree()) is None
    assert bench.ask(NAME, LoadApproval()) is None
    assert at(bench, 0) is None
    assert bench.ask(NAME, LoadBlock(root=b"r" * 32)) is None


# The tree


def test_the_tree_comes_back_as_it_was_stored_after_a_restart(bench: Bench) -> None:
    branch = (block("a", "g", 11), block("b", "a", 12))
    bench.ask(NAME, GENESIS)
    bench.ask(NAME, StoreBlocks(blocks=branch, head=mark("b", 12), approval=b"slot 2"))
    bench.ask(NAME, StoreBlocks(blocks=(block("x", "g", 11),)))
    restarted(bench)
    assert tree(bench) == Tree(
        head=mark("b", 12),
        blocks=(block("g", "", 10), branch[0], block("x", "g", 11), branch[1]),
    )
    assert bench.ask(NAME, LoadApproval()) == b"slot 2"
    assert (at(bench, 11), at(bench, 12)) == (b"block a", b"block b")


def test_a_reorganisation_moves_head_and_heights_in_one_batch(bench: Bench) -> None:
    bench.ask(NAME, GENESIS)
    long = (block("a", "g", 11), block("b", "a", 12), block("c", "b", 13))
    bench.ask(NAME, StoreBlocks(blocks=long, head=mark("c", 13)))
    bench.disk.fail_next("no room")
    other = StoreBlocks(blocks=(block("x", "g", 11), block("y", "x", 12)), head=mark("y", 12))
    with pytest.raises(StoreFailed, match="no room"):
        bench.ask(NAME, other)
    assert [at(bench, height) for height in (11, 12, 13)] == [b"block a", b"block b", b"block c"]
    bench.ask(NAME, other)
    for _ in range(2):
        assert [at(bench, height) for height in (11, 12, 13)] == [b"block x", b"block y", None]
        assert tree(bench).head == mark("y", 12)
        restarted(bench)
    assert bench.ask(NAME, LoadBlock(root=b"c")) == b"block c", "not final: it may come back"


def test_finality_prunes_states_below_and_abandoned_siblings_and_keeps_the_chain(
    bench: Bench,
) -> None:
    bench.ask(NAME, GENESIS)
    blocks = (block("a", "g", 11), block("b", "a", 12), block("x", "g", 11), block("y", "x", 12))
    bench.ask(NAME, StoreBlocks(blocks=blocks, head=mark("b", 12)))
    last = block("c", "b", 13)
    bench.ask(NAME, StoreBlocks(blocks=(last,), head=mark("c", 13, "b", 12)))
    assert tree(bench).blocks == (blocks[1], last)
    assert [at(bench, height) for height in (10, 11, 12)] == [b"block g", b"block a", b"block b"]
    assert bench.ask(NAME, LoadBlock(root=b"x")) is None
    kept = {key.partition(b"/")[2] for key in bench.disk.pairs if key.startswith(records.STATES)}
    assert kept == {b"b", b"c"}
    restarted(bench)
    assert tree(bench).blocks == (blocks[1], last)


def test_a_head_that_is_not_in_the_tree_is_refused_and_named(bench: Bench) -> None:
    with pytest.raises(CorruptRecord, match="state/6e6f"):
        bench.ask(NAME, StoreBlocks(head=mark("no", 11)))
    assert bench.ask(NAME, LoadTree()) is None


def test_an_approval_alone_is_kept(bench: Bench) -> None:
    bench.ask(NAME, SaveApproval(approval=b"slot 1"))
    bench.ask(NAME, SaveApproval(approval=b"slot 2"))
    assert restarted(bench).ask(NAME, LoadApproval()) == b"slot 2"


# Records


def test_tables_do_not_mix_and_names_come_in_order(bench: Bench) -> None:
    bench.ask(NAME, SaveRecords(table="pegin", records=(("b", b"2"), ("a", b"1"))))
    bench.ask(NAME, SaveRecords(table="pegout", records=(("c", b"3"),)))
    assert bench.ask(NAME, LoadRecords(table="pegin")) == (("a", b"1"), ("b", b"2"))
    assert bench.ask(NAME, LoadRecords(table="peg")) == ()


def test_records_of_several_tables_change_together_or_not_at_all(bench: Bench) -> None:
    bench.ask(NAME, SaveRecords(table="old", records=(("a", b"1"),)))
    change = ChangeRecords(
        changes=(
            Change(table="old", name="a", value=None),
            Change(table="new", name="b", value=b"2"),
        )
    )
    bench.disk.fail_next("I/O error")
    with pytest.raises(StoreFailed, match="I/O error"):
        bench.ask(NAME, change)
    assert bench.ask(NAME, LoadRecords(table="old")) == (("a", b"1"),)
    bench.ask(NAME, change)
    restarted(bench)
    assert bench.ask(NAME, LoadRecords(table="old")) == ()
    assert bench.ask(NAME, LoadRecords(table="new")) == (("b", b"2"),)


# Damage


def refusal(bench: Bench) -> BaseException:
    """Why it does not start."""
    bench.stop(NAME)
    again(bench)
    assert bench.failures.errors, "it started"
    return bench.failures.errors[0]


@pytest.mark.parametrize("key", [records.HEAD, records.state_key(b"a"), records.SEAL])
def test_a_damaged_value_that_the_start_needs_is_named_and_nobody_goes_on(
    bench: Bench, key: bytes
) -> None:
    bench.ask(NAME, GENESIS)
    bench.ask(NAME, StoreBlocks(blocks=(block("a", "g", 11),), head=mark("a", 11)))
    bench.disk.pairs[key] = bench.disk.pairs[key][:-1] + b"?"
    error = refusal(bench)
    assert isinstance(error, CorruptRecord)
    assert records.label(key) in str(error)
    assert "restore" in str(error)


@pytest.mark.parametrize("key", [records.state_key(b"a"), records.block_key(b"a"), records.SEAL])
def test_what_the_head_needs_and_is_not_there_is_named(bench: Bench, key: bytes) -> None:
    bench.ask(NAME, GENESIS)
    bench.ask(NAME, StoreBlocks(blocks=(block("a", "g", 11),), head=mark("a", 11)))
    bench.ask(NAME, SaveApproval(approval=b""))
    del bench.disk.pairs[key]
    error = refusal(bench)
    assert isinstance(error, CorruptRecord)
    assert records.label(key) in str(error)


def test_a_height_of_another_branch_is_named(bench: Bench) -> None:
    bench.ask(NAME, GENESIS)
    bench.ask(NAME, StoreBlocks(blocks=(block("a", "g", 11),), head=mark("a", 11)))
    bench.ask(NAME, SaveApproval(approval=b""))
    key = records.height_key(11)
    bench.disk.pairs[key] = records.pack(key, b"g")
    assert "another block" in str(refusal(bench))


def test_a_torn_batch_is_found_at_the_next_start(bench: Bench) -> None:
    bench.ask(NAME, GENESIS)
    bench.disk.tear_next()
    bench.ask(NAME, StoreBlocks(blocks=(block("a", "g", 11),), head=mark("a", 11)))
    assert isinstance(refusal(bench), CorruptRecord)


def test_a_torn_batch_of_records_is_found_too(bench: Bench) -> None:
    both = (Change(table="t", name="a", value=b"1"), Change(table="t", name="b", value=b"1"))
    bench.ask(NAME, ChangeRecords(changes=both))
    bench.disk.tear_next()
    other = tuple(Change(table="t", name=one.name, value=b"2") for one in both)
    bench.ask(NAME, ChangeRecords(changes=other))
    assert "torn" in str(refusal(bench))


def test_a_last_batch_that_the_disk_lost_leaves_the_one_before_it_whole(bench: Bench) -> None:
    bench.ask(NAME, GENESIS)
    bench.ask(NAME, StoreBlocks(blocks=(block("a", "g", 11),), head=mark("a", 11)))
    bench.disk.lose_last()
    assert tree(restarted(bench)).head == mark("g", 10)


@pytest.mark.parametrize(
    ("key", "question"),
    [
        (records.block_key(b"g"), LoadBlock(root=b"g")),
        (records.block_key(b"g"), LoadTree()),
        (records.height_key(10), LoadBlockAt(height=10)),
        (records.record_key("t", "a"), LoadRecords(table="t")),
        (records.APPROVAL, LoadApproval()),
    ],
)
def test_damage_met_later_is_the_askers_to_hear_of(
    bench: Bench, key: bytes, question: Request[Any]
) -> None:
    bench.ask(NAME, GENESIS)
    bench.ask(NAME, SaveRecords(table="t", records=(("a", b"1"),)))
    bench.ask(NAME, SaveApproval(approval=b"slot 1"))
    bench.disk.pairs[key] = b"\x02 not this"
    with pytest.raises(CorruptRecord, match=records.label(key)):
        bench.ask(NAME, question)
    assert not bench.failures.errors, "nobody is restarted for it"


def test_a_store_of_a_later_version_is_left_alone() -> None:
    bench = Bench()
    bench.disk.pairs[records.SCHEMA] = records.pack(records.SCHEMA, records.SCHEMA_VERSION + 1)
    before = dict(bench.disk.pairs)
    bench.store("node/ports/store")
    again(bench)
    assert "run the version of alys that wrote it" in str(bench.failures.errors[0])
    assert bench.disk.pairs == before


# Snapshots


def test_a_snapshot_has_the_store_as_it_was_and_the_last_few_are_kept(bench: Bench) -> None:
    bench.ask(NAME, GENESIS)
    taken = bench.ask(NAME, TakeSnapshot())
    assert taken.name == "height-10"
    bench.ask(NAME, StoreBlocks(blocks=(block("a", "g", 11),), head=mark("a", 11)))
    for name in ("b", "c", "d"):
        bench.ask(NAME, TakeSnapshot(name=name))
    assert list(bench.disk.snapshots) == ["b", "c", "d"]
    bench.disk.pairs = dict(bench.disk.snapshots["d"])
    assert tree(restarted(bench)).head == mark("a", 11)
