"""A pool of workers behind one address, which starts no more than so many jobs per second. Run it with

python examples/actors/pool.py
"""

import asyncio
from collections import deque

from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.errors import AskFailed
from alys.actors.loop import LoopDispatcher
from alys.actors.message import Message, Request
from alys.actors.promise import Promise
from alys.actors.ref import Ref
from alys.actors.supervision import ChildSpec, Intensity
from alys.actors.supervisor import DynamicSupervisor, StartChild
from alys.actors.system import System
from alys.base.prng import SeededRandom


class Parse(Request[int], frozen=True, kw_only=True):
    """What number is this? Whoever asks gets an int, and the type checker knows it."""

    text: str


class Job(Message, frozen=True, kw_only=True):
    """One request on its way to a worker, with the answer that is owed."""

    text: str
    answer: Promise


class NextSlot(Message, frozen=True, kw_only=True):
    """Another job may start."""


class Worker(Actor):
    """Does not guard against bad input: it crashes, and a fresh one takes the next job."""

    def on_job(self, message: Job, ctx: Context) -> None:
        """Do it."""
        message.answer.complete(int(message.text))

    @override
    def pre_restart(self, error: BaseException, message: Message | None, ctx: Context) -> None:
        """Tell whoever waits for the job that failed."""
        if isinstance(message, Job):
            message.answer.fail(AskFailed(ctx.self.path, "Parse", error))


class Pool(Actor):
    """Hands the jobs round, in the order in which they came, no more than ``per_second``."""

    def __init__(self, workers: int, per_second: float) -> None:
        self.count = workers
        self.pause_seconds = 1 / per_second
        self.pausing = False
        self.waiting: deque[Job] = deque()
        self.workers: deque[Ref] = deque()

    @override
    async def on_start(self, ctx: Context) -> None:
        """Start the workers, below a supervisor that may restart ten of them per second."""
        many = Intensity(restarts=10, period_seconds=1.0)
        supervisor = ctx.spawn(
            ChildSpec(
                name="workers",
                factory=lambda: DynamicSupervisor(ChildSpec(factory=Worker), many),
                supervisor=True,
            )
        )
        for number in range(self.count):
            self.workers.append(await ctx.ask(supervisor, StartChild(name=f"worker{number}")))

    def on_parse(self, message: Parse, ctx: Context) -> None:
        """Queue it; the answer comes from a worker, later."""
        self.waiting.append(Job(text=message.text, answer=ctx.defer()))
        self.start_one(ctx)

    def on_next_slot(self, message: NextSlot, ctx: Context) -> None:
        """Go on."""
        self.pausing = False
        self.start_one(ctx)

    def start_one(self, ctx: Context) -> None:
        """Give the next job to the next worker, unless it is too early."""
        if self.waiting and not self.pausing:
            ctx.tell(self.workers[0], self.waiting.popleft())
            self.workers.rotate(-1)
            self.pausing = True
            ctx.after(self.pause_seconds, NextSlot())


async def main() -> None:
    """Four questions at once, one of them a bad one."""
    system = System(LoopDispatcher(asyncio.get_running_loop()), SeededRandom(1))
    pool = system.spawn(ChildSpec(name="pool", factory=lambda: Pool(workers=2, per_second=50)))
    texts = ("1", "2", "three", "4")
    replies = [system.ask(pool, Parse(text=text)) for text in texts]
    for text, reply in zip(texts, replies, strict=True):
        try:
            print(f"{text}: {await reply}")
        except AskFailed as failure:
            print(f"{text}: {failure}")
    for path, status, incarnation in system.tree():
        print(f"{path} is {status}, restarts: {incarnation}")
    print(await system.shutdown())


if __name__ == "__main__":
    asyncio.run(main())
