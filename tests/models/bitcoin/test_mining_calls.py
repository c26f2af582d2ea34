"""The calls that make blocks or take them in answer as bitcoind does."""

import msgspec
import pytest

from alys.models.bitcoin import mining_calls
from alys.models.bitcoin.mining_calls import CALLS
from alys.models.bitcoin.node import BitcoinNode
from alys.wire import bitcoin
from alys.wire.bitcoin import Block, TxOut
from tests.models.bitcoin import builders
from tests.models.bitcoin.builders import ADDRESS, COIN, FEE, PAYEE_ADDRESS, SCRIPT, refusal

SEGWIT = {"rules": ["segwit"]}


@pytest.fixture
def node() -> BitcoinNode:
    return builders.funded_node()


def raw(block: Block) -> str:
    return block.serialize().hex()


def submit(node: BitcoinNode, block: Block) -> str | None:
    told: str | None = node.handle("submitblock", [raw(block)])
    return told


def test_mining_pays_the_address_subsidy_and_fees_and_empties_the_mempool(
    node: BitcoinNode,
) -> None:
    tx = builders.payment(builders.coinbase_at(node, 1))
    builders.send(node, tx)
    hashes = node.handle("generatetoaddress", [2, PAYEE_ADDRESS])
    assert hashes == [entry.hash for entry in node.chain.active[-2:]]
    with_fees, without = (node.chain.active[height].block for height in (101, 102))
    assert [one.txid for one in with_fees.txs[1:]] == [tx.txid]
    assert with_fees.txs[0].outputs[0] == TxOut(value=50 * COIN + FEE, script=builders.PAYEE)
    assert without.txs[0].outputs[0].value == 50 * COIN
    assert node.handle("getrawmempool", []) == []


def test_one_call_mines_no_more_than_its_bound(
    node: BitcoinNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mining_calls, "GENERATE_BLOCKS_MAX", 3)
    height = node.chain.tip.height
    code, message = refusal(node, "generatetoaddress", 4, ADDRESS)
    assert (code, "at most 3" in message, node.chain.tip.height) == (-8, True, height)
    assert len(node.handle("generatetoaddress", [3, ADDRESS])) == 3


def test_mining_to_nowhere_is_refused_and_mining_nothing_is_not(node: BitcoinNode) -> None:
    assert refusal(node, "generatetoaddress", 1, "junk") == (-5, "Error: Invalid address")
    assert node.handle("generatetoaddress", [0, ADDRESS]) == []
    assert node.handle("getblockcount", []) == 100


def test_a_block_of_named_transactions_holds_just_these(node: BitcoinNode) -> None:
    waiting = builders.payment(builders.coinbase_at(node, 1), to=SCRIPT)
    builders.send(node, waiting)
    given = builders.payment(waiting)
    made = node.handle("generateblock", [ADDRESS, [waiting.txid, given.serialize().hex()]])
    assert node.chain.tip.hash == made["hash"]
    assert node.chain.tip.block.txs[1:] == (waiting, given)
    assert node.chain.tip.block.txs[0].outputs[0].value == 50 * COIN
    assert node.handle("generateblock", [ADDRESS, []])["hash"] == node.chain.tip.hash


def test_a_named_block_that_is_not_submitted_is_handed_out(node: BitcoinNode) -> None:
    made = node.handle("generateblock", [ADDRESS, [], False])
    assert node.handle("getblockcount", []) == 100
    assert node.handle("submitblock", [made["hex"]]) is None
    assert node.chain.tip.hash == made["hash"]


def test_named_transactions_that_cannot_be_mined(node: BitcoinNode) -> None:
    told = refusal(node, "generateblock", ADDRESS, ["ab" * 32])
    assert told == (-5, f"Transaction {'ab' * 32} not in mempool.")
    assert refusal(node, "generateblock", ADDRESS, ["00"])[0] == -22
    forged = builders.payment(builders.coinbase_at(node, 1), secret=builders.PAYEE_SECRET)
    code, message = refusal(node, "generateblock", ADDRESS, [forged.serialize().hex()])
    assert code == -25
    assert message.startswith("TestBlockValidity failed: mandatory-script-verify-flag-failed")
    assert len(node.chain.index) == 101


