"""Commitments to sets, with figures that bitcoind told."""

import pytest

from alys.models.bitcoin.genesis import genesis_block
from alys.wire import bitcoin
from alys.wire.bitcoin_codec import MalformedBitcoin
from alys.wire.bitcoin_sets import (
    coins_hash,
    coins_muhash,
    committed_coin,
    merkle_proof,
    parse_merkle_proof,
)

EMPTY = "56944c5d3f98413ef45cf54545538103cc9f298e0575820ad3591376e2e0f65d"


def test_no_coins_have_the_hash_that_bitcoind_tells_of_the_genesis_block() -> None:
    assert coins_hash([]) == EMPTY


def test_a_coin_changes_both_hashes_and_their_order_only_one() -> None:
    coins = [
        committed_coin(
            bitcoin.OutPoint(txid="ab" * 32, vout=vout),
            bitcoin.TxOut(value=1, script=b"\x51"),
            7,
            coinbase=True,
        )
        for vout in range(2)
    ]
    assert coins[0][36:40] == (15).to_bytes(4, "little")
    assert coins_hash(coins) != coins_hash(coins[::-1]) != EMPTY
    assert coins_muhash(coins) == coins_muhash(coins[::-1]) != coins_muhash(coins[:1])


def test_a_proof_proves_what_it_was_made_of() -> None:
    header = genesis_block().header
    txids = [f"{n:064x}" for n in range(1, 8)]
    proof = merkle_proof(header, txids, {txids[2], txids[5]})
    assert parse_merkle_proof(proof) == (
        header,
        bitcoin.merkle_root(txids),
        (txids[2], txids[5]),
    )


@pytest.mark.parametrize("proof", [b"", b"\x00", bytes(80), bytes(200)])
def test_what_is_no_proof(proof: bytes) -> None:
    with pytest.raises(MalformedBitcoin):
        parse_merkle_proof(proof)
