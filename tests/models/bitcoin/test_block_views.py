"""Headers, blocks, coins and branches as bitcoind's JSON shows them."""

from alys.models.bitcoin import block_views
from alys.wire import bitcoin
from tests.models.bitcoin import builders
from tests.models.bitcoin.builders import COIN, FEE, START

NODE = builders.funded_node()
TX = builders.payment(builders.coinbase_at(NODE, 1))
NODE.chain.accept(builders.block_on_tip(NODE, [TX], FEE))
CHAIN = NODE.chain
LAST = CHAIN.tip


def test_a_header_knows_its_neighbours_and_its_depth() -> None:
    entry = CHAIN.active[50]
    view = block_views.header(CHAIN, entry)
    assert (view["hash"], view["height"], view["confirmations"]) == (entry.hash, 50, 52)
    assert view["previousblockhash"] == CHAIN.active[49].hash
    assert view["nextblockhash"] == CHAIN.active[51].hash
    assert view["merkleroot"] == entry.block.header.merkle_root
    assert (view["version"], view["versionHex"]) == (0x20000000, "20000000")
    assert (view["bits"], view["nTx"]) == ("207fffff", 1)
    assert view["time"] == entry.block.header.time
    assert view["mediantime"] == CHAIN.median_time(entry)
    assert view["chainwork"] == f"{102:064x}"
    assert view["target"] == "7fffff" + "0" * 58


def test_the_ends_of_the_chain_have_one_neighbour() -> None:
    assert "previousblockhash" not in block_views.header(CHAIN, CHAIN.active[0])
    tip = block_views.header(CHAIN, LAST)
    assert "nextblockhash" not in tip
    assert tip["confirmations"] == 1


def test_off_the_best_chain_confirmations_are_minus_one_and_nothing_follows() -> None:
    node = builders.make_node(3)
    aside = [node.chain.accept(block) for block in builders.fork(node, 1, 2)]
    view = block_views.header(node.chain, aside[0])
    assert view["confirmations"] == -1
    assert "nextblockhash" not in view


def test_a_block_shows_txids_transactions_or_what_they_spend() -> None:
    block = LAST.block
    view = block_views.block(CHAIN, LAST, block_views.TXIDS)
    assert view["tx"] == [tx.txid for tx in block.txs]
    assert view["size"] == len(block.serialize())
    stripped = 81 + sum(len(tx.serialize(witness=False)) for tx in block.txs)
    assert view["strippedsize"] == stripped
    assert view["weight"] == 3 * stripped + view["size"]
    coinbase, tx = block_views.block(CHAIN, LAST, block_views.TRANSACTIONS)["tx"]
    assert "fee" not in coinbase
    assert (tx["txid"], tx["fee"]) == (TX.txid, bitcoin.amount_of(FEE))
    assert "prevout" not in tx["vin"][0]
    _, tx = block_views.block(CHAIN, LAST, block_views.PREVOUTS)["tx"]
    assert tx["vin"][0]["prevout"]["value"] == 50.0


def test_a_coin_and_its_depth() -> None:
    place = builders.place_of(TX)
    coin = CHAIN.coins[place]
    view = block_views.coin(CHAIN, coin)
    assert (view["bestblock"], view["confirmations"]) == (LAST.hash, 1)
    assert (view["value"], view["coinbase"]) == (49.99999, False)
    unspent = block_views.unspent(CHAIN, place, coin, "raw(51)")
    assert unspent["desc"] == "raw(51)"
    assert (unspent["txid"], unspent["vout"]) == (TX.txid, 0)
    assert (unspent["height"], unspent["confirmations"]) == (101, 1)
    assert unspent["blockhash"] == LAST.hash
    assert unspent["scriptPubKey"] == builders.PAYEE.hex()
    assert bitcoin.sats_of(unspent["amount"]) == 50 * COIN - FEE


def test_the_chain_at_a_glance() -> None:
    info = block_views.chain_info(CHAIN)
    assert (info["chain"], info["blocks"], info["headers"]) == ("regtest", 101, 101)
    assert info["bestblockhash"] == LAST.hash
    assert info["mediantime"] == CHAIN.median_time(LAST)
    assert info["size_on_disk"] == CHAIN.stored_bytes
    assert info["initialblockdownload"] is False


def test_a_declared_invalid_branch_still_counts_among_the_headers() -> None:
    node = builders.make_node(5)
    node.chain.invalidate(node.chain.active[3])
    info = block_views.chain_info(node.chain)
    assert (info["blocks"], info["headers"]) == (2, 5)


def test_all_branches_with_length_and_status() -> None:
    node = builders.make_node(4)
    aside = builders.fork(node, 1, 2)
    for block in aside:
        node.chain.accept(block)
    assert block_views.tips(node.chain) == [
        {"height": 4, "hash": node.chain.tip.hash, "branchlen": 0, "status": "active"},
        {"height": 3, "hash": aside[-1].hash, "branchlen": 2, "status": "valid-headers"},
    ]
    last = node.chain.tip.hash
    node.chain.invalidate(node.chain.active[2])
    assert {
        tip["hash"]: (tip["branchlen"], tip["status"]) for tip in block_views.tips(node.chain)
    } == {
        last: (3, "invalid"),
        aside[-1].hash: (0, "active"),
    }
    node.chain.reconsider(node.chain.index[last])
    told = {tip["hash"]: tip["status"] for tip in block_views.tips(node.chain)}
    assert told == {last: "active", aside[-1].hash: "valid-fork"}


def test_the_tip_is_listed_when_only_an_invalid_block_stands_on_it() -> None:
    node = builders.make_node(3)
    node.chain.invalidate(node.chain.active[3])
    told = [(tip["height"], tip["status"]) for tip in block_views.tips(node.chain)]
    assert told == [(3, "invalid"), (2, "active")]


def test_difficulty_is_one_at_mainnets_least() -> None:
    assert block_views.difficulty(0x1D00FFFF) == 1.0
    assert block_views.difficulty(CHAIN.tip.block.header.bits) == 4.656542373906925e-10
    assert CHAIN.tip.block.header.time > START
