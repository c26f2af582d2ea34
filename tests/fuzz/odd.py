"""Odd JSON values, and small changes to good ones, from a seeded generator.

What stands in ``RAW`` is no JSON, or JSON that parsers disagree about; it is put into a document as it is.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from alys.base.prng import SeededRandom

RAW = tuple(
    msgspec.Raw(text)
    for text in (
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"1e999",
        b"-1e999",
        b"1e-999",
        b"01",
        b"+1",
        b"-",
        b"0x10",
        b"1.",
        b".5",
        b"'a'",
        b"nul",
        b"tRue",
        b"None",
        b"undefined",
        b'"\\ud800"',
        b'"\\ud800 and more"',
        b'"\xff\xfe"',
        b'"\xed\xa0\x80"',
        b'"\\x41"',
        b'"\x00"',
        b'"unterminated',
        b'{"a":1,"a":2}',
        b'{"a":1 "b":2}',
        b'{"a"}',
        b"{1:2}",
        b"[1,]",
        b"[,1]",
        b"[1 2]",
        b"/* no */ 1",
        b"1" * 400,
        b"1" * 5000,
        b"",
        b"\xef\xbb\xbf1",
    )
)

NUMBERS = (
    *(0, 1, -1, 2, 100, 255, 256, 65_535, 65_536, 21_000_000),
    *(2**31 - 1, 2**31, -(2**31), 2**32 - 1, 2**32, 2**53, 2**63 - 1, 2**63, -(2**63)),
    *(-(2**63) - 1, 2**64 - 1, 2**64, 2**128, 10**30, 2**256 - 1, 2**256),
    *(0.5, -0.5, -0.0, 1e-320, 1e308, 1e15, 4294967296.0, 0.1 + 0.2),
)

TEXTS = (
    *("", " ", "\n", "\x00", "0", "-1", "1e5", "1_000", "NaN", "inf", "-inf", "sNaN", "1e-400"),
    *("1e400", "9" * 400, "9" * 5000, "0x", "0X1", "0x0", "0x00", "0x1", "0x1g", "0x-1", "0x 1"),
    *("0x1_0", "0x" + "f" * 16, "0x1" + "0" * 16, "0x" + "f" * 64, "0x1" + "0" * 64),
    *("0x" + "0" * 64, "0x" + "z" * 64, "0x" + "f" * 40, "0x" + "1" * 39, "0xé"),
    *("latest", "earliest", "pending", "safe", "finalized", "LATEST", "null", "true", "start"),
    *("0" * 64, "f" * 64, "z" * 64, "é" * 64, "٣" * 64, "0x" + "٣" * 16, "a" * 63, "a" * 65),
    *("../../etc/passwd", "%s%n%x", "${x}", "';--", "<script>", "\u202e", "\ufeff", "🦀" * 9),
    *("abcd", "00", "ab" * 80, "ff" * 400, "bcrt1q", "raw()", "addr()", "wpkh([", "raw(zz)"),
    *("a" * 10_000, "0x" + "ab" * 5_000),
)

NAMES = ("", "args", "desc", "data", "from", "to", "gas", "value", "mode", "rules", "id", "topics")

DEEP = 40
"""How deep an odd value may nest; what the parsers' own limits are tried with is made in ``bodies``."""


def number(random: SeededRandom) -> Any:
    """An edge of some width, or any number."""
    kind = random.below(4)
    if kind == 0:
        return random.below(1 << random.below(64))
    if kind == 1:
        return random.choice(NUMBERS[:10])
    return random.choice(NUMBERS)


def text(random: SeededRandom) -> str:
    """A string that means something to somebody, or hex of some length."""
    kind = random.below(8)
    if kind == 0:
        return "0x" + random.randbytes(random.choice((1, 8, 20, 31, 32, 33, 64))).hex()
    if kind == 1:
        return random.randbytes(random.choice((1, 8, 20, 32, 80))).hex()
    if kind == 2:
        return hex(random.below(1 << random.below(64)))
    return random.choice(TEXTS)


