"""What is simpler than an order, a piece of work or a plan: candidates for shrinking, the simplest first.

Each is strictly simpler than what it was made of, so that who takes them one after the other comes to an end. None is
promised to be of any use; a candidate that the vocabulary of faults refuses is left out.
"""

import math
import re
from collections.abc import Iterator

import msgspec

from alys.base.trouble import DISK, NODE, WIRE, WIRES, AnyTrouble, Partition, service_of
from alys.campaigns.plan import (
    Announce,
    At,
    Burn,
    Forgery,
    On,
    Order,
    Plan,
    Schedule,
    Transfer,
    Work,
)

NUMBERS = (1.0, 2.0, 5.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
"""What numbers are brought to, where that is less: seconds, milliseconds, counts. In the order of trial."""

_LESS = frozenset(
    {"duration_s", "down_s", "seconds", "ms", "jitter_ms", "depth", "times", "after_bytes"}
)
"""Fields of faults that are simpler when they are nearer to zero."""
_WORDS: dict[str, tuple[str, ...]] = {"disk": ("kept", "lost", "torn")}
"""Fields with words in the order of simplicity."""
_NODE_IN_PATH = re.compile(r"/node-(\d)(?:/|$)")
_ALWAYS = "rate"
"""The field that is simplest at 1: then nothing is left to chance."""


def orders(order: Order) -> Iterator[Order]:
    """A milder fault, then a rounder time or an earlier count."""
    for fault in faults(order.fault):
        yield msgspec.structs.replace(order, fault=fault)
    match order.when:
        case At(seconds=at):
            for seconds in _rounder(at):
                yield msgspec.structs.replace(order, when=At(seconds=seconds))
        case On(nth=nth):
            for fewer in dict.fromkeys((1, nth // 2, nth - 1)):
                if 1 <= fewer < nth:
                    when = msgspec.structs.replace(order.when, nth=fewer)
                    yield msgspec.structs.replace(order, when=when)


def faults(fault: AnyTrouble) -> Iterator[AnyTrouble]:
    """The same kind, with one of its fields simpler."""
    for field in msgspec.structs.fields(type(fault)):
        for value in _values(field.name, getattr(fault, field.name), field.default):
            made = msgspec.to_builtins(fault) | {field.encode_name: value}
            try:
                yield msgspec.convert(made, type(fault))
            except msgspec.ValidationError:
                continue


def _values(name: str, value: object, default: object) -> Iterator[object]:
    if isinstance(value, bool):
        if value and default is False:
            yield False
    elif isinstance(value, int | float):
        if name == _ALWAYS and value < 1:
            yield 1.0
        elif name in _LESS:
            if default == 0 and value:
                yield default
            yield from _less(value)
    elif isinstance(value, str) and value in (words := _WORDS.get(name, ())):
        yield from words[: words.index(value)]


def _less(value: float) -> Iterator[float]:
    """Nearer to zero, on the same side of it."""
    size = abs(value)
    less = [number for number in NUMBERS if number < size]
    if size > math.floor(size) > 0:
        less.append(float(math.floor(size)))
    for number in dict.fromkeys(less):
        signed = math.copysign(number, value)
        yield int(signed) if isinstance(value, int) else signed


def _rounder(seconds: float) -> Iterator[float]:
    """Whole seconds and tenths, on either side."""
    for digits in (0, 1):
        scale = 10**digits
        for rounded in (math.floor(seconds * scale) / scale, math.ceil(seconds * scale) / scale):
            if round(seconds, digits) != seconds:
                yield rounded


def work(piece: Work) -> Iterator[Work]:
    """Well-formed instead of odd, and at a rounder time."""
    if getattr(piece, "form", "good") != "good":
        yield msgspec.structs.replace(piece, form="good")
    for at in _rounder(piece.at):
        yield msgspec.structs.replace(piece, at=at)


def nodes(plan: Plan) -> Iterator[Plan]:
    """With fewer whole nodes, where nothing of the plan is about those that go."""
    needed = max(
        [1, *(_least(order) for order in plan.orders), *(_host(piece) for piece in plan.work)]
    )
    for count in range(needed, plan.nodes):
        yield msgspec.structs.replace(plan, nodes=count)


def _least(order: Order) -> int:
    """How many whole nodes there must be for an order to mean what it says."""
    service, target = service_of(order.target), order.target
    if isinstance(order.fault, Partition):
        least = 1 + max((node for group in order.fault.groups for node in group), default=1)
    elif service in (NODE, DISK, WIRE):
        least = 1 + max(int(word) for word in target.split("-")[1:])
    else:
        least = 2 if service == WIRES else 1
    paths = [target, order.when.actor if isinstance(order.when, On) else ""]
    named = [int(number) for path in paths for number in _NODE_IN_PATH.findall(path)]
    return max([least, *(number + 1 for number in named)])


def _host(piece: Work) -> int:
    """How many whole nodes there must be for a piece of work: who pays has coins at the execution client of that number."""
    match piece:
        case (
            Burn(user=number) | Transfer(user=number) | Announce(node=number) | Forgery(node=number)
        ):
            return 1 + number
        case _:
            return 1


def weathers(plan: Plan) -> Iterator[Plan]:
    """Shorter weather: just long enough for what has a time, or half as long."""
    times = [order.when.seconds for order in plan.orders if isinstance(order.when, At)]
    needed = float(math.ceil(max([0.0, *times, *(piece.at for piece in plan.work)]) + 1))
    for seconds in dict.fromkeys((needed, float(math.ceil(max(needed, plan.weather_s / 2))))):
        if seconds < plan.weather_s:
            yield msgspec.structs.replace(plan, weather_s=seconds)


def schedules(schedule: Schedule) -> Iterator[Schedule]:
    """Without chance; with fewer changes of priority."""
    if schedule.kind != "round_robin":
        yield Schedule(kind="round_robin")
    if schedule.kind == "pct":
        for depth in range(1, schedule.depth):
            yield msgspec.structs.replace(schedule, depth=depth)
