"""Little worlds at random: a seed decides the tree, the rules of each actor, all that they do, and the schedule.

First trouble: actors talk, wait, fail, stop, restart, stand still and overflow (``wild``). Then the world heals: nobody
fails any more, who stood still goes on, and every letter is handled. Then the end. After each part the ``books`` must
balance. Run as a program it takes a seed, and writes the hash of the trace and then its lines.
"""

import asyncio
import itertools
import sys
from collections.abc import Callable
from typing import Any

from alys.actors.context import SENT, Context
from alys.actors.errors import ActorStopped, MailboxFull
from alys.actors.loop import LoopDispatcher, wait
from alys.actors.mailbox import Overflow
from alys.actors.ref import Ref
from alys.actors.reply import Reply
from alys.actors.state import Status
from alys.actors.supervision import Backoff, ChildSpec, Directive, Intensity, Restart, Strategy
from alys.actors.supervisor import Supervisor
from alys.actors.system import System
from alys.base.prng import SeededRandom
from alys.sim.dispatch import SimDispatcher
from alys.sim.trap import Trap
from alys.sim.waiting import reporter, run_to_end
from tests.actors.conformance import wild
from tests.actors.conformance.books import Books, FullBooks, TracedBooks
from tests.actors.stage import EPOCH, Boom

ROUNDS = 30
FUEL = 3
LIMIT_SECONDS = 10_000.0
HEAL_SECONDS = 30.0
"""Longer than any back-off, nap and timer of these worlds."""
ANSWER_SECONDS = 1.0
"""Within this every question to a healed world is answered, though nobody is idle for long."""
PATIENCE = 5_000
"""How often a world on a loop is looked at before it counts as stuck."""
OPERATIONS = (None, None, None, "op:1", "op:2")
LENIENT = Intensity(restarts=100_000, period_seconds=1.0)


