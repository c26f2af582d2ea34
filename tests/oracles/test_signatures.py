"""Signatures are counted from the witness alone, each verified, and only in a leaf that the spent output commits to."""

import msgspec
import pytest

from alys.oracles.signatures import WitnessCount, count
from alys.wire import bitcoin
from tests.oracles.builders import COIN, FEDERATION, KEYS, Coin, Federation, payee, sign, unsigned

COINS = [Coin(txid="12" * 32, vout=0, sats=COIN), Coin(txid="34" * 32, vout=1, sats=COIN)]
PREVOUTS = [bitcoin.TxOut(value=coin.sats, script=coin.script) for coin in COINS]
TX = unsigned(COINS, [(payee(1), 2 * COIN - 5000)])


def counted(tx: bitcoin.Tx, index: int = 0) -> WitnessCount:
    return count(tx, index, PREVOUTS)


def with_witness(tx: bitcoin.Tx, *witness: bytes) -> bitcoin.Tx:
    first = msgspec.structs.replace(tx.inputs[0], witness=witness)
    return msgspec.structs.replace(tx, inputs=(first, *tx.inputs[1:]))


@pytest.mark.parametrize("signers", [(), (0,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)])
def test_valid_signatures_are_counted_whoever_gave_them(signers: tuple[int, ...]) -> None:
    expected = WitnessCount(valid=len(signers), keys=3, leaf_threshold=2)
    signed = sign(TX, COINS, signers)
    assert counted(signed, 0) == counted(signed, 1) == expected
    assert expected.required == 2


def test_a_flipped_bit_is_invalid_and_not_just_missing() -> None:
    found = counted(sign(TX, COINS, spoil=True))
    assert (found.valid, found.invalid) == (1, 1)


def test_a_signature_is_only_good_for_its_own_key_and_its_own_input() -> None:
    signed = sign(TX, COINS)
    *stack, leaf, control = signed.inputs[0].witness
    swapped = with_witness(signed, stack[0], stack[2], stack[1], leaf, control)
    assert counted(swapped).valid == 0
    assert counted(swapped).invalid == 2
    moved = with_witness(signed, *signed.inputs[1].witness)
    assert counted(moved).valid == 0


def test_a_signature_over_another_amount_does_not_verify() -> None:
    signed = sign(TX, COINS)
    other = [PREVOUTS[0], bitcoin.TxOut(value=COIN + 1, script=FEDERATION.script)]
    assert count(signed, 0, other).valid == 0


def test_elements_too_many_are_invalid() -> None:
    *stack, leaf, control = sign(TX, COINS).inputs[0].witness
    found = counted(with_witness(TX, stack[-1], *stack, leaf, control))
    assert (found.valid, found.invalid) == (2, 1)


def test_a_witness_that_is_none_counts_nothing() -> None:
    *stack, leaf, control = sign(TX, COINS).inputs[0].witness
    other = bytes((control[0] ^ 1,)) + control[1:]
    wrong_key = control[:1] + KEYS[0]
    lies: list[tuple[bytes, ...]] = [
        (),
        (stack[-1],),  # a key path spend
        (*stack, leaf, other),
        (*stack, leaf, wrong_key),
        (*stack, leaf, control + bytes(32)),
        (*stack, leaf[:-1], control),
        (*stack, leaf[:-1] + b"\x87", control),
        (*stack, b"", control),
    ]
    for lie in lies:
        assert counted(with_witness(TX, *lie)) == WitnessCount(), len(lie)


def test_a_leaf_that_the_output_does_not_commit_to_counts_nothing() -> None:
    """A script of one key is easily satisfied; it is not what the coin is locked with."""
    thief = Federation(keys=KEYS[:1], threshold=1)
    signed = sign(TX, COINS, (0,), federation=thief)
    assert counted(signed) == WitnessCount()


def test_a_threshold_below_two_thirds_shows() -> None:
    weak = Federation(threshold=1)
    coins = [Coin(txid="12" * 32, vout=0, sats=COIN, script=weak.script)]
    tx = sign(unsigned(coins, [(payee(1), 5000)]), coins, (0,), federation=weak)
    found = count(tx, 0, [bitcoin.TxOut(value=COIN, script=weak.script)])
    assert (found.valid, found.required, found.leaf_threshold) == (1, 2, 1)


@pytest.mark.parametrize(("keys", "required"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 4)])
def test_two_thirds_are_rounded_up(keys: int, required: int) -> None:
    assert WitnessCount(keys=keys).required == required
