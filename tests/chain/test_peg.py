"""The way in: what is a deposit, what it is worth, and the exact list of what a block mints."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alys.base.units import Gwei, Sats, Wei
from alys.chain import peg
from alys.chain.peg import Refund, RefundReason, TooManyWithdrawals
from alys.wire import bitcoin
from alys.wire.engine import Withdrawal
from tests.chain.chains import ALICE, BOB, MINER, SPEC, deposit

VECTOR_SCRIPT = bitcoin.address_to_script(
    "bcrt1pnv0qv2q86ny0my4tycezez7e72jnjns2ays3l4w98v6l383k2h7q0lwmyh", "regtest"
)
VECTOR_EVM = bytes.fromhex("f9a9b63f5b7f9336da0ce520c6bec64627027f5b")
"""Deposit address and EVM address of upstream's own test."""

READABLE = b"all printable ASCII!"
"""Twenty raw bytes that are text too: an address like any other."""

MEMBERS = SPEC.federation_fee_addresses


def data_script(data: bytes) -> bytes:
    return bytes([bitcoin.OP_RETURN, len(data)]) + data


def pays(sats: int, script: bytes = VECTOR_SCRIPT) -> bitcoin.TxOut:
    return bitcoin.TxOut(value=sats, script=script)


def says(data: bytes) -> bitcoin.TxOut:
    return bitcoin.TxOut(value=0, script=data_script(data))


def tx(*outputs: bitcoin.TxOut, txid: str = "aa" * 32) -> bitcoin.Tx:
    spent = bitcoin.TxIn(outpoint=bitcoin.OutPoint(txid=txid, vout=0))
    return bitcoin.Tx(inputs=(spent,), outputs=outputs)


def found(*outputs: bitcoin.TxOut) -> tuple[int, int, bytes] | None:
    deposit = peg.find_deposit(tx(*outputs), (VECTOR_SCRIPT,))
    return None if deposit is None else (deposit.vout, deposit.sats, deposit.evm_address)


@pytest.mark.parametrize(
    "data",
    [
        VECTOR_EVM,
        VECTOR_EVM.hex().encode(),
        b"0x" + VECTOR_EVM.hex().encode(),
        VECTOR_EVM.hex().upper().encode(),
    ],
    ids=["raw", "hex", "0x hex", "upper case"],
)
def test_the_address_may_be_raw_or_hex(data: bytes) -> None:
    assert peg.evm_address_in(data_script(data)) == VECTOR_EVM


def test_raw_bytes_that_are_readable_text_are_an_address_too() -> None:
    assert len(READABLE) == 20
    assert peg.evm_address_in(data_script(READABLE)) == READABLE


@pytest.mark.parametrize(
    "data",
    [
        b"",
        VECTOR_EVM[:-1],
        VECTOR_EVM + b"\0",
        b"0x" + VECTOR_EVM,
        b"zz" * 20,
        b"0x" + VECTOR_EVM.hex().encode()[:-1],
        b" " + VECTOR_EVM.hex().encode()[:-2] + b" ",
        b"0X" + VECTOR_EVM.hex().encode(),
    ],
)
def test_anything_else_is_no_address(data: bytes) -> None:
    assert peg.evm_address_in(data_script(data)) is None


def test_a_script_that_is_no_data_carrier_has_no_address() -> None:
    assert peg.evm_address_in(b"\x14" + VECTOR_EVM) is None


@given(st.binary(min_size=20, max_size=20))
def test_every_address_is_understood_in_every_form(address: bytes) -> None:
    text = address.hex().encode()
    assert {peg.evm_address_in(data_script(d)) for d in (address, text, b"0x" + text)} == {address}


def test_the_first_of_each_counts() -> None:
    outputs = (pays(1, b"\x51"), says(b"hello"), says(ALICE), pays(7_000), pays(9_000), says(BOB))
    assert found(*outputs) == (3, 7_000, ALICE)


def test_without_its_two_parts_it_is_no_deposit() -> None:
    assert found(pays(7_000), says(ALICE)) == (0, 7_000, ALICE)
    assert found(pays(7_000)) is None
    assert found(pays(7_000), says(b"hello")) is None
    assert found(says(ALICE)) is None
    assert found(pays(7_000, b"\x51"), says(ALICE)) is None
    assert found(pays(0), says(ALICE)) is None


def test_a_deposit_of_less_than_a_thousand_sats_is_nobodys() -> None:
    assert found(pays(999), says(ALICE)) is None
    assert found(pays(1_000), says(ALICE)) == (0, 1_000, ALICE)


def test_a_payment_is_found_whoever_it_is_for() -> None:
    paid = peg.find_payment(tx(pays(1, b"\x51"), pays(7), pays(9)), (VECTOR_SCRIPT,))
    assert paid is not None
    assert (paid.vout, paid.sats, paid.evm_address) == (1, 7, b"")
    assert peg.find_payment(tx(pays(1, b"\x51")), (VECTOR_SCRIPT,)) is None


def test_a_coinbase_is_no_deposit() -> None:
    made = tx(pays(7_000), says(ALICE), txid=bitcoin.NULL_HASH)
    assert peg.find_deposit(made, (VECTOR_SCRIPT,)) is None


def test_an_old_script_of_the_federation_still_counts() -> None:
    made = tx(pays(7_000, b"\x51"), says(ALICE))
    assert peg.find_deposit(made, (VECTOR_SCRIPT, b"\x51")) is not None