class World:
    """One little world; see the module's docstring."""

    def __init__(self, system: System, books: Books, random: SeededRandom, scale: float) -> None:
        self.system = system
        self.books = books
        self.random = random
        #: How much faster than the wall node time runs: deadlines of asks are wall time.
        self.scale = scale
        self.calm = False
        #: The actor that lives, or lived last, at each path.
        self.refs: dict[str, Ref] = {}
        #: Numbers of letters that somebody has put aside.
        self.aside: set[int] = set()
        self._numbers = itertools.count(1)
        self._lives = itertools.count(1)
        self._busy: set[int] = set()
        self._last: dict[tuple[int, int, int], int] = {}

    # Chance

    def chance(self, one_in: int) -> bool:
        """Happens once in so many times."""
        return self.random.below(one_in) == 0

    def delay(self) -> float:
        """A short while."""
        return self.random.random() / 2

    def pick(self) -> Any:
        """What to do next."""
        return self.random.choice(wild.ACTS)

    def somebody(self) -> Ref:
        """Dead or alive."""
        return self.random.choice(list(self.refs.values()))

    def nap(self) -> Reply[None]:
        """A wait."""
        return self.system.sleep(self.delay())

    def perhaps_fail(self, where: str) -> None:
        """Fail, unless the world is healed."""
        if not self.calm and self.chance(25):
            self.books.probes[f"failed {where}"] += 1
            raise Boom(where)

    def next_life(self) -> int:
        """Tells instances apart."""
        return next(self._lives)

    # What must hold at every step

    def begin(self, ctx: Context) -> None:
        """A handler or hook begins: the only one of its actor."""
        uid = ctx.self.uid
        if uid in self._busy:
            self.books.wrong.append(f"{ctx.self} does two things at a time")
        self._busy.add(uid)

    def over(self, ctx: Context) -> None:
        """It is over."""
        self._busy.discard(ctx.self.uid)

    def check_order(self, message: Any, ctx: Context) -> None:
        """Letters of one sender in one lane come in the order in which they were sent."""
        key = (message.by, ctx.self.uid, int(message.priority))
        if self._last.get(key, 0) >= message.number:
            self.books.wrong.append(f"{message} came to {ctx.self} after {self._last[key]}")
        self._last[key] = message.number

    # Letters

    def number(self, account: set[int]) -> int:
        """The next number, entered into the account."""
        number = next(self._numbers)
        account.add(number)
        return number

    def tell(self, ctx: Context, ref: Ref, fuel: int) -> None:
        """Send a letter, unless the chain of letters is long enough; raises MailboxFull."""
        if fuel <= 0 or self.calm:
            return
        kind = self.random.choice([wild.Letter] * 6 + [wild.Urgent, wild.Trifle])
        letter, about = self._letter(kind, ctx, fuel, self.books.sure)
        ctx.tell(ref, letter, about)

    def try_to_tell(self, ctx: Context, fuel: int) -> None:
        """The same from where it must not fail, and even without fuel."""
        letter, about = self._letter(wild.Letter, ctx, fuel + 1, self.books.sure)
        try:
            ctx.tell(self.somebody(), letter, about)
        except MailboxFull:
            self.books.probes["tell: MailboxFull"] += 1

    def ask(self, ctx: Context, ref: Ref, fuel: int) -> Reply[int] | None:
        """Ask, with a deadline that is often too short; None when the chain is long enough."""
        if fuel <= 0 or self.calm:
            return None
        letter, about = self._letter(wild.Question, ctx, fuel, self.books.sure)
        reply: Reply[int] = ctx.ask(ref, letter, about, timeout=self.delay() / self.scale)
        self.books.asks.append(reply)
        return reply

    def send(self, ctx: Context, ref: Ref, fuel: int) -> Reply[None] | None:
        """Send with the will to wait; what has to be waited for, if anything."""
        if fuel <= 0 or self.calm:
            return None
        letter, about = self._letter(wild.Letter, ctx, fuel, set())
        try:
            turn = ctx.send(ref, letter, about)
        except MailboxFull:
            self.books.sure.add(letter.number)
            raise
        if isinstance(turn, Reply):
            self.books.turns.append((letter.number, turn))
            return turn
        assert turn is SENT
        self.books.sure.add(letter.number)
        return None

    def _letter(self, kind: Any, ctx: Context, fuel: int, account: set[int]) -> tuple[Any, Any]:
        about = self.random.choice(OPERATIONS)
        number = self.number(account)
        told = about if about is not None else ctx.correlation
        return kind(number=number, by=ctx.self.uid, about=told, fuel=fuel - 1), about

    # The tree

    def wild_spec(self, name: str, *, top: bool = False) -> ChildSpec:
        """An actor under rules of its own. One at the top seldom lets a failure of its own end the world."""
        pick = self.random.choice
        kind: Callable[[World], Any] = pick([wild.Wild, wild.Wild, wild.Mortal])
        directives: list[tuple[tuple[type[Exception], Directive], ...]] = [
            (),
            (),
            ((ValueError, Directive.RESUME), (KeyError, Directive.STOP)),
        ]
        if not top or self.chance(30):
            directives += [((ZeroDivisionError, Directive.ESCALATE),)]
        return ChildSpec(
            name=name,
            factory=lambda: kind(self),
            restart=pick([*[Restart.PERMANENT] * 4, Restart.TRANSIENT, Restart.TEMPORARY]),
            directives=pick(directives),
            backoff=Backoff(min_seconds=0.1, max_seconds=1.0, jitter=0.5)
            if self.chance(3)
            else None,
            shutdown_seconds=pick([0.0, 0.1, 0.2, 5.0]),
            mailbox_messages_max=pick([1, 2, 3, 5, 100]),
            mailbox_reserve=pick([0, 1, 8]),
            overflow=pick([*Overflow, Overflow.SUSPEND, Overflow.SUSPEND]),
            stash_messages_max=pick([0, 1, 10]),
            restart_messages_max=pick([0, 1, 100]),
            keep_children=self.chance(3),
        )

    def plant(self) -> None:
        """A supervisor with another one below it, and some actors below the root."""
        strategies = [self.random.choice([*Strategy]) for _ in range(2)]
        inner = ChildSpec(
            name="inner",
            factory=lambda: Supervisor(
                [self.wild_spec(f"i{n}") for n in range(2)],
                Intensity(restarts=3, period_seconds=1.0),
                strategies[1],
            ),
            supervisor=True,
        )
        specs = [self.wild_spec("s0"), inner, self.wild_spec("s1")]
        self.system.spawn(
            ChildSpec(name="outer", factory=lambda: Supervisor(specs, LENIENT, strategies[0]))
        )
        for n in range(3):
            self.system.spawn(self.wild_spec(f"w{n}", top=True))

    # The course of things

    async def trouble(self) -> None:
        """Letters and questions from outside, at random times."""
        outside = self.system.root.door()
        self.plant()
        await self.nap()
        for _ in range(ROUNDS):
            for _ in range(4):
                try:
                    if self.chance(2):
                        self.ask(outside, self.somebody(), FUEL)
                    else:
                        self.tell(outside, self.somebody(), FUEL)
                except MailboxFull:
                    self.books.probes["outside: MailboxFull"] += 1
            await self.system.sleep(self.delay() / 4)

    async def heal(self) -> None:
        """Nobody fails any more and nobody stands still: soon all is quiet, and every question is answered."""
        self.calm = True
        for cell in self.system.cells():
            self.system.resume(cell)
        await self.system.sleep(HEAL_SECONDS)
        await self.settle(self.unrest)
        self.books.balance()
        for ref in list(self.refs.values()):
            await self.interview(ref)
        await self.nap()  # what they had put aside is handled after the interview
        await self.settle(self.unanswered)

    async def settle(self, trouble: Callable[[], str]) -> None:
        """There is no trouble now; on a loop, where the machine may have been busy otherwise, soon."""
        for _ in range(PATIENCE if self.scale != 1.0 else 0):
            if not trouble():
                return
            await self.system.sleep(1.0)
        assert not trouble(), trouble()

    def unanswered(self) -> str:
        """What was asked in the time of trouble and never answered."""
        return ", ".join(
            f"{slot.request} to {slot.target}" for slot in self.books.asks if not slot.done
        )

    def unrest(self) -> str:
        """The first actor that does not rest, and why."""
        for cell in self.system.cells():
            timers = cell.belongings.timers if cell.belongings is not None else None
            facts = {
                "is not running": cell.status is not Status.RUNNING,
                "has something to do": bool(cell.activity or cell.control or cell.queued),
                "has mail": bool(cell.mailbox.count or cell.mailbox.line),
                "is or is not idle": cell.idle is not self.system.plain,
                "has a timer": timers is not None and timers.count > 0,
            }
            for what, true in facts.items():
                if true:
                    return f"{cell} {what}"
        return ""

    async def interview(self, ref: Ref) -> None:
        """One question after the trouble: answered in time, or refused at once by the dead."""
        begun = self.system.dispatcher.now()
        number = self.number(self.books.sure)
        letter = wild.Question(number=number, by=self.system.outside.uid)
        try:
            answer = await self.system.ask(ref, letter)
            assert answer == number, f"{ref} answered {answer} to {number}"
            self.books.probes["interviewed"] += 1
        except ActorStopped:
            assert ref.cell is None or ref.cell.is_stopped, f"{ref} refused to answer"
        if self.scale == 1.0:
            assert self.system.dispatcher.now() - begun <= ANSWER_SECONDS, ref

    async def play(self) -> None:
        """All but the end."""
        await self.trouble()
        self.books.balance()
        await self.heal()


