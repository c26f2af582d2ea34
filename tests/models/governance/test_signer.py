"""The signer signs what it can derive itself, and nothing else."""

import msgspec
import pytest

from alys.base.prng import SeededRandom
from alys.models.governance.federation import NUMS_KEY, Federation
from alys.models.governance.signer import (
    COIN_SATS_MAX,
    OLD_ADDRESS_BLOCKS,
    NotAMember,
    Refusal,
    Rule,
    Signer,
)
from alys.wire import bitcoin
from tests.models.governance.builders import DEPOSIT_SATS, DEPOSIT_TXID, KEYS, SECRETS, payout

FEDERATION = Federation.of(KEYS, 2)
OTHER_TXID = "cd" * 32


def make_signer(member: int = 0, seed: int = 7) -> Signer:
    signer = Signer(SECRETS[member], FEDERATION, SeededRandom(seed))
    signer.learn_deposit(DEPOSIT_TXID, 0, DEPOSIT_SATS)
    return signer


def refusal(signer: Signer, tx_hex: str, indices: list[int], amounts: list[int]) -> Rule:
    coins = signer.coins
    with pytest.raises(Refusal) as caught:
        signer.judge(tx_hex, indices, amounts)
    assert signer.coins == coins, "a refused request must leave nothing behind"
    return caught.value.rule


def hex_of(tx: bitcoin.Tx) -> str:
    return tx.serialize().hex()


def test_two_signers_of_three_make_a_witness_that_the_script_engine_accepts() -> None:
    """The proof that is not ours: btclib runs the script with the signatures in reverse key order."""
    tx = payout(coins=[(DEPOSIT_TXID, 0), (OTHER_TXID, 3)], paid=6_000_000, change=999_000)
    per_signer = {}
    spent: tuple[bitcoin.TxOut, ...] = ()
    for member in (0, 2):
        signer = make_signer(member)
        signer.learn_deposit(OTHER_TXID, 3, 2_000_000)
        spend = signer.judge(hex_of(tx), [0, 1], [DEPOSIT_SATS, 2_000_000])
        spent = spend.prevouts
        per_signer[member] = signer.sign(spend)
    leaf = FEDERATION.leaf_script()
    _key, parity = bitcoin.taproot_output(NUMS_KEY, leaf)
    control = bytes([0xC0 | parity]) + NUMS_KEY
    complete = msgspec.structs.replace(
        tx,
        inputs=tuple(
            msgspec.structs.replace(
                txin,
                witness=(per_signer[2][index], b"", per_signer[0][index], leaf, control),
            )
            for index, txin in enumerate(tx.inputs)
        ),
    )
    for index in range(2):
        bitcoin.verify_input(complete, index, spent)
    one_short = msgspec.structs.replace(
        complete.inputs[0], witness=(b"", *complete.inputs[0].witness[1:])
    )
    broken = msgspec.structs.replace(complete, inputs=(one_short, complete.inputs[1]))
    with pytest.raises(bitcoin.ScriptError):
        bitcoin.verify_input(broken, 0, spent)


def test_a_wrong_signature_looks_right_and_verifies_for_nothing() -> None:
    signer = make_signer()
    spend = signer.judge(hex_of(payout()), [0], [DEPOSIT_SATS])
    message = bitcoin.taproot_script_path_sighash(
        spend.tx, 0, spend.prevouts, FEDERATION.leaf_script()
    )
    (right,) = signer.sign(spend)
    (wrong,) = signer.sign(spend, wrong=True)
    assert bitcoin.schnorr_verify(KEYS[0], message, right)
    assert len(wrong) == 64
    assert not bitcoin.schnorr_verify(KEYS[0], message, wrong)


def test_equal_seeds_sign_equally_and_another_seed_differs() -> None:
    def signature(seed: int) -> bytes:
        signer = make_signer(seed=seed)
        return signer.sign(signer.judge(hex_of(payout()), [0], [DEPOSIT_SATS]))[0]

    assert signature(7) == signature(7)
    assert signature(7) != signature(8)


def test_change_of_a_judged_transaction_is_a_coin_for_the_next_one() -> None:
    signer = make_signer()
    first = payout()
    signer.judge(hex_of(first), [0], [DEPOSIT_SATS])
    second = payout(coins=[(first.txid, 1)], paid=1_000_000, change=2_998_000)
    spend = signer.judge(hex_of(second), [0], [3_999_000])
    assert spend.prevouts[0] == first.outputs[1]


