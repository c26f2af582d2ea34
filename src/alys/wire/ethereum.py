"""Ethereum's formats: JSON-RPC hex, Keccak, addresses, EIP-1559 transactions and the bridge contract's ABI.

Addresses are 20 raw bytes and hashes 32; text appears only where JSON-RPC demands it. A quantity (``to_quantity``) is a
number without leading zeros, data (``to_data``) is bytes with every zero kept. Errors here are always the sender's fault.
"""

from collections.abc import Mapping
from typing import Any

import coincurve
import msgspec
from ethereum.crypto import hash as eels_hash
from ethereum_rlp import rlp
from ethereum_types.numeric import Uint

from alys.base.errors import AlysError

BRIDGE_ADDRESS = bytes.fromhex("bb" * 20)
BURN_ADDRESS = bytes.fromhex("000000000000000000000000000000000000dead")
ZERO_HASH = bytes(32)

REQUEST_PEG_OUT_SELECTOR = bytes.fromhex("9911dc74")
"""First four bytes of keccak256("requestPegOut(bytes)")."""

REQUEST_PEG_OUT_TOPIC = "0xaa1c6070bc915de33c0fbc36ecf77b1e4fc1ebce832b2da62b6fe25f5a7dd5b0"
"""keccak256("RequestPegOut(address,bytes,uint256)"): the first topic of a peg-out's log."""

DYNAMIC_FEE_TYPE = 2
"""EIP-2718 envelope byte of an EIP-1559 transaction."""

_WORD = 32


class BadEthereumData(AlysError):
    """Bytes or JSON that are not what they should be; ``what`` names the thing, ``why`` the defect."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what}: {why}")
        self.what = what
        self.why = why


class PegOutEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One RequestPegOut log: who burnt how much, and the text that should be a Bitcoin address."""

    caller: bytes
    """20 bytes; the account a refund goes to."""
    address: bytes
    """What the caller passed, unjudged: usually ASCII text of a Bitcoin address."""
    wei: int
    tx_hash: str
    log_index: int
    """Position of the log in its block; with ``tx_hash`` it names the request for ever."""


def to_quantity(number: int) -> str:
    """A number as JSON-RPC writes it: ``0x0``, ``0x400``; raises BadEthereumData below zero."""
    if number < 0:
        raise BadEthereumData("quantity", f"{number} is negative")
    return hex(number)


def from_quantity(text: object, what: str = "quantity") -> int:
    """A number from JSON-RPC; raises BadEthereumData without 0x, without digits or with leading zeros."""
    if not isinstance(text, str) or text[:2] not in ("0x", "0X"):
        raise BadEthereumData(what, f"{text!r} is not a hex string with 0x")
    digits = text[2:]
    if not digits:
        raise BadEthereumData(what, "hex string has no digits")
    if len(digits) > 1 and digits[0] == "0":
        raise BadEthereumData(what, f"{text} has leading zeros")
    if not digits.isascii() or not digits.isalnum():
        raise BadEthereumData(what, f"{text!r} is not hexadecimal")
    try:
        return int(digits, 16)
    except ValueError:
        raise BadEthereumData(what, f"{text!r} is not hexadecimal") from None


def to_data(data: bytes) -> str:
    """Bytes as JSON-RPC writes them, zeros kept; no bytes are ``0x``."""
    return "0x" + bytes(data).hex()


def from_data(text: object, length: int | None = None, what: str = "data") -> bytes:
    """Bytes from JSON-RPC; raises BadEthereumData unless 0x, whole bytes and exactly ``length`` of them."""
    if not isinstance(text, str) or text[:2] not in ("0x", "0X"):
        raise BadEthereumData(what, f"{text!r} is not a hex string with 0x")
    try:
        data = bytes.fromhex(text[2:])
    except ValueError:
        raise BadEthereumData(what, f"{text!r} is not hexadecimal") from None
    if 2 * len(data) != len(text) - 2:  # fromhex passes over spaces
        raise BadEthereumData(what, f"{text!r} is not hexadecimal")
    if length is not None and len(data) != length:
        raise BadEthereumData(what, f"needs {length} bytes, has {len(data)}")
    return data


def keccak256(data: bytes) -> bytes:
    """The 32-byte Keccak-256 digest (the original padding, not SHA3's)."""
    return bytes(eels_hash.keccak256(data))