def simulate(seed: int, books: Callable[[], Books] = FullBooks) -> Books:
    """One world from its seed to its end; raises where a promise is broken."""
    random = SeededRandom(seed)
    dispatcher = SimDispatcher(random.fork("schedule"), EPOCH, trap=Trap())
    return _run(dispatcher, random, books())


def trace(seed: int, sink: Callable[[str], object]) -> str:
    """The same with a trace; returns its hash."""
    random = SeededRandom(seed)
    dispatcher = SimDispatcher(random.fork("schedule"), EPOCH, trap=Trap())
    books = TracedBooks(dispatcher.now, sink)
    _run(dispatcher, random, books)
    return books.trace_hash


def _run(dispatcher: SimDispatcher, random: SeededRandom, books: Books) -> Books:
    system = System(dispatcher, random.fork("actors"), observer=books, intensity=LENIENT)
    dispatcher.report = reporter(system)
    world = World(system, books, random.fork("world"), 1.0)
    run_to_end(dispatcher, system, world.play(), LIMIT_SECONDS)
    dispatcher.result_of(system.shutdown(), LIMIT_SECONDS)
    dispatcher.run_until_idle()
    books.cells.append(system.root)
    books.nothing_is_left()
    books.counts_agree()
    armed = [timer._call for _, _, timer in dispatcher._timers if not timer.cancelled]
    assert armed == [], f"timers outlive the system: {armed}"
    return books


def on_a_loop(seed: int, books: Callable[[], Books] = Books, scale: float = 1000.0) -> Books:
    """One world on asyncio: as fast as it goes, in the order that the loop takes, in turns of few or many messages."""

    async def main() -> Books:
        loop = asyncio.get_running_loop()
        turn = (1, 2, 5, 128)[seed % 4]
        dispatcher = LoopDispatcher(loop, time_scale=scale, epoch=EPOCH, throughput=turn)
        random, kept = SeededRandom(seed), books()
        system = System(dispatcher, random.fork("actors"), observer=kept, intensity=LENIENT)
        world = World(system, kept, random.fork("world"), scale)
        if seed % 3:
            await asyncio.wait_for(world.play(), 20)
        else:
            await asyncio.wait_for(wait(system.drive(world.play())), 20)
        await asyncio.wait_for(wait(system.shutdown()), 20)
        kept.cells.append(system.root)
        kept.nothing_is_left()
        kept.counts_agree()
        assert len(asyncio.all_tasks()) == 1
        return kept

    return asyncio.run(main())


if __name__ == "__main__":
    lines: list[str] = []
    trace_hash = trace(int(sys.argv[1]), lines.append)
    sys.stdout.write("".join([trace_hash + "\n", *lines]))
