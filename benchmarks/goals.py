"""What is measured and what it must come to. A number without a goal is not here.

A goal is counted in Q where the machine should not matter (throughput: Q is the rate of asyncio's own queue, see
``yardstick``), and in microseconds, bytes or actors where it is what a user feels.
"""

import enum

import msgspec


class Sense(enum.Enum):
    """Which side of the goal is good."""

    AT_LEAST = "at least"
    AT_MOST = "at most"


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of one workload, and its bound."""

    name: str
    title: str
    how: str
    """What is done and timed, for the page."""
    unit: str
    """Of the figure itself."""
    sense: Sense
    target: float
    floor: float | None = None
    """Short of the target but still acceptable; only told, never counted as met."""
    in_queues: bool = False
    """The target is a multiple of Q, not of the unit."""


def _in_q(
    name: str, title: str, unit: str, target: float, how: str, floor: float | None = None
) -> Goal:
    return Goal(
        name=name,
        title=title,
        how=how,
        unit=unit,
        sense=Sense.AT_LEAST,
        target=target,
        floor=floor,
        in_queues=True,
    )


def _at_most(name: str, title: str, unit: str, target: float, how: str) -> Goal:
    return Goal(name=name, title=title, how=how, unit=unit, sense=Sense.AT_MOST, target=target)


_SPAWN = Goal(
    name="spawn",
    title="spawn, until running",
    how="children of one shared anonymous spec, from the first spawn until the last has answered; that all start "
    "hooks have run by then is checked in a pass of its own",
    unit="actors/s",
    sense=Sense.AT_LEAST,
    target=400_000,
)

_WORKLOADS = (
    _in_q(
        "tell",
        "tell, one actor to one",
        "messages/s",
        3.0,
        "one handler tells N messages, each built in the loop, to an actor that counts them; the mailbox's bound is "
        "N, so that nobody waits, as in Q; timed until an ask behind the last message is answered",
        floor=2.5,
    ),
    _in_q(
        "tell_outside",
        "tell, outside code to one actor",
        "messages/s",
        3.0,
        "the same, told by code outside the tree",
        floor=2.5,
    ),
    _in_q(
        "fan_in",
        "bounded fan-in, 8 senders to 1",
        "messages/s",
        3.0,
        "eight actors send to one whose mailbox holds 1,000 and lets senders wait (SUSPEND); the bound is checked at "
        "every message in a pass of its own, and a run that exceeds it fails",
    ),
    _at_most(
        "ask_task_p50",
        "ask from an asyncio task, p50",
        "us",
        1.3,
        "one ask after the other, each timed by itself, of an idle actor with a synchronous handler",
    ),
    _at_most("ask_task_p99", "ask from an asyncio task, p99", "us", 6.0, "the same asks"),
    _at_most(
        "ask_actor_p50",
        "ask of an idle actor from an actor, p50",
        "us",
        0.6,
        "an async handler awaits one ask after the other, each timed by itself",
    ),
    _in_q(
        "ping_pong",
        "ping-pong",
        "round trips/s",
        0.65,
        "two actors and one message at a time; a round trip is two messages",
    ),
    _in_q(
        "ring", "ring of 1,000 actors", "hops/s", 1.3, "one message that is told on by each actor"
    ),
    _in_q(
        "tell_async",
        "tell, async handler",
        "messages/s",
        1.2,
        "like the first, and the handler is a coroutine that never waits",
    ),
)

GOALS = (
    *_WORKLOADS,
    _SPAWN,
    _at_most(
        "idle_bytes",
        "memory of an idle actor",
        "B",
        450,
        "growth of the resident set of a fresh process by started actors, refs kept, garbage collected before and "
        "after, divided by their number",
    ),
    _at_most(
        "million_mb",
        "memory of a million idle actors",
        "MB",
        500,
        "the same growth by a million (10^6 bytes), in one pass",
    ),
    _at_most(
        "crash_p50",
        "crash to running again, p50",
        "us",
        8.0,
        "from the raise in a handler to the handler of the next message: the parent's decision with its intensity "
        "(never exceeded, counted over a millisecond), both hooks, a new instance",
    ),
    _at_most("crash_p99", "crash to running again, p99", "us", 20.0, "the same crashes"),
)

BY_NAME = {goal.name: goal for goal in GOALS}


def is_met(goal: Goal, value: float, ratio: float | None) -> bool:
    """Whether the figure reaches its target; the target itself counts as reached."""
    return _reaches(goal, goal.target, value, ratio)


def is_above_floor(goal: Goal, value: float, ratio: float | None) -> bool:
    """Whether the figure reaches its floor; without a floor there is nothing to fall back on."""
    return goal.floor is not None and _reaches(goal, goal.floor, value, ratio)


def headroom(goal: Goal, value: float, ratio: float | None) -> float:
    """How far the figure is from its target as a factor: 1 is just met, 2 is twice as good as it must be."""
    judged = _judged(goal, value, ratio)
    return judged / goal.target if goal.sense is Sense.AT_LEAST else goal.target / judged


def _reaches(goal: Goal, bound: float, value: float, ratio: float | None) -> bool:
    judged = _judged(goal, value, ratio)
    return judged >= bound if goal.sense is Sense.AT_LEAST else judged <= bound


def _judged(goal: Goal, value: float, ratio: float | None) -> float:
    """The number that the target is about."""
    if not goal.in_queues:
        return value
    if ratio is None:
        raise ValueError(f"{goal.name} is judged in Q, and no ratio was formed")
    return ratio
