"""What joins the best chain, what is refused, and that a reorganisation gives back exactly what it took."""

from typing import Any

import msgspec
import pytest
from btclib.block.block import Block as LibraryBlock
from btclib.block.proof_of_work import REGTEST_POW_LIMIT_BITS

from alys.models.bitcoin import mining
from alys.models.bitcoin.chainstate import BlockEvent, ChainState, EventKind
from alys.models.bitcoin.node import BitcoinNode
from alys.models.bitcoin.rules import Rejected
from alys.wire import bitcoin
from alys.wire.bitcoin import Block, Tx, TxOut
from tests.models.bitcoin import builders
from tests.models.bitcoin.builders import COIN, FEE, PAYEE, SCRIPT, START

UP, DOWN = EventKind.CONNECTED, EventKind.DISCONNECTED


def picture(chain: ChainState) -> tuple[Any, ...]:
    """All that the best chain decides."""
    return (
        [entry.hash for entry in chain.active],
        dict(chain.coins),
        {txid: entry.hash for txid, entry in chain.transactions.items()},
    )


def refused(node: BitcoinNode, block: Block) -> str:
    """The reason; and that nothing changed."""
    before = picture(node.chain)
    with pytest.raises(Rejected) as caught:
        node.chain.accept(block)
    assert picture(node.chain) == before
    return caught.value.reason


def listen(node: BitcoinNode) -> list[tuple[EventKind, int, str]]:
    seen: list[tuple[EventKind, int, str]] = []
    node.listeners.append(lambda event: seen.append((event.kind, event.height, event.hash)))
    return seen


def test_a_block_spends_and_creates_coins() -> None:
    node = builders.funded_node()
    spent = builders.coinbase_at(node, 1)
    tx = builders.payment(spent)
    entry = node.chain.accept(builders.block_on_tip(node, [tx], FEE))
    assert node.chain.tip is entry
    assert builders.place_of(spent) not in node.chain.coins
    coin = node.chain.coins[builders.place_of(tx)]
    assert (coin.output.script, coin.height, coin.coinbase) == (PAYEE, 101, False)
    reward = node.chain.coins[builders.place_of(entry.block.txs[0])]
    assert (reward.output.value, reward.coinbase) == (50 * COIN + FEE, True)
    assert builders.place_of(entry.block.txs[0], 1) not in node.chain.coins  # the commitment
    assert node.chain.transactions[tx.txid] is entry


def test_every_mined_block_is_good_to_another_implementation() -> None:
    node = builders.funded_node()
    node.chain.accept(
        builders.block_on_tip(node, [builders.payment(builders.coinbase_at(node, 1))], FEE)
    )
    for entry in node.chain.active[1:3] + node.chain.active[-2:]:
        theirs = LibraryBlock.parse(entry.block.serialize(), check_validity=False)
        theirs.assert_valid(REGTEST_POW_LIMIT_BITS)
        assert theirs.header.hash.hex() == entry.hash


def test_the_genesis_coin_is_never_there() -> None:
    node = builders.make_node()
    assert node.chain.coins == {}
    assert node.chain.tip.height == 0


def test_a_chain_of_payments_within_one_block_is_good_in_order_only() -> None:
    node = builders.funded_node()
    first = builders.payment(builders.coinbase_at(node, 1), to=SCRIPT)
    second = builders.payment(first)
    wrong = builders.block_on_tip(node, [second, first], 2 * FEE)
    assert refused(node, wrong) == "bad-txns-inputs-missingorspent"
    node.chain.accept(builders.block_on_tip(node, [first, second], 2 * FEE))
    assert builders.place_of(first) not in node.chain.coins
    assert builders.place_of(second) in node.chain.coins


