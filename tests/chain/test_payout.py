"""The way out: one transaction that everybody builds alike, who bears its fee, and whose signatures count."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alys.base.units import Gwei, Sats
from alys.chain import payout
from alys.chain.burns import PayoutRequest
from alys.chain.coins import DUST_SATS, InsufficientFunds
from alys.chain.federation import Federation, NotEnoughSignatures
from alys.chain.payout import (
    BadPayout,
    FeesExceedValue,
    PayoutRule,
    SignatureRejected,
    TransactionTooLarge,
)
from alys.chain.peg import RefundReason
from alys.chain.spec import DEV_SECRETS
from alys.wire import bitcoin
from alys.wire.ethereum import PegOutEvent
from tests.chain.chains import BOB, PAYEE, SPEC, burn, signatures

OWN = SPEC.federation
TAPROOT_PAYEE = b"\x51\x20" + bitcoin.xonly_of(bytes(31) + b"\x07")
RATE = SPEC.fee_rate_sat_vb


def request(sats: int = 2_000_000, script: bytes = PAYEE, number: int = 1) -> PayoutRequest:
    return PayoutRequest(
        script=script,
        sats=Sats(sats),
        gwei=Gwei(sats * 10),
        caller=BOB,
        address="",
        tx_hash=f"0x{number:064x}",
        log_index=0,
    )


def coins(*values: int) -> dict[str, Sats]:
    return {f"{number:064x}:0": Sats(value) for number, value in enumerate(values, 1)}


def build(*sats: int, funds: tuple[int, ...], rate: int = RATE) -> bitcoin.Tx:
    return payout.build_payout([request(one) for one in sats], coins(*funds), OWN, rate)


def values(tx: bitcoin.Tx) -> list[int]:
    return [output.value for output in tx.outputs]


# The transaction


def test_a_payout_has_the_agreed_form() -> None:
    tx = build(2_000_000, 3_000_000, funds=(9_000_000, 100))
    assert (tx.version, tx.locktime) == (2, 0)
    assert [(txin.outpoint.label, txin.sequence) for txin in tx.inputs] == [
        (f"{1:064x}:0", 0xFFFFFFFD)
    ]
    assert all(not txin.script_sig and not txin.witness for txin in tx.inputs)
    assert [output.script for output in tx.outputs] == [PAYEE, PAYEE, OWN.script_pubkey]


def test_change_is_exactly_what_was_not_asked_for() -> None:
    assert values(build(2_000_000, 3_000_000, funds=(9_000_000,)))[-1] == 4_000_000


@pytest.mark.parametrize(
    ("script", "rate", "fee"),
    [(TAPROOT_PAYEE, 2, 412), (TAPROOT_PAYEE, 10, 2_060), (PAYEE, 2, 388)],
)
def test_the_fee_is_that_of_the_signed_transaction(script: bytes, rate: int, fee: int) -> None:
    """Two of three keys, one input, a payee and the change: 206 virtual bytes to taproot, 194 to a key hash."""
    tx = payout.build_payout([request(script=script)], coins(9_000_000), OWN, rate)
    assert payout.fee_of(tx, OWN, rate) == fee
    assert values(tx) == [2_000_000 - fee, 7_000_000]
    signed = payout.complete(
        tx, prevouts(9_000_000), OWN, signatures(tx, prevouts(9_000_000), 0, 1)
    )
    assert signed.vsize * rate == fee


def test_payees_bear_equal_shares_and_the_first_the_rest() -> None:
    tx = build(2_000_000, 3_000_000, 4_000_000, funds=(20_000_000,))
    fee = payout.fee_of(tx, OWN, RATE)
    share, rest = divmod(fee, 3)
    assert rest, "otherwise this shows nothing"
    assert values(tx)[:3] == [2_000_000 - share - rest, 3_000_000 - share, 4_000_000 - share]


@given(burden=st.integers(-600, 10_000_000), payees=st.integers(1, 50))
def test_shares_add_up_to_the_fee(burden: int, payees: int) -> None:
    shares = payout.fee_shares(burden, payees)
    assert sum(shares) == burden
    assert len(shares) == payees
    assert 0 <= shares[0] - shares[-1] < payees
    assert len(set(shares[1:])) <= 1


def test_dust_change_goes_to_the_payees_and_not_to_the_miner() -> None:
    without = build(2_000_000, funds=(2_000_000,))
    tx = build(2_000_000, funds=(2_000_000 + DUST_SATS,))
    assert [len(tx.outputs), len(without.outputs)] == [1, 1]
    assert values(tx)[0] - values(without)[0] == DUST_SATS
    assert values(build(2_000_000, funds=(2_000_001 + DUST_SATS,)))[1:] == [DUST_SATS + 1]


@given(
    asked=st.lists(st.integers(1_000_000, 10_000_000), min_size=1, max_size=6),
    funds=st.lists(st.integers(600, 40_000_000), min_size=1, max_size=6),
    rate=st.integers(1, 50),
)
def test_the_federation_pays_out_what_was_burnt_and_never_a_sat_more(
    asked: list[int], funds: list[int], rate: int
) -> None:
    if sum(funds) < sum(asked):
        with pytest.raises(InsufficientFunds):
            build(*asked, funds=tuple(funds), rate=rate)
        return
    tx = build(*asked, funds=tuple(funds), rate=rate)
    spent = sum(coins(*funds)[txin.outpoint.label] for txin in tx.inputs)
    kept = sum(out.value for out in tx.outputs if out.script == OWN.script_pubkey)
    assert spent - sum(values(tx)) == payout.fee_of(tx, OWN, rate)
    assert spent - kept == sum(asked) or 0 < spent - kept - sum(asked) <= DUST_SATS
    assert all(value > DUST_SATS for value in values(tx))


def test_a_fee_that_leaves_dust_names_the_request() -> None:
    with pytest.raises(FeesExceedValue) as caught:
        build(2_000_000, 1_000_000, funds=(9_000_000,), rate=9_000)
    assert caught.value.refund == 1
    assert caught.value.sats == 1_000_000
    assert caught.value.share > 999_000


def test_a_transaction_that_nobody_relays_is_not_built() -> None:
    with pytest.raises(TransactionTooLarge) as caught:
        build(1_500_000, funds=(1_000,) * 1_600)
    assert caught.value.weight > 400_000


def test_no_request_is_no_transaction() -> None:
    with pytest.raises(ValueError, match="nothing to pay"):
        build(funds=(1,))


# All requests of a block


def settle(*events: PegOutEvent, funds: tuple[int, ...], rate: int = RATE) -> payout.Settlement:
    return payout.settle(
        events,
        coins(*funds),
        OWN,
        network="regtest",
        minimum_sats=SPEC.pegout_minimum_sats,
        maximum_sats=SPEC.pegout_maximum_sats,
        fee_rate=rate,
    )


def reasons(settled: payout.Settlement) -> list[tuple[int, RefundReason]]:
    return [(int(one.request[2:66], 16), one.reason) for one in settled.refunds]


def test_nothing_asked_is_nothing_done() -> None:
    assert settle(funds=(5,)) == payout.Settlement(tx=None, requests=(), refunds=())


def test_the_good_are_paid_and_the_bad_refunded_in_order() -> None:
    events = [burn(1), burn(2, address="junk"), burn(3, 3_000_000), burn(4, 10)]
    settled = settle(*events, funds=(9_000_000,))
    assert [one.sats for one in settled.requests] == [2_000_000, 3_000_000]
    assert settled.tx is not None
    assert len(settled.tx.outputs) == 3
    assert reasons(settled) == [
        (2, RefundReason.UNPARSABLE_ADDRESS),
        (4, RefundReason.BELOW_MINIMUM),
    ]


def test_when_funds_are_short_the_last_gives_way() -> None:
    settled = settle(burn(1), burn(2), burn(3, address="junk"), funds=(3_000_000,))
    assert [one.sats for one in settled.requests] == [2_000_000]
    assert reasons(settled) == [
        (2, RefundReason.INSUFFICIENT_FUNDS),
        (3, RefundReason.UNPARSABLE_ADDRESS),
    ]


def test_without_funds_everything_is_refunded() -> None:
    settled = settle(burn(1), burn(2), funds=())
    assert settled.tx is None
    assert [reason for _, reason in reasons(settled)] == [RefundReason.INSUFFICIENT_FUNDS] * 2


def test_who_cannot_bear_the_fee_gives_way_alone() -> None:
    settled = settle(burn(1, 1_000_000), burn(2, 3_000_000), funds=(9_000_000,), rate=9_000)
    assert [one.sats for one in settled.requests] == [3_000_000]
    assert reasons(settled) == [(1, RefundReason.FEE_ABOVE_VALUE)]


def test_what_nobody_would_relay_is_refunded() -> None:
    settled = settle(burn(1, 1_500_000), funds=(1_000,) * 1_600)
    assert reasons(settled) == [(1, RefundReason.TRANSACTION_TOO_LARGE)]


# Signatures


def prevouts(*sats: int) -> tuple[bitcoin.TxOut, ...]:
    return payout.prevouts_of([Sats(one) for one in sats], OWN)


TX = build(12_000_000, funds=(9_000_000, 8_000_000))
PREVOUTS = prevouts(9_000_000, 8_000_000)


def test_spent_outputs_are_the_federations() -> None:
    assert [(out.value, out.script) for out in PREVOUTS] == [
        (9_000_000, OWN.script_pubkey),
        (8_000_000, OWN.script_pubkey),
    ]


@pytest.mark.parametrize("members", [(0, 1), (0, 2), (1, 2), (0, 1, 2)])
def test_a_completed_payout_satisfies_bitcoin(members: tuple[int, ...]) -> None:
    signed = payout.complete(TX, PREVOUTS, OWN, signatures(TX, PREVOUTS, *members))
    assert signed.txid == TX.txid
    for index, txin in enumerate(signed.inputs):
        bitcoin.verify_input(signed, index, PREVOUTS)
        assert len([one for one in txin.witness[:3] if one]) == 2
    payout.check_signed(signed, TX, PREVOUTS, OWN)


def test_each_input_has_a_digest_of_its_own_that_commits_to_amounts() -> None:
    one, two = payout.sighashes(TX, PREVOUTS, OWN)
    assert one != two
    assert payout.sighashes(TX, prevouts(9_000_001, 8_000_000), OWN)[1] != two


def test_a_signature_counts_for_its_member_and_its_input_only() -> None:
    digests = payout.sighashes(TX, PREVOUTS, OWN)
    good = bitcoin.schnorr_sign(DEV_SECRETS[0], digests[0], bytes(32))
    stranger = bitcoin.xonly_of(bytes(31) + b"\x09")
    foreign = bitcoin.schnorr_sign(bytes(31) + b"\x09", digests[0], bytes(32))
    payout.check_signature(0, digests[0], OWN.keys[0], good, OWN)
    for digest, key, signature, why in (
        (digests[1], OWN.keys[0], good, "it does not verify"),
        (digests[0], OWN.keys[1], good, "it does not verify"),
        (digests[0], OWN.keys[0], good[::-1], "it does not verify"),
        (digests[0], OWN.keys[0], good + b"\x01", "65 bytes, not 64"),
        (digests[0], stranger, foreign, "not a key of the federation"),
    ):
        with pytest.raises(SignatureRejected) as caught:
            payout.check_signature(0, digest, key, signature, OWN)
        assert (caught.value.key, caught.value.reason) == (key, why)


def test_a_forged_signature_completes_nothing() -> None:
    given = signatures(TX, PREVOUTS, 0, 1)
    given[1][OWN.keys[1]] = bytes(64)
    with pytest.raises(SignatureRejected) as caught:
        payout.complete(TX, PREVOUTS, OWN, given)
    assert (caught.value.input_index, caught.value.key) == (1, OWN.keys[1])


def test_one_signature_completes_nothing() -> None:
    given = signatures(TX, PREVOUTS, 0, 1)
    del given[1][OWN.keys[0]]
    with pytest.raises(NotEnoughSignatures):
        payout.complete(TX, PREVOUTS, OWN, given)


def test_every_input_needs_its_signatures() -> None:
    with pytest.raises(ValueError, match="1 of 2 inputs"):
        payout.complete(TX, PREVOUTS, OWN, signatures(TX, PREVOUTS, 0, 1)[:1])


def with_witness(tx: bitcoin.Tx, index: int, *stack: bytes) -> bitcoin.Tx:
    changed = msgspec.structs.replace(tx.inputs[index], witness=stack)
    inputs = (*tx.inputs[:index], changed, *tx.inputs[index + 1 :])
    return msgspec.structs.replace(tx, inputs=inputs)


def rule(signed: bitcoin.Tx, own: Federation = OWN) -> PayoutRule:
    with pytest.raises(BadPayout) as caught:
        payout.check_signed(signed, TX, PREVOUTS, own)
    return caught.value.rule


SIGNED = payout.complete(TX, PREVOUTS, OWN, signatures(TX, PREVOUTS, 0, 1))


def test_another_transaction_is_not_the_proposal() -> None:
    other = build(12_000_000, funds=(9_000_000, 8_000_001))
    given = signatures(other, PREVOUTS, 0, 1)
    assert rule(payout.complete(other, PREVOUTS, OWN, given)) is PayoutRule.NOT_THE_PROPOSAL


def test_an_unsigned_or_half_signed_payout_is_refused() -> None:
    assert rule(TX) is PayoutRule.WITNESS
    assert rule(with_witness(SIGNED, 1)) is PayoutRule.WITNESS


def test_three_signatures_are_one_too_many() -> None:
    """The script would take them, but then there would be several forms of one payout."""
    stacks = signatures(TX, PREVOUTS, 0, 1, 2)
    full = [tuple(given[key] for key in reversed(OWN.keys)) for given in stacks]
    tail = (OWN.leaf_script, OWN.control_block)
    three = with_witness(SIGNED, 0, *full[0], *tail)
    bitcoin.verify_input(three, 0, PREVOUTS)
    assert rule(three) is PayoutRule.WITNESS


@pytest.mark.parametrize("spoiled", [0, 1, 2, 3, 4])
def test_every_part_of_the_witness_matters(spoiled: int) -> None:
    stack = list(SIGNED.inputs[0].witness)
    stack[spoiled] = bytes(len(stack[spoiled]) or 64)
    assert rule(with_witness(SIGNED, 0, *stack)) is PayoutRule.WITNESS


def test_something_behind_the_witness_is_refused() -> None:
    assert rule(with_witness(SIGNED, 0, *SIGNED.inputs[0].witness, b"")) is PayoutRule.WITNESS


def test_bytes_that_are_no_transaction_are_named() -> None:
    assert payout.parse_proposal(SIGNED.serialize()) == SIGNED
    with pytest.raises(BadPayout) as caught:
        payout.parse_proposal(SIGNED.serialize() + b"\0")
    assert caught.value.rule is PayoutRule.MALFORMED
