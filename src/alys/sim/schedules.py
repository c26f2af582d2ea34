"""Schedules: which of the calls that are ready comes next.

The dispatcher keeps what is ready in a list and asks its schedule for each step: ``take(ready)`` removes one entry and
returns it. New entries come at the list's end; a schedule may keep the rest in an order of its own. A schedule belongs to one
run, since it remembers what it chose.

Which one to use. ``Uniform`` is the default: each order of what is ready at one moment comes with some seed. ``Pct`` lets one task
run far ahead of another, which takes uniform choice exponentially many seeds. ``RoundRobin`` is what a fair queue does
(asyncio's among them), a run without chance. ``Replay`` does what a ``Recording`` heard, so that a schedule can be cut smaller.
"""

from collections.abc import Callable, Sequence
from types import CoroutineType
from typing import Any, Protocol, TypeAlias

from alys.actors.activity import Activity
from alys.actors.ref import Ref
from alys.base.prng import Random, SeededRandom

Entry: TypeAlias = tuple[Any, Any]
"""What is ready: a call with its arguments, or None with a runnable that gets a turn."""

BATCH = 256
"""Numbers that are drawn at once; so drawing costs a tenth."""

PCT_DEPTH = 3
PCT_STEPS = 3_000
"""Choices that a run is expected to have (k of the paper) where nobody counted them: a campaign's run has about as many."""
PASSED_OVER_MAX = 1000
"""Choices of a strict schedule after which the oldest entry has its turn."""


class Schedule(Protocol):
    """See the module's docstring."""

    def take(self, ready: list[Entry]) -> Entry:
        """Remove one of the entries, of which there is at least one, and return it."""
        ...


ScheduleMaker: TypeAlias = Callable[[Random], Schedule]
"""Makes the schedule of one run from the run's own chance."""


