"""What a raw transaction must be before anything is done with it."""

import pytest
from ethereum_rlp import rlp
from hypothesis import given
from hypothesis import strategies as st

from alys.models.ethereum.transactions import BadTransaction, SignedTransaction, decode
from alys.wire.ethereum import keccak256
from tests.models.ethereum.builders import PAYEE, USER, decoded, legacy, signed


def refusal(raw: bytes) -> str:
    with pytest.raises(BadTransaction) as refused:
        decode(raw, 121212)
    return refused.value.reason


def test_a_dynamic_fee_transaction_shows_its_sender_and_its_caps() -> None:
    raw = signed(5, max_fee=30, max_tip=2)
    one = decode(raw, 121212)
    assert (one.sender, one.nonce, one.to, one.kind) == (USER, 5, PAYEE, 2)
    assert (one.fee_cap, one.tip_cap, one.hash) == (30, 2, keccak256(raw))
    assert one.protected


@pytest.mark.parametrize(("base_fee", "tip"), [(0, 2), (28, 2), (29, 1), (30, 0), (31, -1)])
def test_the_tip_is_what_the_cap_leaves_above_the_base_fee(base_fee: int, tip: int) -> None:
    assert decoded(max_fee=30, max_tip=2).tip(base_fee) == tip


def test_a_legacy_transaction_pays_all_above_the_base_fee() -> None:
    one = decode(legacy(protected=True, gas_price=30), 121212)
    assert (one.sender, one.kind, one.fee_cap, one.tip_cap) == (USER, 0, 30, 30)
    assert one.tip(10) == 20


def test_without_eip_155_a_transaction_is_read_and_known_as_unprotected() -> None:
    assert decode(legacy(protected=True), 121212).protected
    one: SignedTransaction = decode(legacy(protected=False), 121212)
    assert (one.sender, one.protected) == (USER, False)


def test_a_transaction_of_another_chain_is_refused_whatever_its_type() -> None:
    """The specification itself would take the typed one: it asks the transaction which chain this is."""
    assert "have 1 want 121212" in refusal(signed(chain_id=1))
    with pytest.raises(BadTransaction, match="invalid sender"):
        decode(legacy(protected=True), 1)


def test_creating_a_contract_has_no_recipient() -> None:
    assert decoded(to=None).to is None


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x02",
        b"\x03" + signed()[1:],
        b"\x7f\x00",
        b"\xc0",
        signed()[:-1],
        signed() + b"\x00",
        b"\x02" + bytes(rlp.encode([b"\x00"] * 12)),
    ],
    ids=["empty", "only a type", "type 3", "type 127", "empty list", "cut", "longer", "zeros"],
)
def test_what_is_no_transaction_is_refused(raw: bytes) -> None:
    assert refusal(raw)


@given(st.binary(max_size=200))
def test_no_bytes_do_more_than_be_refused(raw: bytes) -> None:
    refusal(raw)


@given(st.integers(0, len(signed()) - 1), st.integers(1, 255))
def test_a_changed_byte_is_refused_or_another_signers_transaction(place: int, flip: int) -> None:
    raw = bytearray(signed())
    raw[place] ^= flip
    try:
        changed = decode(bytes(raw), 121212)
    except BadTransaction:
        return
    assert changed.sender != USER
