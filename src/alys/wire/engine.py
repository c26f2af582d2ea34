"""The Engine API's structures (Paris, Shanghai and Cancun, execution-apis) and its JWT authentication.

Hashes are 32 raw bytes and addresses 20; ``to_json`` and ``from_json`` speak the camelCase hex of the wire. ``from_json``
raises ``alys.wire.ethereum.BadEthereumData`` naming the field; what to answer then is the server's matter.
"""

import base64
import binascii
import enum
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

import msgspec

from alys.base.errors import AlysError
from alys.wire.ethereum import BadEthereumData, from_data, from_quantity, to_data, to_quantity

JWT_DRIFT_SECONDS_MAX = 60
"""A token whose ``iat`` is further than this from the server's clock is refused (execution-apis authentication.md)."""

Json = Mapping[str, Any]


class Status(enum.StrEnum):
    """What an execution client may say about a payload; only VALID accepts it."""

    VALID = "VALID"
    INVALID = "INVALID"
    SYNCING = "SYNCING"
    ACCEPTED = "ACCEPTED"


class JwtRefused(AlysError):
    """A token that does not prove knowledge of the secret now; ``reason`` says which part failed."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"JWT refused: {reason}")
        self.reason = reason


class Withdrawal(msgspec.Struct, frozen=True, kw_only=True):
    """Ether credited without a transaction (EIP-4895)."""

    index: int
    validator_index: int
    address: bytes
    amount_gwei: int

    def to_json(self) -> dict[str, str]:
        """As the wire shows it; the amount stays in gwei."""
        return {
            "index": to_quantity(self.index),
            "validatorIndex": to_quantity(self.validator_index),
            "address": to_data(self.address),
            "amount": to_quantity(self.amount_gwei),
        }

    @classmethod
    def from_json(cls, value: object) -> "Withdrawal":
        """Raises BadEthereumData naming the field that is missing, malformed or above 64 bits."""
        fields = _object(value, "withdrawal")
        return cls(
            index=_uint64(fields, "index"),
            validator_index=_uint64(fields, "validatorIndex"),
            address=from_data(fields.get("address"), 20, "address"),
            amount_gwei=_uint64(fields, "amount"),
        )


class PayloadAttributes(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a block to be built must contain (PayloadAttributesV1 to V3)."""

    timestamp: int
    """Whole seconds; must be above the parent's."""
    prev_randao: bytes
    suggested_fee_recipient: bytes
    withdrawals: tuple[Withdrawal, ...]
    """Empty in V1, which has none."""
    parent_beacon_block_root: bytes = bytes(32)
    """From V3 on (EIP-4788)."""
    version: int = 2

    def to_json(self) -> dict[str, Any]:
        """The attributes of this version as the wire shows them."""
        shown: dict[str, Any] = {
            "timestamp": to_quantity(self.timestamp),
            "prevRandao": to_data(self.prev_randao),
            "suggestedFeeRecipient": to_data(self.suggested_fee_recipient),
        }
        if self.version >= 2:
            shown["withdrawals"] = [w.to_json() for w in self.withdrawals]
        if self.version >= 3:
            shown["parentBeaconBlockRoot"] = to_data(self.parent_beacon_block_root)
        return shown

    @classmethod
    def from_json(cls, value: object, version: int = 2) -> "PayloadAttributes":
        """Raises BadEthereumData naming the field that this version must have and that is absent or malformed."""
        fields = _object(value, "payload attributes")
        root = fields.get("parentBeaconBlockRoot")
        return cls(
            version=version,
            timestamp=_uint64(fields, "timestamp"),
            prev_randao=from_data(fields.get("prevRandao"), 32, "prevRandao"),
            suggested_fee_recipient=from_data(
                fields.get("suggestedFeeRecipient"), 20, "suggestedFeeRecipient"
            ),
            withdrawals=_withdrawals(fields) if version >= 2 else (),
            parent_beacon_block_root=from_data(root, 32, "parentBeaconBlockRoot")
            if version >= 3
            else bytes(32),
        )


def attributes_version(value: object) -> int:
    """The newest version whose fields an object has; null is absent. Raises BadEthereumData for what is no object."""
    fields = _object(value, "payload attributes")
    if fields.get("withdrawals") is None:
        return 1
    return 2 if fields.get("parentBeaconBlockRoot") is None else 3


