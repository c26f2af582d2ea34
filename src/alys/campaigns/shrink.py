"""Makes a failing plan small: fewer faults, then less work, then a simpler schedule, and it still fails for the same reason.

Theory of operation. Orders and work are lists of which a part is enough. *Delta debugging* finds it: try halves, then what is
left without one half, then quarters, and so on until nothing can be left out by itself (Zeller and Hildebrandt, "Simplifying and
Isolating Failure-Inducing Input", IEEE Transactions on Software Engineering 28(2), 2002: the algorithm ddmin, whose result is
*1-minimal*). What remains is then made simpler piece by piece. Each round may open the door for another, so rounds follow until one
changes nothing.

Whether a plan fails is asked of a function, which must always answer the same. Nothing here is left to chance: equal plans and
answers give the same small plan. Every plan is asked about once.
"""

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import TypeVar

import msgspec

from alys.base.errors import UsageError
from alys.campaigns import plan as plans
from alys.campaigns import simpler
from alys.campaigns.plan import Order, Plan, Schedule, Work

T = TypeVar("T")

Fails = Callable[[Plan], bool]
"""Whether a plan fails, and for the same reason as the one that is to be shrunk."""

PICKS_MAX = 200
"""A recorded schedule longer than this is no help to a reader: a seed says the same in a word."""


