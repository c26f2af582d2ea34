"""Output descriptors of one fixed script, ``addr(...)`` and ``raw(...)``, with their checksum (BIP380, BIP385).

Part of the facade ``wire.bitcoin``. Descriptors that derive keys are a wallet's business and not read here.
"""

from alys.base.errors import AlysError
from alys.wire.bitcoin_script import BadAddress, address_to_script, script_to_address

_CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_INPUT_CHARSET = (
    "0123456789()[],'/*abcdefgh@:$%{}"
    "IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~"
    'ijklmnopqrstuvwxyzABCDEFGH`#"\\ '
)
_GENERATOR = (0xF5DEE51989, 0xA9FDCA3312, 0x1BAB10E32D, 0x3706B1677A, 0x644D626FFD)
_CHECKSUM_CHARACTERS = 8
_POSITIONS = {character: place for place, character in enumerate(_INPUT_CHARSET)}


def _mixed(top: int) -> int:
    mixed = 0
    for bit, generator in enumerate(_GENERATOR):
        mixed ^= generator if (top >> bit) & 1 else 0
    return mixed


_MIXED = tuple(_mixed(top) for top in range(32))
"""What the five bits that are shifted out do to the rest."""


class BadDescriptor(AlysError):
    """A text that is no descriptor known here; whoever wrote ``text`` is at fault."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(f"bad descriptor {text[:100]!r}: {reason}")
        self.text = text
        self.reason = reason


def descriptor_of(script: bytes, network: str = "regtest") -> str:
    """The descriptor of an output script with its checksum: by address where it has one, else raw."""
    address = script_to_address(script, network)
    text = f"addr({address})" if address is not None else f"raw({script.hex()})"
    return f"{text}#{_checksum(text)}"


def descriptor_script(text: str, network: str = "regtest") -> bytes:
    """The output script that a descriptor means; raises BadDescriptor, also for a checksum that does not fit."""
    body, mark, checksum = text.partition("#")
    if mark and _checksum(body) != checksum:
        raise BadDescriptor(text, f"the checksum should be {_checksum(body) or 'absent'}")
    name, _, rest = body.partition("(")
    if name not in ("addr", "raw") or not rest.endswith(")"):
        raise BadDescriptor(text, "only addr() and raw() are known here")
    inner = rest[:-1]
    try:
        return address_to_script(inner, network) if name == "addr" else bytes.fromhex(inner)
    except BadAddress as error:
        raise BadDescriptor(text, error.reason) from error
    except ValueError as error:
        raise BadDescriptor(text, "raw() wants hex") from error


def _checksum(text: str) -> str:
    """BIP380's eight characters; empty when a character is none that descriptors have."""
    symbols: list[int] = []
    groups: list[int] = []
    for character in text:
        position = _POSITIONS.get(character)
        if position is None:
            return ""
        symbols.append(position & 31)
        groups.append(position >> 5)
        if len(groups) == 3:
            symbols.append(groups[0] * 9 + groups[1] * 3 + groups[2])
            groups = []
    if len(groups) == 1:
        symbols.append(groups[0])
    elif len(groups) == 2:
        symbols.append(groups[0] * 3 + groups[1])
    check = _polymod([*symbols, *[0] * _CHECKSUM_CHARACTERS]) ^ 1
    return "".join(
        _CHARSET[(check >> 5 * (_CHECKSUM_CHARACTERS - 1 - n)) & 31]
        for n in range(_CHECKSUM_CHARACTERS)
    )


def _polymod(symbols: list[int]) -> int:
    check = 1
    for value in symbols:
        check = (check & 0x7FFFFFFFF) << 5 ^ value ^ _MIXED[check >> 35]
    return check