class ExecutionPayload(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A whole EVM block as consensus clients see it (ExecutionPayloadV1 to V3: Paris, Shanghai, Cancun)."""

    parent_hash: bytes
    fee_recipient: bytes
    state_root: bytes
    receipts_root: bytes
    logs_bloom: bytes
    prev_randao: bytes
    block_number: int
    gas_limit: int
    gas_used: int
    timestamp: int
    extra_data: bytes
    base_fee_per_gas: int
    """In wei."""
    block_hash: bytes
    transactions: tuple[bytes, ...]
    """Each as its EIP-2718 bytes, or legacy RLP."""
    withdrawals: tuple[Withdrawal, ...]
    """Empty in V1, which has none."""
    blob_gas_used: int = 0
    """From V3 on (EIP-4844), as the next."""
    excess_blob_gas: int = 0
    version: int = 2

    def to_json(self) -> dict[str, Any]:
        """The payload of this version as the wire shows it."""
        shown: dict[str, Any] = {
            "parentHash": to_data(self.parent_hash),
            "feeRecipient": to_data(self.fee_recipient),
            "stateRoot": to_data(self.state_root),
            "receiptsRoot": to_data(self.receipts_root),
            "logsBloom": to_data(self.logs_bloom),
            "prevRandao": to_data(self.prev_randao),
            "blockNumber": to_quantity(self.block_number),
            "gasLimit": to_quantity(self.gas_limit),
            "gasUsed": to_quantity(self.gas_used),
            "timestamp": to_quantity(self.timestamp),
            "extraData": to_data(self.extra_data),
            "baseFeePerGas": to_quantity(self.base_fee_per_gas),
            "blockHash": to_data(self.block_hash),
            "transactions": [to_data(raw) for raw in self.transactions],
        }
        if self.version >= 2:
            shown["withdrawals"] = [w.to_json() for w in self.withdrawals]
        if self.version >= 3:
            shown["blobGasUsed"] = to_quantity(self.blob_gas_used)
            shown["excessBlobGas"] = to_quantity(self.excess_blob_gas)
        return shown

    @classmethod
    def from_json(cls, value: object, version: int = 2) -> "ExecutionPayload":
        """Raises BadEthereumData naming the field that this version must have and that is absent or malformed."""
        fields = _object(value, "execution payload")
        extra_data = from_data(fields.get("extraData"), what="extraData")
        if len(extra_data) > 32:
            raise BadEthereumData(
                "extraData", f"has {len(extra_data)} bytes, at most 32 are allowed"
            )
        base_fee = from_quantity(fields.get("baseFeePerGas"), "baseFeePerGas")
        if base_fee >= 1 << 256:
            raise BadEthereumData("baseFeePerGas", "does not fit in 256 bits")
        transactions = _list(fields, "transactions")
        return cls(
            version=version,
            parent_hash=from_data(fields.get("parentHash"), 32, "parentHash"),
            fee_recipient=from_data(fields.get("feeRecipient"), 20, "feeRecipient"),
            state_root=from_data(fields.get("stateRoot"), 32, "stateRoot"),
            receipts_root=from_data(fields.get("receiptsRoot"), 32, "receiptsRoot"),
            logs_bloom=from_data(fields.get("logsBloom"), 256, "logsBloom"),
            prev_randao=from_data(fields.get("prevRandao"), 32, "prevRandao"),
            block_number=_uint64(fields, "blockNumber"),
            gas_limit=_uint64(fields, "gasLimit"),
            gas_used=_uint64(fields, "gasUsed"),
            timestamp=_uint64(fields, "timestamp"),
            extra_data=extra_data,
            base_fee_per_gas=base_fee,
            block_hash=from_data(fields.get("blockHash"), 32, "blockHash"),
            transactions=tuple(from_data(raw, what="transaction") for raw in transactions),
            withdrawals=_withdrawals(fields) if version >= 2 else (),
            blob_gas_used=_uint64(fields, "blobGasUsed") if version >= 3 else 0,
            excess_blob_gas=_uint64(fields, "excessBlobGas") if version >= 3 else 0,
        )


def payload_version(value: object) -> int:
    """The newest version that an object has a field of; null is absent. Raises BadEthereumData for what is no object."""
    fields = _object(value, "execution payload")
    if fields.get("blobGasUsed") is not None or fields.get("excessBlobGas") is not None:
        return 3
    return 2 if fields.get("withdrawals") is not None else 1


class PayloadStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A client's judgement of a payload (PayloadStatusV1). INVALID may carry a hash too: the last valid ancestor."""

    status: Status
    latest_valid_hash: bytes | None = None
    validation_error: str | None = None

    def to_json(self) -> dict[str, str | None]:
        """PayloadStatusV1 as the wire shows it."""
        latest = self.latest_valid_hash
        return {
            "status": self.status.value,
            "latestValidHash": None if latest is None else to_data(latest),
            "validationError": self.validation_error,
        }

    @classmethod
    def from_json(cls, value: object) -> "PayloadStatus":
        """Raises BadEthereumData for an unknown status or a malformed hash."""
        fields = _object(value, "payload status")
        try:
            status = Status(str(fields.get("status")))
        except ValueError:
            raise BadEthereumData("status", f"{fields.get('status')!r} is not known") from None
        latest = fields.get("latestValidHash")
        error = fields.get("validationError")
        return cls(
            status=status,
            latest_valid_hash=None if latest is None else from_data(latest, 32, "latestValidHash"),
            validation_error=None if error is None else str(error),
        )


class ForkchoiceState(msgspec.Struct, frozen=True, kw_only=True):
    """Which blocks are head, safe and finalised (ForkchoiceStateV1); 32 zero bytes mean none yet."""

    head_block_hash: bytes
    safe_block_hash: bytes
    finalized_block_hash: bytes

    def to_json(self) -> dict[str, str]:
        """ForkchoiceStateV1 as the wire shows it."""
        return {
            "headBlockHash": to_data(self.head_block_hash),
            "safeBlockHash": to_data(self.safe_block_hash),
            "finalizedBlockHash": to_data(self.finalized_block_hash),
        }

    @classmethod
    def from_json(cls, value: object) -> "ForkchoiceState":
        """Raises BadEthereumData naming the field."""
        fields = _object(value, "forkchoice state")
        return cls(
            head_block_hash=from_data(fields.get("headBlockHash"), 32, "headBlockHash"),
            safe_block_hash=from_data(fields.get("safeBlockHash"), 32, "safeBlockHash"),
            finalized_block_hash=from_data(
                fields.get("finalizedBlockHash"), 32, "finalizedBlockHash"
            ),
        )


class ForkchoiceAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What engine_forkchoiceUpdated returns; ``payload_id`` is None when nothing is being built."""

    payload_status: PayloadStatus
    payload_id: bytes | None = None

    def to_json(self) -> dict[str, Any]:
        """The result object as the wire shows it."""
        chosen = self.payload_id
        return {
            "payloadStatus": self.payload_status.to_json(),
            "payloadId": None if chosen is None else to_data(chosen),
        }

    @classmethod
    def from_json(cls, value: object) -> "ForkchoiceAnswer":
        """Raises BadEthereumData naming the field."""
        fields = _object(value, "forkchoice answer")
        chosen = fields.get("payloadId")
        return cls(
            payload_status=PayloadStatus.from_json(fields.get("payloadStatus")),
            payload_id=None if chosen is None else from_data(chosen, 8, "payloadId"),
        )


def jwt_token(secret: bytes, iat: int) -> str:
    """An HS256 token that claims only ``iat``, seconds since the epoch (execution-apis authentication.md)."""
    head = _base64url(b'{"alg":"HS256","typ":"JWT"}')
    claims = _base64url(msgspec.json.encode({"iat": int(iat)}))
    signed = head + b"." + claims
    return (signed + b"." + _base64url(_mac(secret, signed))).decode()


def jwt_check(token: str, secret: bytes, now: float) -> None:
    """Raises JwtRefused unless the token is HS256 under ``secret`` and its ``iat`` is within 60 s of ``now``."""
    parts = token.encode("utf-8", "replace").split(b".")
    if len(parts) != 3:
        raise JwtRefused("a token has three parts")
    head, claims, signature = parts
    algorithm = _claim(head, "alg")
    if algorithm != "HS256":
        raise JwtRefused(f"algorithm {algorithm!r} is not HS256")
    if not hmac.compare_digest(_unbase64url(signature), _mac(secret, head + b"." + claims)):
        raise JwtRefused("the signature does not match the secret")
    issued = _claim(claims, "iat")
    if isinstance(issued, bool) or not isinstance(issued, int | float):
        raise JwtRefused("iat is missing")
    if abs(int(issued) - int(now)) > JWT_DRIFT_SECONDS_MAX:
        raise JwtRefused(f"iat is {int(issued) - int(now):+d} s from the server's clock")


def _mac(secret: bytes, message: bytes) -> bytes:
    return hmac.new(secret, message, hashlib.sha256).digest()


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _unbase64url(data: bytes) -> bytes:
    try:
        return base64.urlsafe_b64decode(data + b"=" * (-len(data) % 4))
    except (binascii.Error, ValueError):
        raise JwtRefused("a part is not base64url") from None


def _claim(part: bytes, name: str) -> object:
    """One field of a token's JSON part, None when absent."""
    try:
        value = msgspec.json.decode(_unbase64url(part))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise JwtRefused("a part is not JSON") from None
    return value.get(name) if isinstance(value, dict) else None


def _object(value: object, what: str) -> Json:
    if not isinstance(value, Mapping):
        raise BadEthereumData(what, "is not an object")
    return value


def _list(fields: Json, name: str) -> list[Any]:
    value = fields.get(name)
    if not isinstance(value, list):
        raise BadEthereumData(name, "is not a list")
    return value


def _withdrawals(fields: Json) -> tuple[Withdrawal, ...]:
    return tuple(Withdrawal.from_json(w) for w in _list(fields, "withdrawals"))


def _uint64(fields: Json, name: str) -> int:
    number = from_quantity(fields.get(name), name)
    if number >= 1 << 64:
        raise BadEthereumData(name, "does not fit in 64 bits")
    return number
