"""A block from a template is one, by a node's rules, and commits where verifiers look."""

from typing import Any

import pytest

from alys.models.bitcoin import rules
from alys.models.bitcoin.node import BitcoinNode
from alys.wire import auxpow, bitcoin, bitcoin_template
from alys.wire.auxpow import Commitment
from tests.models.bitcoin import builders

START = 1_767_225_600
COMMITMENT = Commitment(root=b"\x5a" * 32, merkle_size=1, nonce=0)
SCRIPT = bitcoin.p2wpkh_script(bitcoin.pubkey_of(bytes(31) + b"\x07"))


def template(node: BitcoinNode) -> Any:
    return node.handle("getblocktemplate", [{"rules": ["segwit"]}])


def block(told: Any, extra_nonce: int = 1) -> tuple[bitcoin.Tx, bitcoin.Header]:
    first = bitcoin_template.coinbase(told, COMMITMENT, SCRIPT, extra_nonce)
    header = bitcoin_template.header_over(told, first)
    found = bitcoin_template.ground(header, bitcoin.target_of(header.bits))
    assert found is not None
    return first, found


@pytest.mark.parametrize("height", [0, 1, 15, 16, 17, 127, 128, 255, 256, 32767, 32768, 840_000])
def test_heights_are_pushed_as_script_numbers(height: int) -> None:
    """BIP34, against the model's rule, which is its own."""
    assert bitcoin_template.height_script(height) == rules.height_script(height)


def test_a_node_takes_the_block_from_the_first_on() -> None:
    node = BitcoinNode(lambda: START, START)
    for height in range(1, 21):
        told = template(node)
        first, header = block(told)
        raw = bitcoin_template.whole_block(told, first, header)
        assert node.handle("submitblock", [raw.hex()]) is None
        assert node.handle("getblockcount", []) == height
        assert node.handle("getbestblockhash", []) == header.hash


def test_transactions_are_mined_along() -> None:
    node = builders.funded_node()
    spent = builders.coinbase_at(node, 1)
    txid = builders.send(node, builders.payment(spent))
    told = template(node)
    assert [entry["txid"] for entry in told["transactions"]] == [txid]
    first, header = block(told)
    raw = bitcoin_template.whole_block(told, first, header)
    assert node.handle("submitblock", [raw.hex()]) is None
    mined = node.handle("getblock", [header.hash, 1])
    assert mined["tx"] == [first.txid, txid]
    assert bitcoin_template.proof(told, first, header).coinbase_branch.hashes == (txid,)


def test_the_commitment_is_the_third_output_and_nothing_but_it() -> None:
    told = template(BitcoinNode(lambda: START, START))
    first, header = block(told)
    assert first.outputs[0].script == SCRIPT
    assert first.outputs[0].value == told["coinbasevalue"]
    assert first.outputs[1].script.hex() == told["default_witness_commitment"]
    assert auxpow.parse_commitment(first.outputs[2].script) == COMMITMENT
    proof = bitcoin_template.proof(told, first, header)
    assert auxpow.decode(auxpow.encode(proof)).parent == header
    root = proof.coinbase_branch.root_of(bitcoin.unshown(first.txid))
    assert bitcoin.shown(root) == header.merkle_root


def test_without_witnesses_the_place_of_their_commitment_is_kept() -> None:
    told = template(BitcoinNode(lambda: START, START))
    del told["default_witness_commitment"]
    first, _ = block(told)
    assert [len(out.script) for out in first.outputs] == [22, 1, 44]
    assert first.inputs[0].witness == ()


def test_an_extra_nonce_makes_another_block() -> None:
    told = template(BitcoinNode(lambda: START, START))
    (one, _), (two, _) = block(told, 1), block(told, 2)
    assert one.txid != two.txid


def test_nonces_are_tried_in_order_and_no_further_than_told() -> None:
    told = template(BitcoinNode(lambda: START, START))
    first = bitcoin_template.coinbase(told, COMMITMENT, SCRIPT, 1)
    header = bitcoin_template.header_over(told, first)
    target = bitcoin.target_of(header.bits) >> 8
    found = bitcoin_template.ground(header, target)
    assert found is not None
    assert int(found.hash, 16) <= target
    assert found.nonce > 0
    assert bitcoin_template.ground(header, target, 0, found.nonce) is None
    assert bitcoin_template.ground(header, target, found.nonce, 1) == found
    assert bitcoin_template.ground(header, 0, bitcoin_template.NONCES - 3, 100) is None