def test_an_output_to_somebody_else_is_never_a_coin() -> None:
    signer = make_signer()
    first = payout()
    signer.judge(hex_of(first), [0], [DEPOSIT_SATS])
    theft = payout(coins=[(first.txid, 0)], paid=500_000, change=400_000)
    assert refusal(signer, hex_of(theft), [0], [1_000_000]) is Rule.UNKNOWN_PREVOUT


def test_a_prevout_nobody_announced_is_refused() -> None:
    tx = payout(coins=[(OTHER_TXID, 0)])
    assert refusal(make_signer(), hex_of(tx), [0], [DEPOSIT_SATS]) is Rule.UNKNOWN_PREVOUT


def test_another_output_of_a_known_deposit_is_refused() -> None:
    tx = payout(coins=[(DEPOSIT_TXID, 1)])
    assert refusal(make_signer(), hex_of(tx), [0], [DEPOSIT_SATS]) is Rule.UNKNOWN_PREVOUT


@pytest.mark.parametrize(
    "amounts",
    [[DEPOSIT_SATS - 1], [DEPOSIT_SATS + 1], [], [DEPOSIT_SATS, 1]],
    ids=["less", "more", "none", "one-too-many"],
)
def test_amounts_that_differ_from_what_is_known_are_refused(amounts: list[int]) -> None:
    rule = refusal(make_signer(), hex_of(payout()), [0], amounts)
    assert rule is Rule.AMOUNT_MISMATCH


@pytest.mark.parametrize(
    "indices", [[], [0], [1, 0], [0, 1, 2], [0, 0]], ids=["none", "some", "order", "extra", "twice"]
)
def test_an_input_list_that_is_not_all_inputs_in_order_is_refused(indices: list[int]) -> None:
    signer = make_signer()
    signer.learn_deposit(OTHER_TXID, 0, 1_000)
    tx = payout(coins=[(DEPOSIT_TXID, 0), (OTHER_TXID, 0)])
    assert refusal(signer, hex_of(tx), indices, [DEPOSIT_SATS, 1_000]) is Rule.INPUT_LIST


def test_one_coin_spent_twice_in_a_transaction_is_refused() -> None:
    tx = payout(coins=[(DEPOSIT_TXID, 0), (DEPOSIT_TXID, 0)], change=8_000_000)
    rule = refusal(make_signer(), hex_of(tx), [0, 1], [DEPOSIT_SATS, DEPOSIT_SATS])
    assert rule is Rule.INPUT_LIST


def test_outputs_worth_more_than_the_inputs_are_refused() -> None:
    assert refusal(make_signer(), hex_of(payout(change=4_000_001)), [0], [DEPOSIT_SATS]) is (
        Rule.VALUE_CREATED
    )


def test_a_negative_output_cannot_hide_a_large_one() -> None:
    tx = payout(paid=-8_000_000, change=9_000_000)
    assert refusal(make_signer(), hex_of(tx), [0], [DEPOSIT_SATS]) is Rule.MALFORMED_TRANSACTION


@pytest.mark.parametrize(
    "tx_hex",
    ["", "zz", "0", "02000000", hex_of(payout()) + "00", " " + hex_of(payout())],
    ids=["empty", "not-hex", "odd", "cut", "trailing", "space"],
)
def test_bytes_that_are_no_transaction_are_refused(tx_hex: str) -> None:
    assert refusal(make_signer(), tx_hex, [0], [DEPOSIT_SATS]) is Rule.MALFORMED_TRANSACTION


def test_a_deposit_is_learnt_once_and_the_case_of_its_txid_does_not_matter() -> None:
    signer = make_signer()
    assert not signer.learn_deposit(DEPOSIT_TXID.upper(), 0, DEPOSIT_SATS)
    assert len(signer.coins) == 1


def test_a_second_word_on_a_known_deposit_does_not_replace_the_first() -> None:
    signer = make_signer()
    with pytest.raises(Refusal) as caught:
        signer.learn_deposit(DEPOSIT_TXID, 0, DEPOSIT_SATS + 1)
    assert caught.value.rule is Rule.CONFLICTING_DEPOSIT
    signer.judge(hex_of(payout()), [0], [DEPOSIT_SATS])


@pytest.mark.parametrize(
    ("txid", "sats"),
    [(OTHER_TXID, 0), (OTHER_TXID, COIN_SATS_MAX + 1), ("cd" * 31, 1), ("zz" * 32, 1)],
    ids=["nothing", "too-much", "short", "not-hex"],
)
def test_a_deposit_that_cannot_be_is_not_learnt(txid: str, sats: int) -> None:
    signer = make_signer()
    with pytest.raises(Refusal) as caught:
        signer.learn_deposit(txid, 0, sats)
    assert caught.value.rule is Rule.IMPLAUSIBLE_DEPOSIT
    assert len(signer.coins) == 1


