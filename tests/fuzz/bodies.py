"""Bodies of JSON-RPC requests with something wrong in them, made from good calls; equal seeds give equal bodies."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from alys.base.prng import SeededRandom
from tests.fuzz import odd

Params = list[Any] | dict[str, Any]
Good = Mapping[str, Sequence[Params]]
"""Good parameters of every method, some variants each."""

Crafted = Sequence[Callable[[SeededRandom], tuple[str, Params]]]
"""Makers of calls whose parameters decode and are wrong further in."""

VERSIONS: tuple[Any, ...] = ("2.0", "2.0", "2.0", "1.0", "1.1", None, "3.0", 2, 2.0, [], "")
DEPTHS = (511, 512, 513, 1_000, 10_000, 200_000)
LONG = 200_000


class Bodies:
    """An endless supply; ``made`` counts those by kind, ``called`` the calls by method."""

    def __init__(self, good: Good, crafted: Crafted, seed: int) -> None:
        self._good = good
        self._crafted = crafted
        self._leaves = [
            leaf for given in good.values() for params in given for leaf in _leaves(params)
        ]
        # What takes parameters can be got wrong in more ways.
        self._methods = [name for name in sorted(good) for _ in range(6 if any(good[name]) else 1)]
        self._random = SeededRandom(seed)
        self._turn = 0
        self.made: dict[str, int] = {}
        self.called: dict[str, int] = dict.fromkeys(self._methods, 0)

    def take(self, count: int) -> Iterator[bytes]:
        """So many bodies."""
        for _ in range(count):
            yield self.one()

    def one(self) -> bytes:
        """A body of some kind."""
        lot = self._random.below(100)
        if lot < 45:
            return self._kept("parameters", self._encoded(self.call()))
        if lot < 62:
            return self._kept("crafted", self._encoded(self._crafted_call()))
        if lot < 70:
            return self._kept("envelope", self._encoded(self._envelope()))
        if lot < 82:
            return self._kept("bytes", odd.bytes_changed(self._random, self._encoded(self.call())))
        if lot < 94:
            return self._kept("batch", self._encoded(self._batch()))
        if lot < 97:
            return self._kept("no object", self._encoded(odd.value(self._random)))
        if lot < 99:
            return self._kept("noise", self._random.randbytes(self._random.below(200)))
        return self._kept("size", self._big())

    def call(self) -> dict[str, Any]:
        """A call of the next method in turn, its parameters changed in one to three places."""
        random = self._random
        method = self._methods[self._turn % len(self._methods)]
        self._turn += 1
        self.called[method] += 1
        params: Any = self._random.choice(self._good[method])
        for _ in range(random.choice((1, 1, 1, 2, 3))):
            params = odd.changed(random, params, self._leaves)
        return {"jsonrpc": "2.0", "id": random.below(1 << 20), "method": method, "params": params}

    def _crafted_call(self) -> dict[str, Any]:
        method, params = self._random.choice(self._crafted)(self._random)
        self.called[method] += 1
        return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}

    def _kept(self, kind: str, body: bytes) -> bytes:
        self.made[kind] = self.made.get(kind, 0) + 1
        return body

    def _encoded(self, document: Any) -> bytes:
        return msgspec.json.encode(document)

    def _envelope(self) -> dict[str, Any]:
        """A call that is odd round its parameters."""
        random = self._random
        made = self.call()
        for _ in range(1 + random.below(2)):
            kind = random.below(7)
            if kind == 0:
                made["jsonrpc"] = random.choice(VERSIONS)
            elif kind == 1:
                made["id"] = odd.value(random)
            elif kind == 2:
                made["method"] = odd.value(random)
            elif kind == 3:
                made["params"] = odd.value(random)
            elif kind == 4:
                made.pop(random.choice(list(made)) if made else "", None)
            elif kind == 5:
                made[random.choice(odd.NAMES)] = odd.value(random)
            else:
                made["method"] = odd.text_changed(random, str(made.get("method", "")))
        return made

    def _batch(self) -> list[Any]:
        random = self._random
        if random.below(50) == 0:
            long = 1_001 + random.below(3) if random.below(5) == 0 else 0
            return [self._member() for _ in range(long)]
        return [self._member() for _ in range(1 + random.below(5))]

    def _member(self) -> Any:
        kind = self._random.below(6)
        if kind == 0:
            return odd.value(self._random)
        return self._envelope() if kind < 3 else self.call()

    def _big(self) -> bytes:
        """Nesting beyond what parsers bear, and what is long in one direction."""
        random = self._random
        depth = random.choice(DEPTHS)
        opened, closed = random.choice(((b"[", b"]"), (b'{"a":', b"}"), (b"[{}, [", b"]]")))
        inner = random.choice((b"", b"1", b'"]"'))
        deep = opened * depth + inner + closed * random.choice((depth, depth, depth - 1))
        made = self.call()
        kind = random.below(7)
        if kind == 0:
            return deep
        if kind == 1:
            made["params"] = msgspec.Raw(deep)
        elif kind == 2:
            made["id"] = msgspec.Raw(deep)
        elif kind == 3:
            made["params"] = ["a" * LONG]
        elif kind == 4:
            made["params"] = [0] * LONG
        elif kind == 5:
            made["params"] = {str(n): n for n in range(LONG // 20)}
        else:
            made["method"] = "m" * LONG
        return self._encoded(made)


def _leaves(value: Any) -> Iterator[Any]:
    """The scalars in a document."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _leaves(one)
    else:
        yield value
