"""Templates and blocks: complete, in order, within the limits, and never twice the same."""

import msgspec

from alys.models.bitcoin import mining, rules
from alys.wire import bitcoin
from alys.wire.bitcoin import Tx, TxOut
from tests.models.bitcoin import builders
from tests.models.bitcoin.builders import COIN, FEE, SCRIPT, START


def test_a_block_is_dated_now_but_after_the_median() -> None:
    node = builders.make_node(20)
    median = node.chain.median_time(node.chain.tip)
    assert mining.block_time(node.chain, START + 1000.9) == START + 1000
    assert mining.block_time(node.chain, START) == median + 1 > START


def test_a_template_says_what_a_miner_needs() -> None:
    clock = builders.Clock()
    node = builders.funded_node(clock=clock)
    clock.seconds = START + 600.5
    tx = builders.payment(builders.coinbase_at(node, 1), to=SCRIPT)
    child = builders.payment(tx, fee=3 * FEE)
    for one in (tx, child):
        builders.send(node, one)
    template = mining.template(node.chain, node.mempool, clock())
    assert template["previousblockhash"] == node.chain.tip.hash
    assert (template["height"], template["bits"]) == (101, "207fffff")
    assert template["target"] == "7fffff" + "0" * 58
    assert template["coinbasevalue"] == 50 * COIN + 4 * FEE
    assert template["curtime"] == START + 600
    assert template["mintime"] == node.chain.median_time(node.chain.tip) + 1
    assert "!segwit" in template["rules"]
    first, second = template["transactions"]
    assert bitcoin.parse_tx(bytes.fromhex(first["data"])) == tx
    assert (first["txid"], first["hash"], first["fee"]) == (tx.txid, tx.wtxid, FEE)
    assert (first["depends"], second["depends"]) == ([], [1])
    assert (first["weight"], first["sigops"]) == (tx.weight, 1)


def test_a_block_built_from_a_template_is_the_new_tip() -> None:
    node = builders.funded_node()
    builders.send(node, builders.payment(builders.coinbase_at(node, 1)))
    template = mining.template(node.chain, node.mempool, START)
    commitment = TxOut(value=0, script=bytes.fromhex(template["default_witness_commitment"]))
    first = mining.coinbase(template["height"], template["coinbasevalue"], SCRIPT, 7)
    coinbase = msgspec.structs.replace(first, outputs=(*first.outputs, commitment))
    txs = [bitcoin.parse_tx(bytes.fromhex(tx["data"])) for tx in template["transactions"]]
    header = msgspec.structs.replace(
        builders.block_on_tip(node).header,
        time=template["curtime"],
        version=template["version"],
        merkle_root=bitcoin.merkle_root([tx.txid for tx in (coinbase, *txs)]),
    )
    block = mining.mined(bitcoin.Block(header=header, txs=(coinbase, *txs)))
    assert node.handle("submitblock", [block.serialize().hex()]) is None
    assert node.chain.tip.hash == block.hash


def test_the_long_poll_id_changes_with_the_mempool_and_with_the_tip() -> None:
    node = builders.funded_node()
    ids = [mining.template(node.chain, node.mempool, START)["longpollid"]]
    builders.send(node, builders.payment(builders.coinbase_at(node, 1)))
    ids.append(mining.template(node.chain, node.mempool, START)["longpollid"])
    builders.mine(node)
    ids.append(mining.template(node.chain, node.mempool, START)["longpollid"])
    assert len(set(ids)) == 3


def test_a_block_mined_again_after_it_was_declared_invalid_is_another_one() -> None:
    node = builders.make_node(3)
    lost = node.chain.tip.hash
    node.handle("invalidateblock", [lost])
    (again,) = builders.mine(node)
    assert again != lost
    assert node.chain.tip.hash == again


def test_mining_is_a_function_of_what_happened() -> None:
    assert builders.make_node(5).chain.tip.hash == builders.make_node(5).chain.tip.hash


def test_what_does_not_fit_is_left_out_together_with_what_needs_it() -> None:
    node = builders.funded_node(3)
    first = builders.payment(builders.coinbase_at(node, 1), to=SCRIPT)
    middle = builders.payment(builders.coinbase_at(node, 2), to=SCRIPT)
    child = builders.payment(middle)
    last = builders.payment(builders.coinbase_at(node, 3))
    for tx in (first, middle, child, last):
        builders.send(node, tx)
    heavy = node.mempool.waiting[middle.txid]
    node.mempool.waiting[middle.txid] = msgspec.structs.replace(heavy, sigops=rules.SIGOPS_COST_MAX)
    assert [entry.tx for entry in mining.select(node.mempool)] == [first, last]
    node.mempool.waiting[middle.txid] = msgspec.structs.replace(
        heavy, tx=_heavy(middle, rules.BLOCK_WEIGHT_MAX)
    )
    assert [entry.tx for entry in mining.select(node.mempool)] == [first, last]
    node.mempool.waiting[middle.txid] = heavy
    assert [entry.tx for entry in mining.select(node.mempool)] == [first, middle, child, last]


def _heavy(tx: Tx, weight: int) -> Tx:
    return msgspec.structs.replace(
        tx, outputs=(*tx.outputs, TxOut(value=0, script=bytes(weight // 4)))
    )


def test_a_submitted_block_gets_the_coinbase_witness_that_miners_leave_out() -> None:
    block = builders.block_on_tip(builders.make_node())
    stripped = builders.with_coinbase_input(block, witness=())
    assert mining.completed(stripped) == block
    assert mining.completed(block) is block
    bare = builders.with_coinbase(stripped, outputs=stripped.txs[0].outputs[:1])
    assert mining.completed(bare) is bare