class Uniform:
    """Any of them, each as likely as the others."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._numbers: list[int] = []

    def take(self, ready: list[Entry]) -> Entry:
        """The last entry takes the place of the one that is taken."""
        count = len(ready)
        if count > 1:
            numbers = self._numbers
            if not numbers:
                numbers += _draw(self._random, BATCH)
                numbers.reverse()
            index = (numbers.pop() * count) >> 64  # as ``Random.below`` does it
            last = ready.pop()
            if index == count - 1:
                return last
            entry = ready[index]
            ready[index] = last
            return entry
        return ready.pop()


class RoundRobin:
    """The oldest."""

    def take(self, ready: list[Entry]) -> Entry:
        """The first entry."""
        return ready.pop(0)


class Replay:
    """What was recorded: the age of the entry taken (0 is the oldest) at each step that had a choice; after that, the oldest.

    Where the run has become another one and there are fewer entries than the recorded age, the youngest is taken.
    """

    def __init__(self, picks: Sequence[int]) -> None:
        self._picks = picks
        #: Choices that the run has had so far.
        self.choices = 0
        #: Picks that named an entry which was not there.
        self.strayed = 0

    def take(self, ready: list[Entry]) -> Entry:
        """The recorded entry; all others keep the order of their age."""
        if len(ready) == 1:
            return ready.pop()
        number, self.choices = self.choices, self.choices + 1
        age = self._picks[number] if number < len(self._picks) else 0
        if age >= len(ready):
            self.strayed += 1
            age = len(ready) - 1
        return ready.pop(age)


class Pct:
    """Probabilistic concurrency testing: strict priorities that change at a few random moments.

    After Burckhardt, Kothari, Musuvathi and Nagarakatte, "A randomized scheduler with probabilistic guarantees of finding
    bugs" (ASPLOS 2010). Each task gets a random priority when it is first seen. The ready task of highest priority runs; at
    d - 1 moments, drawn beforehand from the k choices that the run is expected to have, the one that would run falls to a
    priority below all initial ones. A bug that needs d ordering constraints among n tasks is found with a probability of
    at least 1 / (n * k^(d-1)).

    Strict priorities let a task that spins (one that watches a dead actor again and again) starve the others for ever, so there
    is an end to it, as in the paper's own tool: while the oldest entry has been passed over ``PASSED_OVER_MAX`` times,
    whoever would run falls below all others.

    A task is an actor, a coroutine that the system drives, or else all calls of one function (the deadlines of asks). Steps
    count where there is a choice; calls of one task keep their order.
    """

    def __init__(self, random: Random, depth: int = PCT_DEPTH, steps: int = PCT_STEPS) -> None:
        if depth < 1 or steps < 1:
            raise ValueError(f"PCT needs a depth and steps of at least 1, not {depth} and {steps}")
        self._random = random
        self._depth = depth
        self._priorities: dict[object, int] = {}
        #: The choice at which a priority changes, and what it becomes; last first. The i-th point drawn gives priority i.
        self._changes = sorted(
            ((random.below(steps), number) for number in range(1, depth)), reverse=True
        )
        #: Choices that the run has had so far; the steps to expect in the next one.
        self.choices = 0
        #: The entry that has been ready for longest, and how often another was taken since it is that.
        self._oldest: Entry | None = None
        self._passed_over = 0
        self._lowest = 0

    def take(self, ready: list[Entry]) -> Entry:
        """The oldest entry of the task whose priority is highest."""
        if len(ready) == 1:
            return ready.pop()
        tasks = [_task_of(entry) for entry in ready]
        best = self._best(tasks)
        while self._changes and self.choices >= self._changes[-1][0]:
            self._priorities[tasks[best]] = self._changes.pop()[1]
            best = self._best(tasks)
        self.choices += 1
        if ready[0] is not self._oldest:
            self._oldest, self._passed_over = ready[0], 0
        while self._passed_over >= PASSED_OVER_MAX and best:
            self._lowest -= 1
            self._priorities[tasks[best]] = self._lowest
            best = self._best(tasks)
        self._passed_over += 1
        return ready.pop(best)

    def _best(self, tasks: list[object]) -> int:
        return max(range(len(tasks)), key=lambda index: (self._priority(tasks[index]), -index))

    def _priority(self, task: object) -> int:
        known = self._priorities.get(task)
        if known is None:
            known = self._priorities[task] = self._depth + self._random.bits()
        return known


class Recording:
    """Lets another schedule choose, and writes down what it chose: ``picks`` is what ``Replay`` wants."""

    def __init__(self, inner: Schedule) -> None:
        self.inner = inner
        #: The age of what was taken (0 is the oldest), at each step that had a choice.
        self.picks: list[int] = []
        self._by_age: list[Entry] = []

    def take(self, ready: list[Entry]) -> Entry:
        """What the other one takes."""
        by_age = self._by_age
        by_age += ready[
            len(by_age) :
        ]  # the inner one may have changed the order of those before, not of the new
        entry = self.inner.take(ready)
        age = next(age for age, one in enumerate(by_age) if one is entry)
        del by_age[age]
        if by_age:
            self.picks.append(age)
        return entry


def make(
    kind: str,
    random: Random,
    *,
    depth: int = PCT_DEPTH,
    steps: int = PCT_STEPS,
    picks: Sequence[int] = (),
) -> Schedule:
    """By its name: uniform, pct (with ``depth`` and ``steps``), round_robin or replay (of ``picks``). Raises ValueError."""
    match kind:
        case "uniform":
            return Uniform(random)
        case "pct":
            return Pct(random, depth, steps)
        case "round_robin":
            return RoundRobin()
        case "replay":
            return Replay(picks)
        case _:
            known = "uniform, pct, round_robin, replay"
            raise ValueError(f"no schedule is called {kind!r}; there are {known}")


def _draw(random: Random, count: int) -> list[int]:
    if isinstance(random, SeededRandom):
        return random.batch(count)
    return [random.bits() for _ in range(count)]


def _task_of(entry: Entry) -> object:
    """Whose step it is; hashable, and the same for all steps of one task."""
    call, rest = entry
    if call is None:
        return rest
    if rest and isinstance(rest[0], CoroutineType):
        return rest[0]
    owner = getattr(call, "__self__", None)
    held = getattr(owner, "held", None)  # a timer's call
    if held is not None:
        call, owner = held, getattr(held, "__self__", None)
    if isinstance(owner, Activity):
        return owner.cell
    return owner if isinstance(owner, Ref) else call.__qualname__
