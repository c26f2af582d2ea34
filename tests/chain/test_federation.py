"""The federation's output: its addresses, and that exactly who may spend it can."""

import itertools

import msgspec
import pytest

from alys.chain.federation import NUMS_KEY, Federation, NotEnoughSignatures
from alys.wire import bitcoin

SECRETS = tuple(number.to_bytes(32, "big") for number in range(1, 6))


def federation(members: int, threshold: int) -> Federation:
    keys = tuple(bitcoin.xonly_of(secret) for secret in SECRETS[:members])
    return Federation(keys=keys, threshold=threshold)


def signatures(own: Federation, *signers: int) -> dict[bytes, bytes]:
    """Valid ones for the spend below."""
    digest = bitcoin.taproot_script_path_sighash(*unsigned(own), own.leaf_script)
    return {own.keys[n]: bitcoin.schnorr_sign(SECRETS[n], digest, bytes(32)) for n in signers}


def unsigned(own: Federation) -> tuple[bitcoin.Tx, int, list[bitcoin.TxOut]]:
    """A transaction, the input that spends the federation's output, and that output."""
    outpoint = bitcoin.OutPoint(txid="aa" * 32, vout=1)
    tx = bitcoin.Tx(
        inputs=(bitcoin.TxIn(outpoint=outpoint),),
        outputs=(bitcoin.TxOut(value=90_000, script=b"\x51"),),
    )
    return tx, 0, [bitcoin.TxOut(value=100_000, script=own.script_pubkey)]


def spend(own: Federation, witness: tuple[bytes, ...]) -> None:
    """Have Bitcoin's rules judge the witness; raises ScriptError."""
    tx, index, prevouts = unsigned(own)
    txin = msgspec.structs.replace(tx.inputs[0], witness=witness)
    bitcoin.verify_input(msgspec.structs.replace(tx, inputs=(txin,)), index, prevouts)


def test_the_control_block_ends_in_the_key_that_nobody_has() -> None:
    assert federation(3, 2).control_block[1:] == NUMS_KEY


def test_the_leaf_is_the_agreed_script() -> None:
    one, two, three = (key.hex() for key in federation(3, 2).keys)
    assert federation(3, 2).leaf_script.hex() == f"20{one}ac20{two}ba20{three}ba52a2"


def test_the_order_of_keys_is_the_specifications() -> None:
    own = federation(3, 2)
    turned = Federation(keys=own.keys[::-1], threshold=2)
    assert own.address("regtest") != turned.address("regtest")


@pytest.mark.parametrize(("members", "threshold"), [(1, 1), (3, 2), (5, 4)])
def test_any_threshold_of_members_can_spend(members: int, threshold: int) -> None:
    own = federation(members, threshold)
    for signers in itertools.combinations(range(members), threshold):
        spend(own, own.witness(signatures(own, *signers)))


def test_one_less_than_the_threshold_makes_no_witness() -> None:
    with pytest.raises(NotEnoughSignatures) as caught:
        federation(3, 2).witness({federation(3, 2).keys[1]: b"\x01" * 64})
    assert (caught.value.have, caught.value.need) == (1, 2)


def test_a_stranger_does_not_count() -> None:
    own = federation(3, 2)
    with pytest.raises(NotEnoughSignatures):
        own.witness({own.keys[0]: b"\x01" * 64, bitcoin.xonly_of(SECRETS[4]): b"\x02" * 64})


def test_one_valid_signature_does_not_spend_what_two_hold() -> None:
    own = federation(3, 2)
    (only,) = signatures(own, 0).values()
    with pytest.raises(bitcoin.ScriptError):
        spend(own, (b"", b"", only, own.leaf_script, own.control_block))


def test_a_forged_signature_does_not_spend() -> None:
    own = federation(3, 2)
    given = signatures(own, 0, 1)
    given[own.keys[1]] = bytes(reversed(given[own.keys[1]]))
    with pytest.raises(bitcoin.ScriptError):
        spend(own, own.witness(given))


def test_signatures_stand_in_reverse_key_order_and_absent_ones_are_empty() -> None:
    own = federation(3, 2)
    one, two, three = own.keys
    stack = own.witness({one: b"1", three: b"3"})
    assert stack == (b"3", b"", b"1", own.leaf_script, own.control_block)
    assert own.witness({two: b"2", three: b"3"})[:3] == (b"3", b"2", b"")


def test_signatures_beyond_the_threshold_are_left_out() -> None:
    own = federation(3, 2)
    all_three = {key: bytes([n]) for n, key in enumerate(own.keys, 1)}
    assert own.signers(all_three) == own.keys[:2]
    assert own.witness(all_three)[:3] == (b"", b"\x02", b"\x01")


@pytest.mark.parametrize(
    ("count", "threshold"), [(3, 0), (3, 4), (0, 1)], ids=["nobody", "more than all", "empty"]
)
def test_an_impossible_threshold_is_refused(count: int, threshold: int) -> None:
    with pytest.raises(ValueError, match="impossible"):
        federation(count, threshold)


def test_seventeen_keys_are_too_many() -> None:
    keys = tuple(bitcoin.xonly_of(number.to_bytes(32, "big")) for number in range(1, 18))
    with pytest.raises(ValueError, match="impossible"):
        Federation(keys=keys, threshold=12)


def test_keys_are_x_only_and_differ() -> None:
    key = bitcoin.xonly_of(SECRETS[0])
    with pytest.raises(ValueError, match="32 bytes"):
        Federation(keys=(b"\x02" + key,), threshold=1)
    with pytest.raises(ValueError, match="differ"):
        Federation(keys=(key, key), threshold=1)
