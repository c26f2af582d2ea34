"""Measures one system of actors for ``metrics_server``: the runtime's figures, what the node says of itself, limits, runs.

Give ``observer`` to the system that is measured (alone or in ``observe.together``), then ``scrape`` as often as you like. The
node is asked like by anybody else, with a short deadline: families of an actor that does not answer are absent from that scrape.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from typing_extensions import override

from alys.actors.errors import ActorError
from alys.actors.message import Request
from alys.actors.metrics import Metrics
from alys.actors.observe import Observer, together
from alys.actors.ref import Ref
from alys.actors.system import System
from alys.monitoring import catalogue, samples
from alys.monitoring.samples import ActorLine, Sample
from alys.node.messages import GetStatus
from alys.node.operations import IncidentKind, ListOperations, PeginState, PegoutState
from alys.node.stream import GetStreamStatus
from alys.shells import process_limits, run_results
from alys.shells.block_times import BlockTimes

ANSWER_SECONDS = 2.0
"""Wall time that an actor has to answer; a scrape must be over long before Prometheus gives up (10 s)."""

_STATES = [
    *(("pegin", state.value) for state in PeginState),
    *(("pegout", state.value) for state in PegoutState),
]


class TurnTimes(Observer):
    """Keeps how long messages take, from the turns of all actors."""

    def __init__(self) -> None:
        self.histogram = samples.Histogram(catalogue.PROCESSING_DURATION)

    @override
    def turn(self, actor: Ref, handled: int, seconds: float, queued: int) -> None:
        if handled:
            self.histogram.observe(seconds / handled, handled)


async def process_alone() -> list[Sample]:
    """What a process without actors exports, besides its own figures: its limits."""
    return samples.of_limits(
        memory_bytes=process_limits.memory_bytes(), cpu_cores=process_limits.cpu_cores()
    )


class MetricsSource:
    """See the module's docstring."""

    def __init__(self, *, tree: str | None = None, results: Path | None = None) -> None:
        """``tree`` is the first step of the node's registered names, ``results`` the folder of runs' results."""
        self._tree = tree
        self._results = results
        self._metrics = Metrics()
        self._times = TurnTimes()
        self._blocks = BlockTimes()
        #: Must hear of everything in the system that is measured.
        self.observer: Observer = together(self._metrics, self._times, self._blocks)
        self._system: System | None = None
        self._started = 0.0

    def attach(self, system: System) -> None:
        """Measure this system; it was made with ``observer``."""
        self._system = system
        self._started = system.dispatcher.wall()

    async def scrape(self) -> list[Sample]:
        """Everything, now."""
        lines: list[ActorLine] = []
        uptime = 0.0
        node: list[Sample] = []
        if self._system is not None:
            node = await self._node(self._system)
            uptime = self._system.dispatcher.wall() - self._started
            lines = self._lines(self._system)
        return [
            *samples.of_actors(lines, uptime),
            self._times.histogram.sample(),
            *self._blocks.samples(),
            *node,
            *await process_alone(),
            *(run_results.last_runs(self._results) if self._results is not None else ()),
        ]

    def _lines(self, system: System) -> list[ActorLine]:
        return [
            ActorLine(
                path=line.path,
                active=line.active,
                processed=line.messages_processed,
                failed=line.failures,
                seconds=line.handling_seconds,
                mailbox=line.mailbox_messages,
                restarts=line.restarts,
                dropped=line.dropped,
                dead_letters=line.dead_letters,
                memory_bytes=line.memory_bytes,
            )
            for line in self._metrics.reading(system, memory=True)
        ]

    async def _node(self, system: System) -> list[Sample]:
        if self._tree is None:
            return []
        questions: tuple[tuple[str, Request[Any], Callable[[Any], list[Sample]]], ...] = (
            ("chain", GetStatus(), _of_chain),
            ("stream", GetStreamStatus(), _of_streams),
            ("bridge", ListOperations(), _of_bridge),
        )
        found = await asyncio.gather(
            *(self._answer(system, actor, asked, show) for actor, asked, show in questions)
        )
        return [sample for answer in found for sample in answer]

    async def _answer(
        self,
        system: System,
        actor: str,
        request: Request[Any],
        show: Callable[[Any], list[Sample]],
    ) -> list[Sample]:
        ref = system.whereis(f"{self._tree}/{actor}")
        if ref.cell is None:
            return []  # asking nobody would leave a dead letter at every scrape
        try:
            return show(await system.ask(ref, request, timeout=ANSWER_SECONDS))
        except ActorError:
            return []


def _of_chain(status: Any) -> list[Sample]:
    return samples.of_chain(
        height=status.height,
        finalised_height=status.finalised_height,
        active=status.state == "active",
        minted=status.minted,
    )


def _of_streams(views: Sequence[Any]) -> list[Sample]:
    found: list[Sample] = []
    for view in views:
        found += samples.of_governance(
            str(view.endpoint),
            registered=view.state == "ready",
            queued=view.queued,
            dropped=view.dropped,
            failures=view.attempts,
        )
    return found


def _of_bridge(views: Sequence[Any]) -> list[Sample]:
    counts = Counter((view.kind, view.state) for view in views)
    open_now = Counter(kind for view in views for kind in view.incidents)
    return [
        *samples.of_operations({state: counts[state] for state in _STATES}),
        *samples.of_incidents({kind.value: open_now[kind.value] for kind in IncidentKind}),
    ]
