"""One scenario under way: its world, its clock readings, and the coroutine that the driver runs."""

import re
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path

from alys.report import record
from alys.runner import outcomes
from alys.worlds import protocol

Clock = Callable[[], float]
Scenario = Callable[..., Coroutine[object, object, None]]


class Running:
    """Mutable, because a scenario passes through phases; ``record`` freezes it at the end."""

    def __init__(self, name: str, world: protocol.World) -> None:
        self.name = name
        self.world = world
        self.handle: protocol.Handle | None = None
        self.began: float | None = None
        self.ended: float | None = None
        self.node_began: float | None = None
        self.node_ended: float | None = None

    async def live(self, scenario: Scenario, arguments: dict[str, object], clock: Clock) -> None:
        """The whole life: open the world, run the scenario, close the world whatever happened.

        When closing fails after a failure, the first error stands and carries a note about the second.
        """
        __tracebackhide__ = True
        self.began = clock()
        try:
            await self._between(scenario, arguments)
        except BaseException as first:
            try:
                await self.world.close()
            except Exception as second:
                first.add_note(f"closing the world failed too: {type(second).__name__}: {second}")
            raise
        else:
            await self.world.close()
        finally:
            self.ended = clock()

    async def _between(self, scenario: Scenario, arguments: dict[str, object]) -> None:
        __tracebackhide__ = True
        await self.world.open()
        self.node_began = self.world.now()
        try:
            await scenario(**arguments)
        finally:
            self.node_ended = self.world.now()

    def record(self, judgement: outcomes.Judgement, now: float) -> record.CaseRecord:
        """The case as the report shows it; ``now`` is its end when it was cut off."""
        ended = now if self.ended is None else self.ended
        return case_record(
            self.name,
            judgement,
            duration_s=_span(self.began, ended) or 0.0,
            node_time_s=_span(self.node_began, self.node_ended),
            samples=self.world.samples,
            facts={**self.world.facts, **judgement.facts},
        )


def case_record(
    name: str,
    judgement: outcomes.Judgement,
    *,
    duration_s: float = 0.0,
    node_time_s: float | None = None,
    samples: int = 0,
    facts: Mapping[str, object] | None = None,
) -> record.CaseRecord:
    """A case from a judgement and the figures beside it; without figures, one that never began."""
    return record.CaseRecord(
        name=name,
        outcome=judgement.outcome,
        exit_code=int(judgement.exit_code),
        cause=judgement.cause,
        detail=judgement.detail,
        duration_s=round(duration_s, 6),
        node_time_s=None if node_time_s is None else round(node_time_s, 6),
        samples=samples,
        facts={name: record.plain(value) for name, value in (facts or judgement.facts).items()},
    )


def display_names(wanted: list[tuple[Path, str]]) -> list[str]:
    """A name for each scenario given by file and function, unique in the run and fit for a file name.

    ``test_`` is dropped; the file's name is put before names that would clash.
    """
    plain = [_clean(function.removeprefix("test_")) for _, function in wanted]
    names: list[str] = []
    for (file, _), name in zip(wanted, plain, strict=True):
        candidate = name if plain.count(name) == 1 else f"{_clean(file.stem)}.{name}"
        number = 2
        unique = candidate
        while unique in names:
            unique, number = f"{candidate}.{number}", number + 1
        names.append(unique)
    return names


def _clean(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.=-]+", "-", text).strip("-") or "scenario"


def _span(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else end - start
