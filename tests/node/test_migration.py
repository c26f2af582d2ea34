"""A store as version 1 wrote it becomes one of today, and loses nothing."""

from pathlib import Path

import msgspec
import pytest

from alys.chain import blocks, state
from alys.chain.blocks import ConsensusBlock, SignedBlock
from alys.node import migration, records
from alys.node.errors import CorruptRecord
from alys.node.storage import LoadBlock, LoadBlockAt, LoadRecords, LoadTree, Storage
from alys.wire.engine import ExecutionPayload
from tests.node.bench import Bench


def payload(number: int) -> ExecutionPayload:
    return ExecutionPayload(
        parent_hash=bytes(32),
        fee_recipient=bytes(20),
        state_root=bytes(32),
        receipts_root=bytes(32),
        logs_bloom=bytes(256),
        prev_randao=bytes(32),
        block_number=number,
        gas_limit=30_000_000,
        gas_used=0,
        timestamp=1_700_000_000 + number,
        extra_data=b"",
        base_fee_per_gas=7,
        block_hash=number.to_bytes(32, "big"),
        transactions=(),
        withdrawals=(),
    )


GENESIS = blocks.genesis_block(payload(4), bits=0x207FFFFF, aux_chain_id=121)
NEXT = SignedBlock(
    block=ConsensusBlock(parent_root=blocks.root(GENESIS.block), slot=9, payload=payload(5))
)
ROOTS = (blocks.root(GENESIS.block), blocks.root(NEXT.block))
AFTER = msgspec.structs.replace(
    state.genesis_state(GENESIS), head_root=ROOTS[1], height=5, slot=9, minted=frozenset({"tx:0"})
)


def v1(value: object) -> bytes:
    """A value as version 1 wrote it: this is the format of stores in the field, not to be changed with the code."""
    return b"\x01" + msgspec.msgpack.encode(value)


def store_of_version_1() -> dict[bytes, bytes]:
    return {
        b"block/" + ROOTS[0]: v1(blocks.encode(GENESIS)),
        b"block/" + ROOTS[1]: v1(blocks.encode(NEXT)),
        b"height/" + (4).to_bytes(8, "big"): v1(ROOTS[0]),
        b"height/" + (5).to_bytes(8, "big"): v1(ROOTS[1]),
        b"head": v1({"block": blocks.encode(NEXT), "state": state.encode(AFTER)}),
        b"record/pegin/tx:0": v1(b"a peg-in"),
        b"record/cursor/bitcoin": v1(b"a cursor"),
    }


def started(pairs: dict[bytes, bytes]) -> Bench:
    bench = Bench()
    bench.disk.pairs = dict(pairs)
    bench.store("node/ports/store")
    bench.start("node/storage", lambda: Storage("node/ports/store"))
    return bench


def test_a_store_of_version_1_has_all_that_it_had() -> None:
    bench = started(store_of_version_1())
    for _ in range(2):
        assert not bench.failures.errors
        tree = bench.ask("node/storage", LoadTree())
        assert tree is not None
        assert (tree.head.root, tree.head.height) == (ROOTS[1], 5)
        assert (tree.head.finalised_root, tree.head.finalised_height) == (ROOTS[0], 4)
        (head,) = tree.blocks
        assert (head.root, head.parent) == (ROOTS[1], ROOTS[0])
        assert (head.block, head.state) == (blocks.encode(NEXT), state.encode(AFTER))
        for root, height, signed in zip(ROOTS, (4, 5), (GENESIS, NEXT), strict=True):
            written = blocks.encode(signed)
            assert bench.ask("node/storage", LoadBlockAt(height=height)) == written
            assert bench.ask("node/storage", LoadBlock(root=root)) == written
        assert bench.ask("node/storage", LoadRecords(table="pegin")) == (("tx:0", b"a peg-in"),)
        assert bench.ask("node/storage", LoadRecords(table="cursor")) == (("bitcoin", b"a cursor"),)
        bench.stop("node/storage")
        bench.start("node/storage", lambda: Storage("node/ports/store"))


def test_a_store_that_the_code_of_version_1_wrote_has_all_that_it_had() -> None:
    """The producer's after a peg-in and four peg-outs in simulation: data, so it does not change with the code."""
    raw = Path(__file__).parents[1].joinpath("data", "store_v1.msgpack").read_bytes()
    old: dict[bytes, bytes] = dict(msgspec.msgpack.decode(raw))
    bench = started(old)
    assert not bench.failures.errors
    head = msgspec.msgpack.decode(old[b"head"][1:])
    tree = bench.ask("node/storage", LoadTree())
    assert tree is not None
    (found,) = tree.blocks
    assert (found.block, found.state) == (head["block"], head["state"])
    state_then = msgspec.msgpack.decode(head["state"])
    assert tree.head.root == state_then["head_root"]
    assert tree.head.finalised_height == state_then["finalised_height"]
    for key, value in old.items():
        body = msgspec.msgpack.decode(value[1:])
        if key.startswith(b"block/"):
            assert bench.ask("node/storage", LoadBlock(root=key[6:])) == body
        elif key.startswith(b"height/"):
            at = bench.ask("node/storage", LoadBlockAt(height=int.from_bytes(key[7:], "big")))
            assert at == msgspec.msgpack.decode(old[b"block/" + body][1:])
        elif key.startswith(b"record/"):
            _, table, name = key.decode().split("/", 2)
            assert (name, body) in bench.ask("node/storage", LoadRecords(table=table))
    assert len(bench.disk.pairs) == len(old) + 3, "schema, seal, and the state beside the head"


def test_a_migration_that_the_store_refuses_leaves_version_1() -> None:
    bench = Bench()
    bench.disk.pairs = store_of_version_1()
    bench.disk.fail_next("no room")
    bench.store("node/ports/store")
    bench.start("node/storage", lambda: Storage("node/ports/store"))
    assert "no room" in str(bench.failures.errors[0])
    bench.run_for(5.0)
    assert bench.ask("node/storage", LoadTree()) is not None, "the next try made it"


def test_an_empty_store_begins_at_the_present_version() -> None:
    assert set(migration.to_current(())) == {records.SCHEMA}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"head", b"\x07\x00"),
        (b"head", v1(b"no head")),
        (b"head", v1({"block": b"no block", "state": b"no state"})),
        (b"record/pegin/tx:0", b""),
        (b"what is this", v1(b"")),
    ],
    ids=["version", "shape", "contents", "nothing", "key"],
)
def test_what_version_1_did_not_write_is_named_and_left_as_it_is(key: bytes, value: bytes) -> None:
    pairs = store_of_version_1() | {key: value}
    bench = started(pairs)
    assert isinstance(bench.failures.errors[0], CorruptRecord)
    assert key.decode() in str(bench.failures.errors[0])
    assert bench.disk.pairs == pairs
