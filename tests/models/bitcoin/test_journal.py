"""The journal of a Bitcoin node: whatever happens to the node, the records bring it back, and damage is told from a missing end."""

import random

import pytest

from alys.models.bitcoin import journal
from alys.models.bitcoin.journal import HEAD, Damaged, Journal, Kind, Record
from alys.models.bitcoin.node import BitcoinNode
from alys.models.bitcoin.rules import Rejected
from tests.models.bitcoin.builders import (
    COIN,
    PAYEE_ADDRESS,
    START,
    Clock,
    block_on_tip,
    coinbase_at,
    fork,
    funded_node,
    make_node,
    mine,
    payment,
    send,
    with_txs,
)

SESSION = b"a session"


class Written:
    """A node and the journal of its life."""

    def __init__(self, node: BitcoinNode) -> None:
        self.node = node
        self.changes = 0
        self.journal = Journal(node, node.now, self._count)
        self.data = self.journal.whole(SESSION)

    def _count(self) -> None:
        self.changes += 1

    def write(self) -> bytes:
        new = self.journal.pending()
        self.data += new
        return new

    def again(self) -> BitcoinNode:
        """Another node, from what was written so far."""
        return restored(self.data)


def restored(data: bytes) -> BitcoinNode:
    records, end = journal.read(data)
    assert end == len(data)
    memory = journal.gathered(records)
    assert memory.session == SESSION
    node = make_node()
    journal.restore(node, memory)
    return node


def same(one: BitcoinNode, other: BitcoinNode) -> bool:
    assert [entry.hash for entry in one.chain.active] == [
        entry.hash for entry in other.chain.active
    ]
    assert list(one.chain.index) == list(other.chain.index)
    assert {n for n, e in one.chain.index.items() if e.invalid} == {
        n for n, e in other.chain.index.items() if e.invalid
    }
    assert one.chain.coins == other.chain.coins
    assert list(one.mempool.waiting.values()) == list(other.mempool.waiting.values())
    assert one.kept.values == other.kept.values
    return True


def test_a_node_comes_back_with_branches_marks_mempool_and_kept_values() -> None:
    written = Written(funded_node(3))
    node = written.node
    send(node, payment(coinbase_at(node, 1)))
    first = payment(coinbase_at(node, 2))
    send(node, first)
    node.kept.put("key", b"value")
    node.kept.put("gone", b"")
    assert written.changes >= 2
    written.write()
    assert same(node, written.again())
    for block in fork(node, 95, 4):
        node.chain.accept(block)
    send(node, payment(coinbase_at(node, 2), fee=9_000))
    node.kept.remove("gone")
    written.write()
    assert same(node, written.again())
    node.handle("invalidateblock", [node.chain.active[99].hash])
    mine(node, 1)
    written.write()
    assert same(node, written.again())
    node.handle("reconsiderblock", [node.chain.active[98].hash])
    node.handle("generatetoaddress", [2, PAYEE_ADDRESS])
    written.write()
    assert same(node, written.again())
    assert written.write() == b""


def test_of_two_branches_of_one_height_the_same_one_is_the_best_again() -> None:
    node = make_node(3)
    written = Written(node)
    (later,) = fork(node, 2, 1)
    first = node.chain.tip
    node.handle("invalidateblock", [first.hash])
    node.chain.accept(later)
    written.write()
    assert same(node, written.again())
    node.handle("reconsiderblock", [first.hash])
    assert node.chain.tip is first, "it came first"
    written.write()
    assert same(node, written.again())


def test_a_block_that_broke_a_rule_is_known_to_be_bad_again() -> None:
    node = funded_node(2)
    written = Written(node)
    greedy = block_on_tip(node, (payment(coinbase_at(node, 1), fee=-COIN),))
    with pytest.raises(Rejected):
        node.chain.accept(greedy)
    written.write()
    again = written.again()
    assert again.chain.is_invalid(greedy.hash)
    assert same(node, again)


def test_scripts_are_not_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    node = funded_node(1)
    send(node, payment(coinbase_at(node, 1)))
    mine(node, 1)
    data = Written(node).data

    def never(*_: object, **__: object) -> None:
        raise AssertionError("scripts are run")

    monkeypatch.setattr("alys.models.bitcoin.rules.check_scripts", never)
    assert same(node, restored(data))


def test_the_clock_is_in_every_entry() -> None:
    clock = Clock()
    written = Written(make_node(1, clock))
    clock.seconds += 100
    mine(written.node, 1)
    written.write()
    assert journal.gathered(journal.read(written.data)[0]).clock == START + 100


def test_a_missing_end_is_left_out_wherever_it_is_cut() -> None:
    node = funded_node(1)
    written = Written(node)
    whole = len(written.data)
    send(node, payment(coinbase_at(node, 1)))
    mine(node, 1)
    written.write()
    for cut in range(whole, len(written.data), 7):
        records, end = journal.read(written.data[:cut])
        assert whole <= end <= cut
        again = make_node()
        journal.restore(again, journal.gathered(records))
        assert again.chain.tip.height in (100, 101)


def test_any_changed_byte_is_seen() -> None:
    data = Written(make_node(2)).data
    chance = random.Random(1)
    for _ in range(200):
        at = chance.randrange(len(data))
        changed = data[:at] + bytes((data[at] ^ 1 << chance.randrange(8),)) + data[at + 1 :]
        try:
            _, end = journal.read(changed)
        except Damaged:
            continue
        assert end < len(data), f"byte {at} was changed and nobody saw it"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"something else", "does not begin"),
        (b"", "does not begin"),
        (HEAD + b"\0" * 12, "a record of 0 bytes"),
        (HEAD + Record(Kind.TIP, b"").serialize().replace(b"T", b"X"), "checksum"),
    ],
)
def test_what_is_no_journal_is_named(data: bytes, told: str) -> None:
    with pytest.raises(Damaged, match=told):
        journal.read(data)


def test_an_unknown_kind_is_named() -> None:
    body = b"?"
    data = HEAD + journal._FRAME.pack(1, journal._checksum(body)) + body
    with pytest.raises(Damaged, match="no kind of record"):
        journal.read(data)


@pytest.mark.parametrize(
    "record",
    [
        Record(Kind.BLOCK, b"\x01abc"),
        Record(Kind.LEFT, b"\x01" * 32),
        Record(Kind.REMOVED, b"x"),
        Record(Kind.CLOCK, b"x"),
    ],
)
def test_a_record_that_says_nothing_is_named(record: Record) -> None:
    with pytest.raises(Damaged, match=record.kind.name):
        journal.gathered([record])


def test_blocks_that_do_not_stand_on_each_other_are_refused() -> None:
    node = make_node(3)
    blocks = [entry.block for entry in node.chain.active[1:]]
    from_nowhere = payment(coinbase_at(funded_node(1, Clock(START + 9)), 7))
    spender = with_txs(blocks[0], blocks[0].txs[0], from_nowhere)
    for kept in ([blocks[0], blocks[2]], [spender]):
        blocks_by_hash = {block.hash: (block, True) for block in kept}
        memory = journal.Memory(blocks=blocks_by_hash, tip=kept[-1].hash)
        with pytest.raises(Damaged, match="do not stand on each other"):
            journal.restore(make_node(), memory)


def test_what_may_not_wait_any_more_is_left_out() -> None:
    node = funded_node(1)
    tx = payment(coinbase_at(node, 1))
    memory = journal.Memory(waiting={tx.txid: (tx, START)})
    fresh = make_node()
    journal.restore(fresh, memory)
    assert not fresh.mempool.waiting