class DoesNotFail(UsageError):
    """The plan that was to be shrunk does not fail: there is nothing to keep while it gets smaller."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """How far it is, after a run."""

    phase: str
    """``orders``, ``work``, ``schedule``, ``simpler faults``, ``simpler work`` or ``world``."""
    runs: int
    orders: int
    work: int


class Shrunk(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    plan: Plan
    before: Plan
    runs: int
    """Different plans that were asked about."""
    minimal: bool
    """Whether it ended by itself: nothing can be left out any more. Else the budget was used up."""


class _Spent(Exception):
    """No run is left."""


class _Search:
    """The smallest plan so far that fails, and what was asked already."""

    def __init__(
        self,
        plan: Plan,
        fails: Fails,
        budget_runs: int,
        spent: Callable[[], bool],
        progress: Callable[[Step], object],
    ) -> None:
        self.plan = plan
        self.phase = "given"
        self.runs = 0
        self._fails = fails
        self._budget = budget_runs
        self._spent = spent
        self._progress = progress
        self._known: dict[str, bool] = {}

    def ask(self, candidate: Plan) -> bool:
        """Whether it fails; raises _Spent where that would cost a run that is not left."""
        key = plans.encode(candidate)
        if key not in self._known:
            if self.runs and (self.runs >= self._budget or self._spent()):
                raise _Spent
            self.runs += 1
            self._known[key] = self._fails(candidate)
            self._tell()
        return self._known[key]

    def take(self, candidate: Plan) -> bool:
        """Whether it fails; then it is the smallest so far."""
        fails = self.ask(candidate)
        if fails:
            self.plan = candidate
        return fails

    def _tell(self) -> None:
        orders, work = len(self.plan.orders), len(self.plan.work)
        self._progress(Step(phase=self.phase, runs=self.runs, orders=orders, work=work))

    def first(self, candidates: Iterable[Plan]) -> bool:
        """Take the first that fails."""
        return any(self.take(candidate) for candidate in candidates)


def shrink(
    plan: Plan,
    fails: Fails,
    *,
    budget_runs: int = 400,
    spent: Callable[[], bool] = lambda: False,
    bitten: Collection[int] | None = None,
    picks_of: Callable[[Plan], Sequence[int]] | None = None,
    progress: Callable[[Step], object] = lambda _: None,
) -> Shrunk:
    """A plan that fails as the given one does, and of which nothing can be left out.

    ``spent`` says before each run whether something else than runs is used up: the caller's time.
    ``bitten`` are the numbers of the orders that came to their moment, where that is known: the rest is tried without at once.
    ``picks_of`` gives the schedule of a run as it was recorded, to be cut to what matters of it. Raises DoesNotFail.
    """
    search = _Search(plan, fails, budget_runs, spent, progress)
    try:
        if not search.take(plan):
            raise DoesNotFail("the plan does not fail: nothing to shrink")
        if bitten is not None:
            search.phase = "orders"
            search.take(_with_orders(plan, [one for one in plan.orders if one.number in bitten]))
        minimal = _rounds(search, picks_of)
    except _Spent:
        minimal = False
    return Shrunk(plan=search.plan, before=plan, runs=search.runs, minimal=minimal)


def _rounds(search: _Search, picks_of: Callable[[Plan], Sequence[int]] | None) -> bool:
    """All passes, again and again, until a round changes nothing."""
    while True:
        before = search.plan
        _orders(search)
        _work(search)
        _schedule(search, picks_of)
        _simpler_faults(search)
        _simpler_work(search)
        _world(search)
        if search.plan == before:
            return True


# Fewer


def ddmin(items: Sequence[T], fails: Callable[[Sequence[T]], bool]) -> list[T]:
    """A 1-minimal part of the items with which it still fails; expects that it does with all of them."""
    if fails([]):
        return []
    rest, parts = list(items), 2
    while len(rest) > 1:
        cuts = [len(rest) * part // parts for part in range(parts + 1)]
        chunks = [rest[a:b] for a, b in itertools.pairwise(cuts)]
        others = [rest[:a] + rest[b:] for a, b in itertools.pairwise(cuts)]
        if (small := _first(chunks, fails)) is not None:
            rest, parts = small, 2
        elif (small := _first(others, fails)) is not None:
            rest, parts = small, max(parts - 1, 2)
        elif parts < len(rest):
            parts = min(2 * parts, len(rest))
        else:
            break
    return rest


def _first(candidates: Iterable[list[T]], fails: Callable[[Sequence[T]], bool]) -> list[T] | None:
    return next((candidate for candidate in candidates if fails(candidate)), None)


def _orders(search: _Search) -> None:
    search.phase = "orders"
    ddmin(search.plan.orders, lambda kept: search.take(_with_orders(search.plan, kept)))


def _work(search: _Search) -> None:
    search.phase = "work"
    ddmin(search.plan.work, lambda kept: search.take(_with_work(search.plan, kept)))


def _with_orders(plan: Plan, kept: Sequence[Order]) -> Plan:
    return msgspec.structs.replace(plan, orders=tuple(kept))


def _with_work(plan: Plan, kept: Sequence[Work]) -> Plan:
    return msgspec.structs.replace(plan, work=tuple(kept))


# Simpler


def _simpler_faults(search: _Search) -> None:
    search.phase = "simpler faults"
    for index in range(len(search.plan.orders)):
        while search.first(
            _with_orders(search.plan, _replaced(search.plan.orders, index, other))
            for other in simpler.orders(search.plan.orders[index])
        ):
            pass


def _simpler_work(search: _Search) -> None:
    search.phase = "simpler work"
    for index in range(len(search.plan.work)):
        while search.first(
            _with_work(search.plan, _replaced(search.plan.work, index, other))
            for other in simpler.work(search.plan.work[index])
        ):
            pass


def _world(search: _Search) -> None:
    search.phase = "world"
    search.first(simpler.nodes(search.plan))
    search.first(simpler.weathers(search.plan))


def _replaced(items: Sequence[T], index: int, other: T) -> list[T]:
    return [*items[:index], other, *items[index + 1 :]]


# The schedule


def _schedule(search: _Search, picks_of: Callable[[Plan], Sequence[int]] | None) -> None:
    search.phase = "schedule"
    if search.first(_with_schedules(search.plan, simpler.schedules(search.plan.schedule))):
        return
    if search.plan.schedule.kind == "replay":
        _fewer_picks(search, search.plan.schedule.picks)
    elif search.plan.schedule.kind != "round_robin" and picks_of is not None:
        _fewer_picks(search, picks_of(search.plan))


def _with_schedules(plan: Plan, schedules: Iterable[Schedule]) -> Iterator[Plan]:
    return (msgspec.structs.replace(plan, schedule=schedule) for schedule in schedules)


def _fewer_picks(search: _Search, picks: Sequence[int]) -> None:
    """The shortest beginning of a recorded schedule that is enough, and of it only the picks that matter: others take the oldest."""

    plan, least, enough = search.plan, 0, len(picks)
    while least < enough:
        middle = (least + enough) // 2
        if search.ask(_replaying(plan, picks[:middle])):
            enough = middle
        else:
            least = middle + 1
    if enough > PICKS_MAX or not search.take(_replaying(plan, picks[:enough])):
        return
    places = [place for place in range(enough) if picks[place]]
    ddmin(places, lambda kept: search.take(_replaying(plan, _only(picks[:enough], kept))))


def _replaying(plan: Plan, picks: Sequence[int]) -> Plan:
    schedule = Schedule(kind="replay", picks=tuple(picks))
    return msgspec.structs.replace(plan, schedule=schedule)


def _only(picks: Sequence[int], places: Sequence[int]) -> list[int]:
    kept = set(places)
    return [pick if place in kept else 0 for place, pick in enumerate(picks)]