def bad_blocks() -> dict[str, tuple[BitcoinNode, Block, str]]:
    node = builders.funded_node()
    good = builders.block_on_tip(node)
    spent = builders.coinbase_at(node, 1)
    one, other = builders.payment(spent), builders.payment(spent, fee=2 * FEE)
    forged = builders.payment(spent, secret=builders.PAYEE_SECRET)
    young = builders.payment(builders.coinbase_at(node, 2))
    greedy = builders.payment(spent, fee=-1)
    legacy = TxOut(value=0, script=b"\xac" * 9_000)  # 36,000 of the allowed 80,000
    padded = builders.with_coinbase(good, outputs=(*good.txs[0].outputs, *[legacy] * 3))
    block = builders.block_on_tip

    def pays(sats: int) -> Block:
        first, *rest = good.txs[0].outputs
        return builders.with_coinbase(
            good, outputs=(msgspec.structs.replace(first, value=sats), *rest)
        )

    return {
        "double spend": (node, block(node, [one, other]), "bad-txns-inputs-missingorspent"),
        "forged": (node, block(node, [forged]), "mandatory-script-verify-flag-failed"),
        "young": (node, block(node, [young]), "bad-txns-premature-spend-of-coinbase"),
        "greedy": (node, block(node, [greedy]), "bad-txns-in-belowout"),
        "reward": (node, pays(50 * COIN + 1), "bad-cb-amount"),
        "fees": (node, block(node, [one], FEE + 1), "bad-cb-amount"),
        "sigops": (node, padded, "bad-blk-sigops"),
        "orphan": (node, builders.with_header(good, previous="12" * 32), "prev-blk-not-found"),
        "old": (node, builders.with_header(good, time=START - 1), "time-too-old"),
        "bits": (node, builders.with_header(good, bits=0x207FFFFE), "bad-diffbits"),
        "root": (node, builders.with_header(good, merkle_root="12" * 32), "bad-txnmrklroot"),
        "height": (
            node,
            builders.with_coinbase_input(good, script_sig=b"\x01\x63"),
            "bad-cb-height",
        ),
    }


@pytest.mark.parametrize("name", sorted(bad_blocks()))
def test_a_bad_block_is_refused_and_leaves_nothing_behind(name: str) -> None:
    node, block, reason = bad_blocks()[name]
    assert refused(node, block).startswith(reason)
    node.chain.accept(builders.block_on_tip(node))  # and the chain goes on


def test_a_block_without_work_is_refused() -> None:
    node = builders.make_node()
    block = builders.block_on_tip(node)
    nonce = next(
        n
        for n in range(1000)
        if not bitcoin.meets_target(
            msgspec.structs.replace(block.header, nonce=n).hash, block.header.bits
        )
    )
    lazy = Block(header=msgspec.structs.replace(block.header, nonce=nonce), txs=block.txs)
    assert refused(node, lazy) == "high-hash"


def test_a_block_that_repeats_a_confirmed_payment_takes_nothing_away() -> None:
    node = builders.funded_node()
    tx = builders.payment(builders.coinbase_at(node, 1))
    node.chain.accept(builders.block_on_tip(node, [tx], FEE))
    assert refused(node, builders.block_on_tip(node, [tx])) == "bad-txns-BIP30"
    assert builders.place_of(tx) in node.chain.coins


def test_an_invalid_block_and_what_stands_on_it_stay_refused() -> None:
    node, block, _ = bad_blocks()["forged"]
    refused(node, block)
    assert refused(node, block) == "duplicate-invalid"
    coinbase = mining.coinbase(102, 50 * COIN, SCRIPT, 0)
    child = builders.with_txs(
        builders.with_header(block, previous=block.hash), mining.committed(coinbase, ())
    )
    assert refused(node, child) == "bad-prevblk"


def test_a_relative_lock_holds_in_blocks_too() -> None:
    node = builders.funded_node()
    first = builders.payment(builders.coinbase_at(node, 1), to=SCRIPT)
    node.chain.accept(builders.block_on_tip(node, [first], FEE))
    second = builders.payment(first, sequence=3)
    assert refused(node, builders.block_on_tip(node, [second])) == "bad-txns-nonfinal"
    builders.mine(node, 2)
    node.chain.accept(builders.block_on_tip(node, [second]))


