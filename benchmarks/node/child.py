"""The process of the node as ``alys.worlds.child`` has it, which also writes down what it takes: ``python -m benchmarks.node.child``."""

import asyncio
import sys
from pathlib import Path

import msgspec
from typing_extensions import override

from alys.actors.metrics import Metrics
from alys.actors.observe import Observer, together
from alys.monitoring.catalogue import Family
from alys.shells.block_times import BlockTimes
from alys.worlds import child

FILE = "taken.json"
"""In the world's scratch folder."""
LOOK_SECONDS = 0.5


class Taken(msgspec.Struct, kw_only=True):
    """So far. Seconds by metric, and bytes."""

    seconds: dict[str, list[float]] = msgspec.field(default_factory=dict)
    largest_actor_bytes: list[int] = msgspec.field(default_factory=list)


class EachBlock(BlockTimes):
    """Keeps every sample."""

    def __init__(self, taken: Taken) -> None:
        super().__init__()
        self._taken = taken

    @override
    def took(self, family: Family, seconds: float) -> None:
        super().took(family, seconds)
        self._taken.seconds.setdefault(family.name, []).append(seconds)


class MeasuredNode(child.NodeWorld):
    """The node's side of a split world, measured."""

    taken: Taken

    @override
    def observer(self) -> Observer:
        self.taken = Taken()
        self._metrics_of_actors = Metrics()
        return together(super().observer(), EachBlock(self.taken), self._metrics_of_actors)

    @override
    async def start_node(self) -> None:
        await super().start_node()
        self._looking = asyncio.get_running_loop().create_task(self._look_into())

    async def _look_into(self) -> None:
        self.info.scratch.mkdir(parents=True, exist_ok=True)
        path = self.info.scratch / FILE
        while True:
            lines = self._metrics_of_actors.reading(self.system, memory=True)
            self.taken.largest_actor_bytes.append(max(line.memory_bytes for line in lines))
            _write(path, self.taken)
            await asyncio.sleep(LOOK_SECONDS)

    @override
    async def stop_services(self) -> None:
        self._looking.cancel()
        await super().stop_services()


def _write(path: Path, taken: Taken) -> None:
    """Whole or not at all: somebody reads it any time."""
    aside = path.with_suffix(".new")
    aside.write_bytes(msgspec.json.encode(taken))
    aside.replace(path)


if __name__ == "__main__":
    child.NodeWorld = MeasuredNode  # type: ignore[misc]  # the same process, measured
    sys.exit(child.main())