def test_a_key_outside_the_federation_makes_no_signer() -> None:
    with pytest.raises(NotAMember, match=bitcoin.xonly_of((9).to_bytes(32, "big")).hex()):
        Signer((9).to_bytes(32, "big"), FEDERATION, SeededRandom(1))


def changed(signer: Signer, at: int = 100) -> Federation:
    """The signer has a federation of its own key and two strangers from a height on."""
    strangers = [bitcoin.xonly_of(number.to_bytes(32, "big")) for number in (8, 9)]
    federation = Federation.of([signer.public_key, *strangers], 2)
    signer.plan(federation, at)
    return federation


def test_a_coin_is_spent_under_the_script_it_was_paid_to() -> None:
    signer = make_signer()
    new = changed(signer)
    old_script = FEDERATION.output_script()
    signer.advance(100)
    assert signer.federation == new
    signer.learn_deposit(OTHER_TXID, 0, 7)
    tx = payout(coins=[(DEPOSIT_TXID, 0), (OTHER_TXID, 0)])
    spend = signer.judge(hex_of(tx), [0, 1], [DEPOSIT_SATS, 7])
    assert [out.script for out in spend.prevouts] == [old_script, new.output_script()]
    leaves = (FEDERATION.leaf_script(), new.leaf_script())
    for index, signature in enumerate(signer.sign(spend)):
        message = bitcoin.taproot_script_path_sighash(tx, index, spend.prevouts, leaves[index])
        assert bitcoin.schnorr_verify(signer.public_key, message, signature)
    assert spend.keys == (signer.public_key,), "nobody else is in both federations"


def test_the_old_address_is_believed_for_so_many_blocks_more() -> None:
    signer = make_signer()
    new = changed(signer)
    old = FEDERATION.output_script()
    with pytest.raises(Refusal, match="no script of the federation"):
        signer.learn_deposit(OTHER_TXID, 0, 5, b"\x51")
    assert signer.learn_deposit(OTHER_TXID, 4, 5, new.output_script()), (
        "its height may be on its way"
    )
    signer.advance(100 + OLD_ADDRESS_BLOCKS)
    assert signer.learn_deposit(OTHER_TXID, 0, 5, old)
    assert signer.learn_deposit(OTHER_TXID, 1, 5, new.output_script())
    assert signer.learn_deposit(OTHER_TXID, 2, 5)
    signer.advance(101 + OLD_ADDRESS_BLOCKS)
    with pytest.raises(Refusal, match="retired address") as caught:
        signer.learn_deposit(OTHER_TXID, 3, 5, old)
    assert caught.value.rule is Rule.RETIRED_ADDRESS
    assert len(signer.coins) == 5
    with pytest.raises(Refusal, match="another script"):
        signer.learn_deposit(DEPOSIT_TXID, 0, DEPOSIT_SATS)


def test_a_height_below_a_former_changes_nothing() -> None:
    signer = make_signer()
    new = changed(signer)
    signer.advance(100)
    signer.advance(5)
    assert (signer.height, signer.federation) == (100, new)


def test_whoever_has_left_signs_old_coins_and_no_new_ones() -> None:
    signer = make_signer()
    others = Federation.of(KEYS[1:], 2)
    signer.plan(others, 10)
    signer.advance(10)
    signer.learn_deposit(OTHER_TXID, 0, 9)
    tx = payout(paid=1, change=1)
    assert signer.judge(hex_of(tx), [0], [DEPOSIT_SATS]).keys == tuple(KEYS)
    new_coin = payout(coins=[(OTHER_TXID, 0)], paid=1, change=1)
    with pytest.raises(Refusal, match="not our key"):
        signer.judge(hex_of(new_coin), [0], [9])


def test_a_sweep_goes_to_the_federation_in_force_and_nowhere_else() -> None:
    signer = make_signer()
    new = changed(signer)
    signer.advance(100)
    amounts = [DEPOSIT_SATS]
    payout_tx = signer.judge(hex_of(payout()), [0], amounts)
    with pytest.raises(Refusal, match="not a sweep"):
        signer.check_sweep(payout_tx)
    out = bitcoin.TxOut(value=4_999_000, script=new.output_script())
    sweep = msgspec.structs.replace(payout(), outputs=(out,))
    signer.check_sweep(signer.judge(hex_of(sweep), [0], amounts))
    assert signer.coins[bitcoin.OutPoint(txid=sweep.txid, vout=0)] == 4_999_000


def test_more_than_any_node_relays_is_not_even_read() -> None:
    assert refusal(make_signer(), "00" * 400_001, [0], [1]) is Rule.MALFORMED_TRANSACTION
