"""Turns times of orders into conditions: not "after 3.46 s" but "when the Bridge takes up the sixth block".

A time is true of one schedule only; a condition stays true when a message more is sent somewhere. What an order could wait for is
read off a run in which it struck at its time: the messages that were taken up shortly before, since those after it may be its own
doing. A condition with which the plan no longer fails is no good, so each is tried.
"""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from alys.campaigns.plan import At, On, Order, Plan

NEAR_S = 3.0
"""How long before the order's time a message may be, seconds."""
TELLING, NEAREST = 6, 3
"""Conditions that are tried for an order: so many that say most, and so many that are nearest to its time."""
DOMAINS = ("/bridge/", "/consensus/")
"""Actors whose messages are about the chain and the peg. Others come round again whatever happens."""
BEATS = frozenset({"CheckHealth"})
"""Messages that come by the clock to everybody: a condition on one is a time in disguise."""


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """An actor took up a message."""

    at: float
    """Node seconds since the weather began."""
    actor: str
    message: str


def conditions(
    plan: Plan,
    taken_in: Callable[[Plan], Sequence[Taken]],
    fails: Callable[[Plan], bool],
    home_of: Callable[[str], str] = lambda _: "",
) -> Plan:
    """The plan with as many conditions as it can have and still fail as it must; an order that finds none keeps its time.

    ``fails`` should want that each order bites: one that never came to its moment would be none of the reasons.
    ``taken_in`` gives what was taken up in a run of a plan, in order; ``home_of`` the path above all actors that a target is of, where
    it is of any.
    """
    for index, order in enumerate(plan.orders):
        if not isinstance(order.when, At):
            continue
        found = candidates(order.when.seconds, taken_in(plan), home_of(order.target))
        for when in found:
            changed = _with(plan, index, msgspec.structs.replace(order, when=when))
            if fails(changed):
                plan = changed
                break
    return plan


def candidates(seconds: float, taken: Sequence[Taken], home: str = "") -> list[On]:
    """What an order at that time could wait for: of each kind of message to each actor the last one before it.

    First those of actors at home, of these those that are about the chain, of these those that had come least often by then: the
    sixth block says more than the four-hundredth tick. Then some that are nearest in time, whatever they are.
    """
    nearest: dict[tuple[str, str], tuple[float, On]] = {}
    for one, on in _counted(taken):
        away = seconds - one.at
        if one.message not in BEATS and 0 <= away <= NEAR_S:
            nearest[one.actor, one.message] = (away, on)  # the last one is the nearest

    def telling(pair: tuple[float, On]) -> tuple[bool, bool, int, float]:
        away, on = pair
        about = any(domain in on.actor for domain in DOMAINS)
        return not _within(on.actor, home), not about, on.nth, away

    ranked = sorted(nearest.values(), key=telling)
    near = sorted(ranked[TELLING:], key=lambda pair: (not _within(pair[1].actor, home), pair[0]))
    return [on for _, on in (*ranked[:TELLING], *near[:NEAREST])]


def _counted(taken: Sequence[Taken]) -> Iterator[tuple[Taken, On]]:
    counts: dict[tuple[str, str], int] = {}
    for one in taken:
        key = (one.actor, one.message)
        counts[key] = counts.get(key, 0) + 1
        yield one, On(actor=one.actor, message=one.message, nth=counts[key])


def _within(actor: str, home: str) -> bool:
    return bool(home) and (actor == home or actor.startswith(f"{home}/"))


def _with(plan: Plan, index: int, order: Order) -> Plan:
    orders = (*plan.orders[:index], order, *plan.orders[index + 1 :])
    return msgspec.structs.replace(plan, orders=orders)
