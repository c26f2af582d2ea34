"""The Engine API's shapes, by the names that execution-apis gives them, and tokens made by hand."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alys.wire import engine
from alys.wire.engine import JwtRefused, Status
from alys.wire.ethereum import BadEthereumData, to_data

U64 = st.integers(0, (1 << 64) - 1)
HASH = st.binary(min_size=32, max_size=32)
ADDRESS = st.binary(min_size=20, max_size=20)
WITHDRAWALS = st.lists(
    st.builds(engine.Withdrawal, index=U64, validator_index=U64, address=ADDRESS, amount_gwei=U64),
    max_size=3,
).map(tuple)
PAYLOADS = st.builds(
    engine.ExecutionPayload,
    parent_hash=HASH,
    fee_recipient=ADDRESS,
    state_root=HASH,
    receipts_root=HASH,
    logs_bloom=st.binary(min_size=256, max_size=256),
    prev_randao=HASH,
    block_number=U64,
    gas_limit=U64,
    gas_used=U64,
    timestamp=U64,
    extra_data=st.binary(max_size=32),
    base_fee_per_gas=st.integers(0, (1 << 256) - 1),
    block_hash=HASH,
    transactions=st.lists(st.binary(max_size=40), max_size=3).map(tuple),
    withdrawals=WITHDRAWALS,
)
PAYLOAD_V2 = [
    "parentHash",
    "feeRecipient",
    "stateRoot",
    "receiptsRoot",
    "logsBloom",
    "prevRandao",
    "blockNumber",
    "gasLimit",
    "gasUsed",
    "timestamp",
    "extraData",
    "baseFeePerGas",
    "blockHash",
    "transactions",
    "withdrawals",
]

SECRET = b"s" * 32
NOW = 1_767_225_600


def payload(**changes: Any) -> dict[str, Any]:
    honest = engine.ExecutionPayload(
        parent_hash=bytes(32),
        fee_recipient=bytes(20),
        state_root=bytes(32),
        receipts_root=bytes(32),
        logs_bloom=bytes(256),
        prev_randao=bytes(32),
        block_number=1,
        gas_limit=30_000_000,
        gas_used=0,
        timestamp=2,
        extra_data=b"",
        base_fee_per_gas=7,
        block_hash=bytes(32),
        transactions=(),
        withdrawals=(),
    )
    return {**honest.to_json(), **changes}


@given(PAYLOADS)
def test_a_payload_comes_back_through_json(one: engine.ExecutionPayload) -> None:
    shown = json.loads(json.dumps(one.to_json()))
    assert list(shown) == PAYLOAD_V2
    assert engine.ExecutionPayload.from_json(shown) == one


@pytest.mark.parametrize("name", PAYLOAD_V2)
def test_a_payload_without_one_of_its_fields_is_refused_by_name(name: str) -> None:
    cut = payload()
    del cut[name]
    with pytest.raises(BadEthereumData, match=f"^{name}: "):
        engine.ExecutionPayload.from_json(cut)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("extraData", "0x" + "00" * 33),
        ("baseFeePerGas", hex(1 << 256)),
        ("gasLimit", hex(1 << 64)),
        ("logsBloom", "0x00"),
        ("transactions", "0x"),
        ("withdrawals", None),
        ("timestamp", 2),
    ],
)
def test_a_payload_with_a_field_out_of_bounds_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(BadEthereumData, match=f"^{name}: "):
        engine.ExecutionPayload.from_json(payload(**{name: value}))


@pytest.mark.parametrize("value", [None, [], "payload", 1])
def test_what_is_no_object_is_no_payload(value: object) -> None:
    with pytest.raises(BadEthereumData, match="not an object"):
        engine.ExecutionPayload.from_json(value)


@given(WITHDRAWALS)
def test_a_withdrawals_amount_stays_in_gwei(withdrawals: tuple[engine.Withdrawal, ...]) -> None:
    for one in withdrawals:
        assert one.to_json()["amount"] == hex(one.amount_gwei)
        assert engine.Withdrawal.from_json(one.to_json()) == one


@given(st.builds(engine.PayloadAttributes, timestamp=U64, prev_randao=HASH,
                 suggested_fee_recipient=ADDRESS, withdrawals=WITHDRAWALS))  # fmt: skip
def test_attributes_come_back_and_need_withdrawals(one: engine.PayloadAttributes) -> None:
    shown = one.to_json()
    assert list(shown) == ["timestamp", "prevRandao", "suggestedFeeRecipient", "withdrawals"]
    assert engine.PayloadAttributes.from_json(shown) == one
    del shown["withdrawals"]
    with pytest.raises(BadEthereumData, match="withdrawals"):
        engine.PayloadAttributes.from_json(shown)


@pytest.mark.parametrize("latest", [None, b"\x01" * 32])
@pytest.mark.parametrize("status", list(Status))
def test_a_status_comes_back_whatever_hash_it_carries(status: Status, latest: bytes | None) -> None:
    one = engine.PayloadStatus(status=status, latest_valid_hash=latest, validation_error="why")
    shown = one.to_json()
    assert shown["status"] == status.name
    assert shown["latestValidHash"] == (None if latest is None else to_data(latest))
    assert engine.PayloadStatus.from_json(shown) == one


@pytest.mark.parametrize("status", ["INVALID_BLOCK_HASH", "valid", None])
def test_an_unknown_status_is_no_status(status: object) -> None:
    with pytest.raises(BadEthereumData, match="status"):
        engine.PayloadStatus.from_json({"status": status})


@given(HASH, HASH, HASH)
def test_a_forkchoice_keeps_its_three_hashes_apart(head: bytes, safe: bytes, final: bytes) -> None:
    one = engine.ForkchoiceState(
        head_block_hash=head, safe_block_hash=safe, finalized_block_hash=final
    )
    assert one.to_json() == {
        "headBlockHash": to_data(head),
        "safeBlockHash": to_data(safe),
        "finalizedBlockHash": to_data(final),
    }
    assert engine.ForkchoiceState.from_json(one.to_json()) == one


@pytest.mark.parametrize("payload_id", [None, b"12345678"])
def test_a_forkchoice_answer_comes_back(payload_id: bytes | None) -> None:
    status = engine.PayloadStatus(status=Status.VALID, latest_valid_hash=bytes(32))
    one = engine.ForkchoiceAnswer(payload_status=status, payload_id=payload_id)
    assert engine.ForkchoiceAnswer.from_json(one.to_json()) == one


# Tokens


def part(value: object) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def token(claims: object, algorithm: str = "HS256", secret: bytes = SECRET) -> str:
    signed = f"{part({'typ': 'JWT', 'alg': algorithm})}.{part(claims)}"
    return f"{signed}.{part(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


def test_a_token_is_three_parts_that_anybody_can_check() -> None:
    made = engine.jwt_token(SECRET, NOW)
    head, claims, signature = made.split(".")
    assert json.loads(base64.urlsafe_b64decode(head + "==")) == {"alg": "HS256", "typ": "JWT"}
    assert json.loads(base64.urlsafe_b64decode(claims + "==")) == {"iat": NOW}
    mac = hmac.new(SECRET, f"{head}.{claims}".encode(), hashlib.sha256).digest()
    assert signature == part(mac)
    engine.jwt_check(made, SECRET, NOW)


@pytest.mark.parametrize("seconds", [-60, 0, 60])
def test_a_token_of_the_last_minute_is_taken_with_other_claims_too(seconds: int) -> None:
    engine.jwt_check(token({"iat": NOW + seconds, "id": "x"}), SECRET, NOW)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (token({"iat": NOW}, secret=b"t" * 32), "secret"),
        (token({"iat": NOW}, algorithm="none"), "algorithm"),
        (token({"iat": NOW}, algorithm="HS512"), "algorithm"),
        (token({"iat": NOW - 61}), "clock"),
        (token({"iat": NOW + 61}), "clock"),
        (token({}), "iat is missing"),
        (token({"iat": str(NOW)}), "iat is missing"),
        (token({"iat": True}), "iat is missing"),
        (token([NOW]), "iat is missing"),
        (token({"iat": 10**400}), "clock"),
        (token({"iat": 1e308}), "clock"),
        ("_w.e30." + "A" * 43, "not JSON"),
        (f"{part(b'[' * 6000)}.e30." + "A" * 43, "not JSON"),
        (token(b"\xff"), "JSON"),
        (token({"iat": NOW}).rpartition(".")[0] + ".", "secret"),
        (token({"iat": NOW}) + ".x", "three parts"),
        ("", "three parts"),
        ("..", "JSON"),
        ("é.é.é", "base64url|JSON"),
    ],
)
def test_a_token_that_proves_nothing_is_refused(wrong: str, why: str) -> None:
    with pytest.raises(JwtRefused, match=why):
        engine.jwt_check(wrong, SECRET, NOW)


def test_a_changed_claim_breaks_the_signature() -> None:
    head, _, signature = token({"iat": NOW}).split(".")
    with pytest.raises(JwtRefused, match="signature"):
        engine.jwt_check(f"{head}.{part({'iat': NOW + 1})}.{signature}", SECRET, NOW)
