"""BIP380's checksum of a descriptor (part of the facade ``wire.bitcoin``)."""

_CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_INPUT_CHARSET = (
    "0123456789()[],'/*abcdefgh@:$%{}"
    "IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~"
    'ijklmnopqrstuvwxyzABCDEFGH`#"\\ '
)
_GENERATOR = (0xF5DEE51989, 0xA9FDCA3312, 0x1BAB10E32D, 0x3706B1677A, 0x644D626FFD)
CHECKSUM_CHARACTERS = 8
_POSITIONS = {character: place for place, character in enumerate(_INPUT_CHARSET)}


def _mixed(top: int) -> int:
    mixed = 0
    for bit, generator in enumerate(_GENERATOR):
        mixed ^= generator if (top >> bit) & 1 else 0
    return mixed


_MIXED = tuple(_mixed(top) for top in range(32))
"""What the five bits that are shifted out do to the rest."""


def with_checksum(text: str) -> str:
    """A descriptor with the checksum that it should have."""
    return f"{text}#{checksum(text)}"


def checksum(text: str) -> str:
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
    check = _polymod([*symbols, *[0] * CHECKSUM_CHARACTERS]) ^ 1
    return "".join(
        _CHARSET[(check >> 5 * (CHECKSUM_CHARACTERS - 1 - n)) & 31]
        for n in range(CHECKSUM_CHARACTERS)
    )


def _polymod(symbols: list[int]) -> int:
    check = 1
    for value in symbols:
        check = (check & 0x7FFFFFFFF) << 5 ^ value ^ _MIXED[check >> 35]
    return check