def test_at_equal_height_the_first_seen_stays_and_a_longer_branch_wins() -> None:
    node = builders.make_node(3)
    seen = listen(node)
    old = [entry.hash for entry in node.chain.active]
    branch = builders.fork(node, 1, 3)
    for block in branch[:2]:
        assert not node.chain.is_active(node.chain.accept(block))
    assert seen == []
    node.chain.accept(branch[2])
    assert [entry.hash for entry in node.chain.active] == [*old[:2], *(b.hash for b in branch)]
    assert seen == [
        (DOWN, 3, old[3]),
        (DOWN, 2, old[2]),
        *((UP, 2 + n, block.hash) for n, block in enumerate(branch)),
    ]


def test_a_reorganisation_there_and_back_restores_every_coin() -> None:
    node = builders.funded_node()
    tx = builders.payment(builders.coinbase_at(node, 1), to=SCRIPT)
    node.chain.accept(builders.block_on_tip(node, [tx, builders.payment(tx)], 2 * FEE))
    before = picture(node.chain)
    branch = builders.fork(node, 100, 2)
    for block in branch:
        node.chain.accept(block)
    assert node.chain.tip.hash == branch[-1].hash
    assert builders.place_of(builders.coinbase_at(node, 1)) in node.chain.coins
    node.chain.invalidate(node.chain.index[branch[0].hash])
    assert picture(node.chain) == before


def test_a_branch_that_turns_out_invalid_gives_the_old_one_back() -> None:
    node = builders.funded_node()
    builders.mine(node, 2)
    before = picture(node.chain)
    forged = builders.payment(builders.coinbase_at(node, 1), secret=builders.PAYEE_SECRET)
    good, *_ = builders.fork(node, 100, 1)
    other = BitcoinNode(builders.Clock(), genesis_time=START)
    for entry in node.chain.active[1:101]:
        other.chain.accept(entry.block)
    other.chain.accept(good)
    bad = builders.block_on_tip(other, [forged])
    header = msgspec.structs.replace(good.header, previous=bad.hash, time=bad.header.time + 1)
    coinbase = mining.committed(mining.coinbase(103, 50 * COIN, SCRIPT, 1), ())
    last = builders.with_txs(Block(header=header, txs=()), coinbase)
    seen = listen(node)
    for block in (good, bad):
        node.chain.accept(block)
    assert node.chain.accept(last).invalid
    assert picture(node.chain) == before
    downs = [event for event in seen if event[0] is DOWN]
    assert len(seen) == 2 * len(downs) > 0  # every step was told
    assert node.chain.index[bad.hash].invalid
    assert node.chain.index[last.hash].invalid
    assert not node.chain.index[good.hash].invalid


def test_a_block_declared_invalid_takes_its_children_along_and_comes_back_with_them() -> None:
    node = builders.make_node(5)
    before = picture(node.chain)
    third = node.chain.active[3]
    node.chain.invalidate(third)
    assert node.chain.tip.height == 2
    node.chain.reconsider(third)
    assert picture(node.chain) == before


def test_reconsidering_a_child_frees_those_before_it() -> None:
    node = builders.make_node(5)
    third, last = node.chain.active[3], node.chain.tip
    node.chain.invalidate(third)
    node.chain.reconsider(last)
    assert node.chain.tip is last
    assert not third.invalid


def test_of_two_equal_branches_the_one_seen_first_takes_over() -> None:
    node = builders.make_node(3)
    (first,) = builders.fork(node, 1, 1)
    second = builders.with_header(first, time=first.header.time + 1)
    assert len({first.hash, second.hash, node.chain.active[2].hash}) == 3
    for block in (first, second):
        node.chain.accept(block)
    node.chain.invalidate(node.chain.active[2])
    assert node.chain.tip.hash == first.hash


