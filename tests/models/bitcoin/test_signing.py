"""All inputs under one signer."""

import pytest

from alys.models.bitcoin import signing
from alys.wire import bitcoin
from alys.wire.jsonrpc import RpcError
from tests.models.bitcoin import builders


def test_inputs_are_signed_and_what_lacks_is_told() -> None:
    node = builders.funded_node()
    tx = builders.payment(builders.coinbase_at(node, 1))
    bare = bitcoin.parse_tx(tx.serialize(witness=False))
    coins = {place: coin.output for place, coin in node.mempool.coins_of(tx).items()}
    signer = bitcoin.signer_of([builders.SECRET])
    done = signing.sign_all(bare, coins, signer, 0)
    assert done.errors == {}
    assert done == signing.sign_all(bare, coins, signer, 0)
    assert signing.sign_all(done.tx, coins, bitcoin.signer_of([]), 0) == done
    assert signing.sign_all(bare, {}, signer, 0).errors == {0: "Input not found or already spent"}
    assert list(signing.sign_all(bare, coins, bitcoin.signer_of([]), 0).errors) == [0]


def test_hash_types_have_names() -> None:
    assert signing.sighash_of("SINGLE|ANYONECANPAY") == 0x83
    with pytest.raises(RpcError) as refused:
        signing.sighash_of("SOME")
    assert refused.value.code == -8
