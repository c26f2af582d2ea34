"""A wallet's descriptors and what they watch."""

from alys.models.bitcoin.wallet_keys import (
    LOOK_AHEAD,
    PURPOSES,
    Pool,
    fresh_pools,
    kind_of,
    signer_for,
)
from alys.wire import bitcoin

SEED = bytes(range(32))


def pool() -> Pool:
    return fresh_pools(SEED, 7)[-2]


def test_a_new_wallet_has_two_descriptors_of_each_kind() -> None:
    pools = fresh_pools(SEED, 7)
    assert [one.kind for one in pools] == [kind for kind in PURPOSES for _ in range(2)]
    assert [one.internal for one in pools] == [False, True] * 4
    assert all(kind_of(one.descriptor) == one.kind for one in pools)


def test_scripts_are_handed_out_in_order_and_those_ahead_are_watched() -> None:
    one = pool()
    first, second = one.take(), one.take()
    assert [one.scripts[script] for script in (first, second)] == [0, 1]
    assert len(one.scripts) == LOOK_AHEAD + 2


def test_a_coin_further_on_moves_the_next_address_behind_it() -> None:
    one = pool()
    one.used(one.descriptor.outputs(10)[0].script)
    assert one.scripts[one.take()] == 11
    one.used(one.descriptor.outputs(3)[0].script)
    assert one.next == 12


def test_the_normal_text_is_that_of_the_account() -> None:
    text = pool().normal_text
    root = bitcoin.master_key(SEED)
    assert text.startswith(f"wpkh([{root.fingerprint.hex()}/84h/1h/0h]tpub")
    again = bitcoin.parse_descriptor(text, checksum_needed=True)
    assert again.outputs(4)[0].script == pool().descriptor.outputs(4)[0].script


def test_a_signer_has_the_keys_of_the_outputs_it_was_made_of() -> None:
    for one in fresh_pools(SEED, 7):
        output = one.output(one.take())
        tx = bitcoin.Tx(
            inputs=(bitcoin.TxIn(outpoint=bitcoin.OutPoint(txid="ab" * 32, vout=0)),),
            outputs=(bitcoin.TxOut(value=1, script=b"\x51"),),
        )
        spent = [bitcoin.TxOut(value=2, script=output.script)]
        signed = bitcoin.sign_input(tx, 0, spent, signer_for([output]), bytes(32))
        bitcoin.verify_input(signed, 0, spent, policy=True)
        assert bitcoin.sign_input(tx, 0, spent, signer_for([]), bytes(32)) == tx