def test_declaring_a_block_of_another_branch_invalid_changes_nothing() -> None:
    node = builders.make_node(3)
    (aside,) = builders.fork(node, 1, 1)
    entry = node.chain.accept(aside)
    before = picture(node.chain)
    node.chain.invalidate(entry)
    assert picture(node.chain) == before
    assert entry.invalid


def test_trying_a_block_out_judges_like_accepting_and_changes_nothing() -> None:
    node = builders.funded_node()
    before = picture(node.chain)
    tx = builders.payment(builders.coinbase_at(node, 1))
    good = mining.make_block(node.chain, [tx], FEE, SCRIPT, START)  # no work done
    node.chain.try_out(good)
    assert picture(node.chain) == before
    assert good.hash not in node.chain.index
    greedy = mining.make_block(node.chain, [tx], FEE + 1, SCRIPT, START)
    with pytest.raises(Rejected, match="bad-cb-amount"):
        node.chain.try_out(greedy)
    builders.mine(node)
    with pytest.raises(Rejected, match="inconclusive-not-best-prevblk"):
        node.chain.try_out(good)


def test_the_median_time_is_of_eleven_blocks_or_of_all_there_are() -> None:
    clock = builders.Clock(START)
    node = BitcoinNode(clock, genesis_time=START)
    assert node.chain.median_time(node.chain.tip) == START
    for step in range(1, 13):
        clock.seconds = START + 100 * step
        builders.mine(node)
    assert node.chain.median_time(node.chain.tip) == START + 700
    assert node.chain.median_time(node.chain.active[3]) == START + 200


def test_an_event_shows_the_whole_block() -> None:
    node = builders.make_node()
    events: list[BlockEvent] = []
    node.listeners.append(events.append)
    (digest,) = builders.mine(node)
    (event,) = events
    assert (event.kind, event.height, event.hash) == (UP, 1, digest)
    assert event.raw == node.handle("getblock", [digest, 0])


def test_stored_bytes_are_those_of_all_blocks_known() -> None:
    node = builders.make_node(2)
    (aside,) = builders.fork(node, 1, 1)
    node.chain.accept(aside)
    blocks = [entry.block for entry in node.chain.index.values()]
    assert len(blocks) == 4
    assert node.chain.stored_bytes == sum(len(block.serialize()) for block in blocks)


def test_a_transaction_leaves_the_index_with_its_block() -> None:
    node = builders.funded_node()
    tx: Tx = builders.payment(builders.coinbase_at(node, 1))
    entry = node.chain.accept(builders.block_on_tip(node, [tx], FEE))
    node.chain.invalidate(entry)
    assert tx.txid not in node.chain.transactions


def test_a_block_that_cannot_stand_where_it_does_is_remembered_but_not_for_its_witness() -> None:
    node = builders.funded_node()
    good = builders.block_on_tip(node)
    bad = builders.with_coinbase_input(good, script_sig=b"\x51" * 5)
    assert refused(node, bad) == "bad-cb-height"
    assert refused(node, bad) == "duplicate-invalid"
    assert node.chain.is_invalid(bad.hash)
    child = builders.with_header(builders.block_on_tip(node), previous=bad.hash)
    assert refused(node, child) == "bad-prevblk"
    nonce = builders.with_coinbase_input(good, witness=(b"x",))
    assert refused(node, nonce) == "bad-witness-nonce-size"
    assert node.chain.accept(good).height == node.chain.tip.height


def test_a_tip_that_is_reconsidered_is_the_tip_again_though_its_sibling_took_its_place() -> None:
    node = builders.make_node(5)
    tip = node.chain.tip
    (sibling,) = builders.fork(node, 4, 1)
    node.chain.accept(sibling)
    assert node.chain.tip is tip
    node.chain.invalidate(tip)
    assert node.chain.tip.hash == sibling.hash
    node.chain.reconsider(tip)
    assert node.chain.tip is tip