def checksum_address(address: bytes) -> str:
    """The mixed-case text of a 20-byte address (EIP-55)."""
    digits = _exact(address, 20, "address").hex()
    digest = keccak256(digits.encode()).hex()
    mixed = (c.upper() if int(d, 16) >= 8 else c for c, d in zip(digits, digest, strict=False))
    return "0x" + "".join(mixed)


def address_of(secret: bytes) -> bytes:
    """The 20-byte account address of a 32-byte secp256k1 secret."""
    public = coincurve.PrivateKey(_exact(secret, 32, "secret")).public_key.format(compressed=False)
    return keccak256(public[1:])[12:]


def sign_transaction(
    secret: bytes,
    *,
    chain_id: int,
    nonce: int,
    to: bytes | None,
    value: int,
    data: bytes = b"",
    gas: int,
    max_fee: int,
    max_tip: int,
) -> bytes:
    """The raw bytes of a signed EIP-1559 transaction, amounts in wei; ``to`` None creates a contract.

    The signature is deterministic (RFC 6979), so equal arguments give equal bytes and an equal hash.
    """
    destination = b"" if to is None else _exact(to, 20, "to")
    fields: list[Any] = [
        Uint(chain_id),
        Uint(nonce),
        Uint(max_tip),
        Uint(max_fee),
        Uint(gas),
        destination,
        Uint(value),
        data,
        [],
    ]
    prefix = bytes([DYNAMIC_FEE_TYPE])
    digest = keccak256(prefix + rlp.encode(fields))
    key = coincurve.PrivateKey(_exact(secret, 32, "secret"))
    signature = key.sign_recoverable(digest, hasher=None)
    r = Uint(int.from_bytes(signature[:32], "big"))
    s = Uint(int.from_bytes(signature[32:64], "big"))
    return prefix + rlp.encode([*fields, Uint(signature[64]), r, s])


def transaction_hash(raw: bytes) -> str:
    """The hash of a signed transaction's raw bytes, as JSON-RPC shows it."""
    return to_data(keccak256(raw))


def encode_request_peg_out(btc_address: str) -> bytes:
    """Calldata of ``requestPegOut(bytes)`` for the text of a Bitcoin address (Solidity ABI)."""
    text = btc_address.encode()
    padding = bytes(-len(text) % _WORD)
    return REQUEST_PEG_OUT_SELECTOR + _word(_WORD) + _word(len(text)) + text + padding


def is_request_peg_out(log: Mapping[str, Any], contract: bytes = BRIDGE_ADDRESS) -> bool:
    """Whether a JSON-RPC log is a RequestPegOut that ``contract`` itself emitted."""
    topics = log.get("topics") or []
    same_event = len(topics) > 0 and str(topics[0]).lower() == REQUEST_PEG_OUT_TOPIC
    return same_event and str(log.get("address", "")).lower() == to_data(contract)


def decode_request_peg_out(log: Mapping[str, Any], contract: bytes = BRIDGE_ADDRESS) -> PegOutEvent:
    """The event in a JSON-RPC log; raises BadEthereumData for another event, another contract or broken ABI."""
    if not is_request_peg_out(log, contract):
        raise BadEthereumData("log", "is not a RequestPegOut of the bridge contract")
    topics = log["topics"]
    if len(topics) != 2:
        raise BadEthereumData("log", f"has {len(topics)} topics, a RequestPegOut has 2")
    caller = from_data(topics[1], _WORD, "topic 1")
    data = from_data(log.get("data"), what="log data")
    offset = _read_word(data, 0)
    wei = _read_word(data, _WORD)
    length = _read_word(data, offset)
    start = offset + _WORD
    if start + length > len(data):
        raise BadEthereumData("log data", f"ends before the {length} bytes of the address")
    return PegOutEvent(
        caller=caller[12:],
        address=data[start : start + length],
        wei=wei,
        tx_hash=str(log.get("transactionHash")),
        log_index=from_quantity(log.get("logIndex"), "logIndex"),
    )


def _word(number: int) -> bytes:
    """A 32-byte ABI word."""
    return number.to_bytes(_WORD, "big")


def _read_word(data: bytes, offset: int) -> int:
    """The ABI word at ``offset``; raises BadEthereumData past the end."""
    if offset + _WORD > len(data):
        raise BadEthereumData("log data", f"has no word at byte {offset}")
    return int.from_bytes(data[offset : offset + _WORD], "big")


def _exact(data: bytes, length: int, what: str) -> bytes:
    """``data`` itself when it has ``length`` bytes, else BadEthereumData."""
    if len(data) != length:
        raise BadEthereumData(what, f"needs {length} bytes, has {len(data)}")
    return bytes(data)