@given(st.integers(1, 21_000_000 * 10**8))
def test_a_sat_is_ten_gwei(sats: int) -> None:
    assert peg.mint_amount(Sats(sats)) * 10**9 == sats * 10**10


def test_six_confirmations_are_six() -> None:
    assert [peg.deep_enough(found, 6) for found in (0, 5, 6, 7)] == [False, False, True, True]


# Fees


def receipt(used: int, price: int) -> dict[str, Any]:
    return {"gasUsed": hex(used), "effectiveGasPrice": hex(price)}


def test_tips_are_what_was_paid_above_the_base_fee() -> None:
    receipts = [receipt(21_000, 10), receipt(50_000, 7)]
    assert peg.block_tips(receipts, 7) == 21_000 * 3
    assert peg.block_tips([], 7) == 0


def test_fees_are_shared_four_to_one() -> None:
    shares = peg.split_fees(Wei(10**18), MINER, MEMBERS)
    third = (2 * 10**17 // 3) // 10**9 * 10**9
    assert shares == ((MINER, 8 * 10**17), *((member, third) for member in MEMBERS))


def test_no_fees_are_no_shares() -> None:
    assert peg.split_fees(Wei(0), MINER, MEMBERS) == ()
    assert peg.split_fees(Wei(10**9), MINER, MEMBERS) == ()  # 0.8 gwei and less


@given(fees=st.integers(0, 10**24))
def test_shares_are_whole_gwei_and_lose_less_than_one_gwei_each(fees: int) -> None:
    shares = [wei for _, wei in peg.split_fees(Wei(fees), MINER, MEMBERS)]
    assert all(wei % 10**9 == 0 and wei > 0 for wei in shares)
    assert 0 <= fees - sum(shares) < 4 * 10**9 + 4


# Withdrawals


def refund(number: int, address: bytes, gwei: int = 5) -> Refund:
    return Refund(
        request=f"0x{number:064x}:0",
        address=address,
        gwei=Gwei(gwei),
        reason=RefundReason.BELOW_MINIMUM,
    )


def person(number: int) -> bytes:
    return number.to_bytes(20, "big")


def test_everything_for_one_address_is_one_withdrawal() -> None:
    """A fee, a refund and two deposits to one address, and one of each to others; ascending, numbered zero."""
    listed = peg.expected_withdrawals(
        [(BOB, Wei(3 * 10**9)), (MINER, Wei(10**9))],
        [deposit(1, 10, to=BOB), deposit(2, 20, to=BOB), deposit(3, 30, to=ALICE)],
        [refund(1, BOB), refund(2, person(1))],
    )
    amounts = [(person(1), 5), (ALICE, 300), (MINER, 1), (BOB, 3 + 5 + 300)]
    assert listed == tuple(
        Withdrawal(index=0, validator_index=0, address=address, amount_gwei=gwei)
        for address, gwei in amounts
    )


def test_nothing_is_listed_for_nothing() -> None:
    assert peg.expected_withdrawals([(BOB, Wei(10**9 - 1))], [], []) == ()


def test_sixteen_addresses_are_the_most_and_fees_count() -> None:
    fees = [(person(number), Wei(10**9)) for number in range(4)]
    deposits = [deposit(number, to=person(number)) for number in range(4, 16)]
    assert len(peg.expected_withdrawals(fees, deposits, [])) == 16
    with pytest.raises(TooManyWithdrawals) as caught:
        peg.expected_withdrawals(fees, [*deposits, deposit(16, to=person(16))], [])
    assert caught.value.count == 17


def test_deposits_that_do_not_fit_wait_and_others_pass_them() -> None:
    taken = [person(number) for number in range(15)]
    queue = [deposit(1, to=person(99)), deposit(2, to=person(98)), deposit(3, to=person(3))]
    assert peg.fit_pegins(taken, queue) == (queue[0], queue[2])


def test_a_hundred_deposits_are_the_most() -> None:
    queue = [deposit(number) for number in range(120)]
    assert peg.fit_pegins((), queue) == tuple(queue[:100])


def test_refunds_that_do_not_fit_wait_in_their_order() -> None:
    taken = [person(number) for number in range(15)]
    queue = [refund(1, person(99)), refund(2, person(98)), refund(3, person(99))]
    assert peg.fit_refunds(taken, queue) == (tuple(queue[:1]), tuple(queue[1:]))
    assert peg.fit_refunds((), queue) == (tuple(queue), ())


ADDRESSES = st.integers(0, 40).map(person)


@given(
    fees=st.lists(ADDRESSES, max_size=4, unique=True),
    refunds=st.lists(ADDRESSES, max_size=30),
    pegins=st.lists(ADDRESSES, max_size=30),
)
def test_what_is_fitted_always_fits(
    fees: list[bytes], refunds: list[bytes], pegins: list[bytes]
) -> None:
    shares = [(address, Wei(10**9)) for address in fees]
    now, later = peg.fit_refunds(fees, [refund(n, a) for n, a in enumerate(refunds)])
    taken = {*fees, *(one.address for one in now)}
    chosen = peg.fit_pegins(taken, [deposit(n, to=a) for n, a in enumerate(pegins)])
    listed = peg.expected_withdrawals(shares, chosen, now)
    total = len(fees) + 5 * len(now) + sum(one.sats * 10 for one in chosen)
    assert sum(one.amount_gwei for one in listed) == total
    assert [one.address for one in listed] == sorted({one.address for one in listed})
    assert len(now) + len(later) == len(refunds)