def test_a_template_needs_the_segwit_rule(node: BitcoinNode) -> None:
    assert node.handle("getblocktemplate", [SEGWIT])["height"] == 101
    for request in ({}, {"rules": ["csv"]}, {"rules": "segwit"}):
        code, message = refusal(node, "getblocktemplate", request)
        assert code == -8
        assert message.startswith("getblocktemplate must be called with the segwit rule set")
    assert refusal(node, "getblocktemplate")[0] == -1
    assert refusal(node, "getblocktemplate", {"mode": "x"}) == (-8, "Invalid mode")


def test_a_proposal_is_judged_without_its_work_and_without_effect(node: BitcoinNode) -> None:
    good = builders.block_on_tip(node)
    lazy = Block(header=msgspec.structs.replace(good.header, nonce=1 << 31), txs=good.txs)

    def propose(block: Block) -> str | None:
        told: str | None = node.handle(
            "getblocktemplate", [{"mode": "proposal", "data": raw(block)}]
        )
        return told

    assert propose(lazy) is None
    assert node.handle("getblockcount", []) == 100
    greedy = builders.with_coinbase(
        good, outputs=(TxOut(value=51 * COIN, script=SCRIPT), good.txs[0].outputs[1])
    )
    assert propose(greedy) == "bad-cb-amount"
    assert propose(node.chain.tip.block) == "duplicate"
    assert propose(builders.fork(node, 98, 1)[0]) == "inconclusive-not-best-prevblk"
    assert refusal(node, "getblocktemplate", {"mode": "proposal"})[0] == -3


def test_a_submitted_block_is_the_tip_a_duplicate_or_refused_with_its_reason(
    node: BitcoinNode,
) -> None:
    good = builders.block_on_tip(node)
    assert submit(node, builders.with_header(good, merkle_root="12" * 32)) == "bad-txnmrklroot"
    assert submit(node, builders.with_header(good, previous="12" * 32)) == "prev-blk-not-found"
    assert submit(node, good) is None
    assert node.chain.tip.hash == good.hash
    assert submit(node, good) == "duplicate"
    assert submit(node, builders.fork(node, 100, 1)[0]) == "inconclusive"
    node.handle("invalidateblock", [good.hash])
    assert submit(node, good) == "duplicate-invalid"


def test_a_block_found_invalid_when_it_is_connected_tells_the_rule(node: BitcoinNode) -> None:
    forged = builders.payment(builders.coinbase_at(node, 1), secret=builders.PAYEE_SECRET)
    told = submit(node, builders.block_on_tip(node, [forged]))
    assert told is not None
    assert told.startswith("mandatory-script-verify-flag-failed (")


def test_what_is_no_block_is_error_minus_22(node: BitcoinNode) -> None:
    for data in ("", "zz", "00" * 80, raw(builders.block_on_tip(node))[:-2]):
        assert refusal(node, "submitblock", data) == (-22, "Block decode failed")
    empty = Block(header=builders.block_on_tip(node).header, txs=())
    assert submit(node, empty) == "bad-txnmrklroot"


def test_bytes_after_a_block_do_not_matter(node: BitcoinNode) -> None:
    assert node.handle("submitblock", [raw(builders.block_on_tip(node)) + "00"]) is None


def test_a_miner_may_leave_out_the_coinbase_witness(node: BitcoinNode) -> None:
    stripped = builders.with_coinbase_input(builders.block_on_tip(node), witness=())
    assert submit(node, stripped) is None
    stored = node.handle("getblock", [stripped.hash, 0])
    assert bitcoin.parse_block(bytes.fromhex(stored)).txs[0].inputs[0].witness == (bytes(32),)


def test_mining_info_counts_what_waits(node: BitcoinNode) -> None:
    builders.send(node, builders.payment(builders.coinbase_at(node, 1)))
    info = node.handle("getmininginfo", [])
    assert (info["blocks"], info["pooledtx"], info["next"]["height"]) == (100, 1, 101)


def test_there_is_never_a_fee_estimate_as_on_any_regtest(node: BitcoinNode) -> None:
    told = node.handle("estimatesmartfee", [6])
    assert told == {"errors": ["Insufficient data or no feerate found"], "blocks": 0}
    for target in (0, 1009):
        assert refusal(node, "estimatesmartfee", target)[0] == -8


def test_every_call_of_the_table_is_reached_by_its_name(node: BitcoinNode) -> None:
    for name, call in CALLS.items():
        assert node.handle("help", [name]) == call.usage
        assert call.usage.split()[0] == name