def value(random: SeededRandom, depth: int = 0) -> Any:
    """Any JSON value; one in sixteen is none at all."""
    kind = random.below(16)
    if kind < 4:
        return number(random)
    if kind < 9:
        return text(random)
    if kind == 9:
        return random.choice(RAW)
    if kind == 10:
        return None
    if kind == 11:
        return random.below(2) == 0
    if depth >= 3:
        return random.choice(([], {}, [[]], [None], {"": None}))
    if kind < 14:
        return [value(random, depth + 1) for _ in range(random.below(4))]
    if kind == 14:
        return {random.choice(NAMES): value(random, depth + 1) for _ in range(random.below(3))}
    return nested(random, 1 + random.below(DEEP))


def nested(random: SeededRandom, depth: int) -> Any:
    """Arrays and objects in each other."""
    made: Any = number(random)
    for _ in range(depth):
        made = [made] if random.below(2) else {"a": made}
    return made


def changed(random: SeededRandom, good: Any, others: Sequence[Any] = (None,)) -> Any:
    """A copy of a good value with one thing changed somewhere in it, sometimes to one of ``others``."""
    if isinstance(good, list) and good and random.below(12):
        return _list_changed(random, good, others)
    if isinstance(good, dict) and good and random.below(12):
        return _object_changed(random, good, others)
    if random.below(4) == 0:
        return random.choice(others)
    if isinstance(good, str) and random.below(2):
        return text_changed(random, good)
    if isinstance(good, int) and not isinstance(good, bool) and random.below(2):
        return random.choice(
            (good + 1, good - 1, -good, good * 2, good << 32, float(good), str(good))
        )
    return value(random)


def _list_changed(random: SeededRandom, good: list[Any], others: Sequence[Any]) -> list[Any]:
    made = list(good)
    place = random.below(len(made))
    kind = random.below(12)
    if kind == 0:
        del made[place]
    elif kind == 1:
        made.insert(place, value(random))
    elif kind == 2:
        made.append(value(random))
    elif kind == 3:
        made[place] = [made[place]]
    elif kind == 4:
        made[place] = None
    elif kind == 5:
        made.append(made[place])
    else:
        made[place] = changed(random, made[place], others)
    return made


def _object_changed(
    random: SeededRandom, good: dict[str, Any], others: Sequence[Any]
) -> dict[str, Any]:
    made = dict(good)
    name = random.choice(list(made))
    kind = random.below(8)
    if kind == 0:
        del made[name]
    elif kind == 1:
        made[random.choice(NAMES)] = value(random)
    elif kind == 2:
        made[name] = None
    else:
        made[name] = changed(random, made[name], others)
    return made


def text_changed(random: SeededRandom, good: str) -> str:
    """A string a little other than it was."""
    if not good:
        return random.choice(TEXTS)
    place = random.below(len(good))
    kind = random.below(9)
    if kind == 0:
        return good[:place]
    if kind == 1:
        return good[place:]
    if kind == 2:
        return good[:place] + random.choice("0fFgxX zé\x00") + good[place + 1 :]
    if kind == 3:
        return good + random.choice(("0", "00", "f", " ", "\x00", good))
    if kind == 4:
        return good.upper()
    if kind == 5:
        return good.removeprefix("0x") if good.startswith("0x") else "0x" + good
    if kind == 6:
        return good[:place] + good[place : place + 16] + good[place:]
    if kind == 7:
        return good[:place] + random.randbytes(1).hex() + good[place + 2 :]
    return good[::-1]


def bytes_changed(random: SeededRandom, good: bytes) -> bytes:
    """Bytes with a few of them flipped, lost, repeated or put in."""
    made = bytearray(good)
    for _ in range(1 + random.below(3)):
        place = random.below(len(made) + 1)
        kind = random.below(6)
        if kind == 0:
            del made[place : place + 1 + random.below(8)]
        elif kind == 1:
            made[place:place] = random.randbytes(1 + random.below(8))
        elif kind == 2:
            made[place:place] = made[place : place + 16]
        elif kind == 3:
            del made[place:]
        elif kind == 4:
            made[place:place] = random.choice((b"[", b"]", b"{", b"}", b'"', b",", b"\\", b":"))
        elif place < len(made):
            made[place] ^= 1 << random.below(8)
    return bytes(made)
