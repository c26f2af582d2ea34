"""What belongs together is written together, and a record that cannot be read is named."""

import pytest

from alys.node.errors import CorruptRecord
from alys.node.storage import (
    Head,
    LoadBlock,
    LoadBlockAt,
    LoadHead,
    LoadRecords,
    SaveHead,
    SaveRecords,
    Storage,
    pack,
    unpack,
)
from tests.node.bench import Bench


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.store("node/ports/store")
    bench.start("node/storage", lambda: Storage("node/ports/store"))
    return bench


def test_a_new_store_has_no_head_and_no_blocks(bench: Bench) -> None:
    assert bench.ask("node/storage", LoadHead()) is None
    assert bench.ask("node/storage", LoadBlockAt(height=0)) is None
    assert bench.ask("node/storage", LoadBlock(root=b"r" * 32)) is None


def test_a_saved_head_is_found_by_root_and_height_and_survives_a_restart(bench: Bench) -> None:
    for height in (255, 256):
        head = Head(block=b"block %d" % height, state=b"state %d" % height)
        bench.ask(
            "node/storage", SaveHead(root=bytes([height % 251]) * 32, height=height, head=head)
        )
    bench.stop("node/storage")
    bench.start("node/storage", lambda: Storage("node/ports/store"))
    head_now = bench.ask("node/storage", LoadHead())
    assert head_now == Head(block=b"block 256", state=b"state 256")
    assert bench.ask("node/storage", LoadBlockAt(height=255)) == b"block 255"
    assert bench.ask("node/storage", LoadBlock(root=bytes([256 % 251]) * 32)) == b"block 256"


def test_tables_do_not_mix_and_names_come_in_order(bench: Bench) -> None:
    bench.ask("node/storage", SaveRecords(table="pegin", records=(("b", b"2"), ("a", b"1"))))
    bench.ask("node/storage", SaveRecords(table="pegout", records=(("c", b"3"),)))
    assert bench.ask("node/storage", LoadRecords(table="pegin")) == (("a", b"1"), ("b", b"2"))
    assert bench.ask("node/storage", LoadRecords(table="peg")) == ()


def test_a_record_of_another_version_or_damaged_is_named() -> None:
    assert unpack(pack(b"value"), bytes, "head") == b"value"
    for damaged in (b"", b"\x02" + pack(b"value")[1:], pack(b"value")[:-1], pack(7)):
        with pytest.raises(CorruptRecord, match="stored record head"):
            unpack(damaged, bytes, "head")
