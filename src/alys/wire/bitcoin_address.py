"""What is wrong with a text that is no address, in Core's words (part of the facade ``wire.bitcoin``).

Where one character of a bech32 address is wrong it is pointed to, by trying all others; Core reckons up to two.
"""

from collections.abc import Sequence

from btclib import base58
from btclib import network as networks

_CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_BECH32, _BECH32M = 1, 0x2BC830A3
_BASE58 = frozenset("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")
_LENGTH_MAX = 90
_BASE58_LENGTH_MAX = 137
_CHECKSUM_CHARACTERS = 6
_HASH_BYTES = 21
_PROGRAM_V0_BYTES = (20, 32)
_PROGRAM_BYTES = range(2, 41)
_VERSION_MAX = 16
_HASH_PREFIXES = {"mainnet": (0x00, 0x05)}
_TEST_PREFIXES = (0x6F, 0xC4)


def address_fault(text: str, network: str = "regtest") -> tuple[str, list[int]]:
    """Why a text is no address of a network, and at which characters."""
    prefix = networks.network_from_name(network).hrp
    if text[: len(prefix)].lower() != prefix:
        return _base58_fault(text, network), []
    return _bech32_fault(text, prefix)


def _base58_fault(text: str, network: str) -> str:
    if len(text) > _BASE58_LENGTH_MAX or not set(text) <= _BASE58:
        return "Invalid or unsupported Segwit (Bech32) or Base58 encoding."
    try:
        data = base58.decode(text)
    except ValueError:
        return "Invalid checksum or length of Base58 address (P2PKH or P2SH)"
    if len(data) > _HASH_BYTES:
        return "Invalid checksum or length of Base58 address (P2PKH or P2SH)"
    if data[:1] and data[0] in _HASH_PREFIXES.get(network, _TEST_PREFIXES):
        return "Invalid length for Base58 address (P2PKH or P2SH)"
    return "Invalid or unsupported Base58-encoded address."


def _bech32_fault(text: str, prefix: str) -> tuple[str, list[int]]:
    wrong = _shape_fault(text)
    if wrong is not None:
        return wrong
    name, data = _parts(text)
    found = _polymod(name, data)
    if found not in (_BECH32, _BECH32M):
        return _checksum_fault(text, name, data)
    payload = data[:-_CHECKSUM_CHARACTERS]
    if not payload:
        return "Empty Bech32 data section", []
    if name != prefix:
        told = f"Invalid or unsupported prefix for Segwit (Bech32) address (expected {prefix}, got {name})."
        return told, []
    return _program_fault(payload, found), []


def _shape_fault(text: str) -> tuple[str, list[int]] | None:
    if len(text) > _LENGTH_MAX:
        return "Bech32 string too long", list(range(_LENGTH_MAX, len(text)))
    odd = [place for place, one in enumerate(text) if not 33 <= ord(one) <= 126]
    if any(one.islower() for one in text):
        odd += [place for place, one in enumerate(text) if one.isupper()]
    if odd:
        return "Invalid character or mixed case", sorted(set(odd))
    at = text.rfind("1")
    if at < 0:
        return "Missing separator", []
    if at == 0 or at + 1 + _CHECKSUM_CHARACTERS > len(text):
        return "Invalid separator position", [at]
    bad = [n for n in range(at + 1, len(text)) if text[n].lower() not in _CHARSET]
    if bad:
        return "Invalid Base 32 character", bad[:1]
    return None


def _parts(text: str) -> tuple[str, list[int]]:
    name, _, tail = text.lower().rpartition("1")
    return name, [_CHARSET.index(one) for one in tail]


def _polymod(name: str, data: Sequence[int]) -> int:
    check = 1
    expanded = [ord(one) >> 5 for one in name] + [0] + [ord(one) & 31 for one in name]
    for value in (*expanded, *data):
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATOR):
            check ^= generator if (top >> bit) & 1 else 0
    return check


def _checksum_fault(text: str, name: str, data: list[int]) -> tuple[str, list[int]]:
    first = len(text) - len(data)
    for constant, kind in ((_BECH32, "Bech32"), (_BECH32M, "Bech32m")):
        if data and (data[0] == 0) is not (constant == _BECH32):
            continue
        for place in range(len(data)):
            for value in range(32):
                tried = [*data[:place], value, *data[place + 1 :]]
                if _polymod(name, tried) == constant:
                    return f"Invalid {kind} checksum", [first + place]
        return f"Invalid {kind} checksum", []
    return "Invalid checksum", []


def _program_fault(payload: list[int], constant: int) -> str:
    version = payload[0]
    if version == 0 and constant != _BECH32:
        return "Version 0 witness address must use Bech32 checksum"
    if version != 0 and constant != _BECH32M:
        return "Version 1+ witness address must use Bech32m checksum"
    bits = 5 * (len(payload) - 1)
    padding = bits % 8
    if padding >= 5 or payload[-1] & ((1 << padding) - 1):
        return "Invalid padding in Bech32 data section"
    size = bits // 8
    unit = "byte" if size == 1 else "bytes"
    if version == 0 and size not in _PROGRAM_V0_BYTES:
        return f"Invalid Bech32 v0 address program size ({size} {unit}), per BIP141"
    if version > _VERSION_MAX:
        return "Invalid Bech32 address witness version"
    if size not in _PROGRAM_BYTES:
        return f"Invalid Bech32 address program size ({size} {unit})"
    return "Invalid or unsupported Segwit (Bech32) or Base58 encoding."
