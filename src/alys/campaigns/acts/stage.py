"""What a scene plays on: actors of its own beside everything else, time, chance, and somebody who says what was wrong."""

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from alys.actors.message import Message
from alys.actors.ref import Ref
from alys.actors.reply import Reply
from alys.actors.supervision import ChildSpec, Intensity, Restart, Strategy
from alys.actors.supervisor import Supervisor
from alys.actors.system import System
from alys.base.prng import Random
from alys.campaigns.acts.cast import Diary, Entry, Player
from alys.oracles.broken import Broken

T = TypeVar("T")

MOMENT = 0.001
"""Node seconds after which everything that needs no time has happened: time does not move before."""
EXACT = 1e-4
"""Node seconds by which two times that are said to be equal may differ: a double holds the epoch to a microsecond."""
OFTEN = Intensity(restarts=1000, period_seconds=1.0)


class Ground(Protocol):
    """What the storm needs of a world."""

    system: System


class Stage:
    """Of one scene. Its actors stand side by side, with names that begin with the scene's."""

    def __init__(
        self, system: System, random: Random, name: str, diary: Diary, family: str = "storm"
    ) -> None:
        """``family`` is what the names of its expectations begin with."""
        self.system = system
        self.random = random
        self.diary = diary
        #: How often each expectation was looked at.
        self.samples: dict[str, int] = {}
        #: Of the scene.
        self.name = name
        self._family = family
        self._roots: list[Ref] = []

    # Actors

    def named(self, name: str) -> str:
        """A name that nobody else has: who has it is found by it in the diary."""
        return f"{self.name}-{name}"

    def spec(self, name: str, *, closed: bool = False, **more: Any) -> ChildSpec:
        """Of a test actor; ``more`` are fields of the spec."""
        who, diary = self.named(name), self.diary

        def make() -> Player:
            return Player(who, diary, closed=closed)

        return ChildSpec(name=who, factory=make, **more)

    def above(
        self,
        name: str,
        children: Sequence[ChildSpec],
        *,
        intensity: Intensity = OFTEN,
        strategy: Strategy = Strategy.ONE_FOR_ONE,
        **more: Any,
    ) -> ChildSpec:
        """Of a supervisor over these."""
        return ChildSpec(
            name=self.named(name),
            factory=lambda: Supervisor(children, intensity, strategy),
            supervisor=True,
            **more,
        )

    async def up(self, *specs: ChildSpec) -> list[Ref]:
        """Start them under a supervisor of their own that nobody starts again; the refs, when all run."""
        number = len(self._roots)
        top = self.above(f"top{number}", specs, restart=Restart.TEMPORARY)
        self._roots.append(self.system.spawn(top))
        await self.moment()
        return [self.find(spec.name) for spec in specs]

    async def players(self, *names: str, **more: Any) -> list[Ref]:
        """Start test actors side by side."""
        return await self.up(*(self.spec(name, **more) for name in names))

    def find(self, name: str) -> Ref:
        """The living actor that has this full name."""
        found = self.living(name)
        if found is None:
            raise Broken(f"{self._family}/started", f"{name} does not run")
        return found

    def living(self, name: str) -> Ref | None:
        """The same, or None."""
        todo = [root.cell for root in self._roots]
        while todo:
            cell = todo.pop()
            if cell.status.value == "stopped":
                continue
            if cell.spec.name == name:
                found: Ref = cell
                return found
            if cell.has_children:
                todo.extend(cell.family.living())
        return None

    def tell(self, ref: Ref, *messages: Message, about: str | None = None) -> None:
        """From outside, one after the other."""
        for message in messages:
            self.system.tell(ref, message, about)

    # Time

    def now(self) -> float:
        """Node time."""
        return self.system.dispatcher.now()

    async def sleep(self, seconds: float) -> None:
        """Let node time pass."""
        await self.system.sleep(seconds)

    async def moment(self) -> None:
        """Let everything happen that needs no time."""
        await self.system.sleep(MOMENT)

    # Judgement

    def expect(self, what: str, seen: object, due: object, sentence: str) -> None:
        """Raises Broken when they differ."""
        name = f"{self._family}/{what}"
        self.samples[name] = self.samples.get(name, 0) + 1
        if seen != due:
            raise Broken(name, f"{self.name}: {sentence}", seen=seen, due=due)

    def expect_time(self, what: str, seen: float, due: float, sentence: str) -> None:
        """Raises Broken when they are not equal as times are."""
        within = abs(seen - due) <= EXACT
        self.expect(what, due if within else round(seen, 4), due, sentence)

    def said(self, ref: Ref) -> tuple[int, ...]:
        """The numbers that an actor has noted."""
        return self.diary.numbers(ref.name, "said")

    def of(self, ref: Ref, *what: str) -> list[Entry]:
        """Its lines in the diary."""
        return self.diary.of(ref.name, *what)

    # End

    def clear(self) -> list[Reply[str]]:
        """Stop whoever is still there."""
        return [self.system.stop(root) for root in reversed(self._roots)]
