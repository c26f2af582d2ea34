"""Slots: who may produce a block when, and how many must agree.

Time is cut into slots of equal length counted from the Unix epoch; slot ``s`` belongs to authority ``s mod n``. Arithmetic
is done in whole microseconds, so a slot shorter than a second works and a slot's own start never falls into the one before.
"""

_MICROSECONDS_PER_SECOND = 1_000_000
_MICROSECONDS_PER_MILLISECOND = 1_000


def slot_at(now_seconds: float, slot_duration_ms: int) -> int:
    """The slot that a moment (Unix seconds) lies in."""
    _require_positive("slot_duration_ms", slot_duration_ms)
    microseconds = round(now_seconds * _MICROSECONDS_PER_SECOND)
    return microseconds // (slot_duration_ms * _MICROSECONDS_PER_MILLISECOND)


def slot_start(slot: int, slot_duration_ms: int) -> float:
    """The first moment of a slot, in Unix seconds."""
    _require_positive("slot_duration_ms", slot_duration_ms)
    return slot * slot_duration_ms / 1_000


def author_index(slot: int, authorities: int) -> int:
    """The position, in the specification's list, of the authority whose turn a slot is."""
    _require_positive("authorities", authorities)
    return slot % authorities


def quorum(members: int) -> int:
    """How many of ``members`` make two thirds, rounded up: 1 of 1, 2 of 3, 3 of 4, 4 of 5."""
    _require_positive("members", members)
    return (2 * members + 2) // 3


def payload_timestamp(now_seconds: float, parent_timestamp: int) -> int:
    """The EVM timestamp of a new payload: whole seconds, and strictly after its parent's (domain 2.2)."""
    return max(int(now_seconds), parent_timestamp + 1)


def _require_positive(name: str, value: int) -> None:
    if value <= 0:
        raise ValueError(f"{name} must be positive, not {value}")
