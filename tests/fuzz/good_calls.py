"""Good parameters for the methods of a service: some by hand, and for a method that nobody wrote any for, some by type."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from alys.base.prng import SeededRandom
from tests.fuzz.bodies import Good, Params

VARIANTS = 12
"""Of a method without parameters of its own here."""


def completed(
    by_hand: Mapping[str, Sequence[Params]],
    methods: Mapping[str, Callable[..., Any]],
    likely: Sequence[Any],
) -> Good:
    """Parameters for every method: those by hand, and for the others likely values by the number of their parameters.

    Raises AssertionError for parameters of a method that is not there.
    """
    strangers = set(by_hand) - set(methods)
    assert not strangers, f"no such methods: {sorted(strangers)}"
    random = SeededRandom(1)
    made: dict[str, Sequence[Params]] = {}
    for name, function in sorted(methods.items()):
        taken = list(inspect.signature(function).parameters.values())[1:]
        guessed = [
            [random.choice(likely) for _ in range(random.below(len(taken) + 1))]
            for _ in range(VARIANTS if taken else 1)
        ]
        made[name] = by_hand.get(name, guessed)
    return made
