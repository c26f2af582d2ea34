"""The health score: one figure from 0 to 1 for a whole system.

Half of it is the share of messages that were handled without a failure, half the share of living actors that are healthy. It
is 0 where there is nothing to judge: without actors, or before the first message. A dead tree must never look perfect, and
neither must one that has done nothing yet.
"""

from collections.abc import Iterable

import msgspec

HEALTHY_SHARE = 0.95
"""An actor is healthy while it handles more than this share of its messages."""


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What the score looks at: one line of a reading."""

    active: int
    processed: int
    failed: int


def is_healthy(line: Judged) -> bool:
    """Whether a line speaks well; one that was never asked anything does."""
    seen = line.processed + line.failed
    return seen == 0 or line.processed / seen > HEALTHY_SHARE


def healthy_actors(lines: Iterable[Judged]) -> int:
    """How many living actors are healthy."""
    return sum(line.active for line in lines if is_healthy(line))


def score(lines: Iterable[Judged]) -> float:
    """The score; see the module's docstring."""
    judged = list(lines)
    active = sum(line.active for line in judged)
    processed = sum(line.processed for line in judged)
    seen = processed + sum(line.failed for line in judged)
    if active == 0 or seen == 0:
        return 0.0
    return (processed / seen + healthy_actors(judged) / active) / 2
