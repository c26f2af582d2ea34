"""Actors that do at random whatever actors may do, and see whether the runtime keeps its promises meanwhile.

Every letter says who sent it, about what, and as which number; so each handler can tell whether it was told the truth.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from alys.actors.actor import Actor, Terminated
from alys.actors.context import Context
from alys.actors.errors import ActorError, BadSpec, MailboxFull, StashFull
from alys.actors.message import Message, PoisonPill, Priority, ReceiveTimeout, Request
from alys.actors.promise import Promise
from alys.actors.ref import Ref
from tests.actors.conformance.books import HANDLED
from tests.actors.stage import Boom

if TYPE_CHECKING:
    from tests.actors.conformance.soak import World


class Letter(Message, frozen=True, kw_only=True):
    """Do something."""

    number: int
    by: int
    """The uid of the sender."""
    about: str | None = None
    fuel: int = 0
    """How many letters may still follow from this one."""


class Urgent(Letter, frozen=True, kw_only=True):
    """The same in a higher lane."""

    priority = Priority.HIGH


class Trifle(Letter, frozen=True, kw_only=True):
    """The same in the lowest lane."""

    priority = Priority.BACKGROUND


class Tick(Letter, frozen=True, kw_only=True):
    """What a timer says."""

    life: int
    """Which instance armed it."""


class News(Letter, frozen=True, kw_only=True):
    """What a watcher wants to be told instead of Terminated."""

    ref: Any


class Question(Request[int], frozen=True, kw_only=True):
    """A letter that is answered with its number."""

    number: int
    by: int
    about: str | None = None
    fuel: int = 0


AnyLetter = Letter | Urgent | Trifle | Tick | News | Question

ASIDE = object()
"""What an act returns when the letter was put aside and is therefore not handled yet."""


class Mortal(Actor):
    """Has no handler for news of a death."""

    def __init__(self, world: "World") -> None:
        world.perhaps_fail("in its factory")
        self.world = world
        self.life = world.next_life()
        self.promises: list[Promise] = []
        self.watched: set[Ref] = set()
        self.put_aside: set[int] = set()
        #: Whether the order of its letters is still the one in which they came.
        self.in_order = True

    # Hooks

    @override
    def on_start(self, ctx: Context) -> Any:
        """Say who one is; sometimes slow, sometimes in vain."""
        self.world.refs[ctx.self.path] = ctx.self
        return self.hook(ctx, "on_start")

    @override
    def pre_restart(self, error: BaseException, message: Message | None, ctx: Context) -> Any:
        """Leave a timer behind, which nobody must hear of."""
        if self.world.chance(8):
            arm(self, None, ctx)
        return self.hook(ctx, "pre_restart")

    @override
    def post_stop(self, ctx: Context) -> Any:
        """Say goodbye."""
        if self.world.chance(8):
            self.world.try_to_tell(ctx, 0)
        return self.hook(ctx, "post_stop")

    def hook(self, ctx: Context, name: str) -> Any:
        """Fail at times, wait at times."""
        world = self.world
        world.begin(ctx)
        try:
            world.perhaps_fail(f"in {name}")
        finally:
            world.over(ctx)
        return self.slow_hook(ctx, name) if world.chance(8) else None

    async def slow_hook(self, ctx: Context, name: str) -> None:
        """Wait, and then fail at times."""
        self.world.begin(ctx)
        try:
            await self.world.nap()
            self.world.perhaps_fail(f"late in {name}")
        finally:
            self.world.over(ctx)

    # Handlers

    def on_letter(self, message: AnyLetter, ctx: Context) -> Any:
        """Do something, at once or slowly."""
        world = self.world
        self.check(message, ctx)
        if isinstance(message, News) and message.number not in world.aside:
            self.hear(message.ref, ctx)
        known = message.number in world.aside or isinstance(message, Tick | News)
        if self.in_order and not known:
            world.check_order(message, ctx)
        if world.calm:
            ctx.unstash()
            for promise in self.promises:
                promise.complete(-1)
            return self.done(message, ctx, message.number)
        act = world.pick()
        if act in SLOW:
            return self.slowly(act, message, ctx)
        world.begin(ctx)
        try:
            value = act(self, message, ctx)
        finally:
            world.over(ctx)
        return value if value is ASIDE else self.done(message, ctx, value)

    async def slowly(self, act: Any, message: Any, ctx: Context) -> Any:
        """The same for what waits."""
        self.world.begin(ctx)
        try:
            value = await act(self, message, ctx)
        finally:
            self.world.over(ctx)
        self.check(message, ctx)
        return value if value is ASIDE else self.done(message, ctx, value)

    def on_receive_timeout(self, message: ReceiveTimeout, ctx: Context) -> None:
        """Once is enough."""
        ctx.receive_timeout(None)
        self.world.books.probes["receive timeout"] += 1
        self.world.books.handled_by[ctx.self.uid] += 1

    def done(self, message: Any, ctx: Context, value: Any) -> Any:
        """The letter is handled."""
        self.world.books.end(message, HANDLED)
        self.world.books.handled_by[ctx.self.uid] += 1
        return value

    def check(self, message: Any, ctx: Context) -> None:
        """Is this letter what it should be?"""
        wrong = self.world.books.wrong
        sender = ctx.sender
        if sender is None or sender.uid != message.by:
            wrong.append(f"{message} seems to come from {sender}")
        if ctx.correlation != message.about:
            wrong.append(f"{message} seems to be about {ctx.correlation}")
        aside = message.number in self.world.aside  # then it may wait for another life
        if isinstance(message, Tick) and message.life != self.life and not aside:
            wrong.append(f"{message} reached {ctx.self} in another life")

    def hear(self, ref: Ref, ctx: Context) -> None:
        """News of a death: wanted, and once."""
        if ref not in self.watched:
            self.world.books.wrong.append(f"{ctx.self} heard of {ref}, which it does not watch")
        self.watched.discard(ref)


class Wild(Mortal):
    """Takes news of a death."""

    def on_terminated(self, message: Terminated, ctx: Context) -> None:
        """Note it."""
        self.hear(message.ref, ctx)
        self.world.books.handled_by[ctx.self.uid] += 1


# What they do. Each takes (actor, letter, context); those in SLOW wait.


def nothing(wild: Mortal, message: Any, ctx: Context) -> int:
    """Answer."""
    return -1 if message is None else int(message.number)


def tell(wild: Mortal, message: Any, ctx: Context) -> None:
    """Tell somebody, some letters in a row."""
    for _ in range(1 + wild.world.random.below(3)):
        wild.world.tell(ctx, wild.world.somebody(), message.fuel)


def tell_self(wild: Mortal, message: Any, ctx: Context) -> None:
    """Go on later."""
    wild.world.tell(ctx, ctx.self, message.fuel)


def ask_and_forget(wild: Mortal, message: Any, ctx: Context) -> None:
    """Nobody waits for the answer."""
    wild.world.ask(ctx, wild.world.somebody(), message.fuel)


async def ask(wild: Mortal, message: Any, ctx: Context) -> None:
    """Wait for an answer; half of the failures become the asker's own."""
    try:
        reply = wild.world.ask(ctx, wild.world.somebody(), message.fuel)
        if reply is not None:
            await reply
    except (ActorError, Boom) as error:
        wild.world.books.probes[f"ask: {type(error).__name__}"] += 1
        if wild.world.chance(2):
            raise


async def send(wild: Mortal, message: Any, ctx: Context) -> None:
    """Wait for room."""
    world = wild.world
    try:
        turn = world.send(ctx, world.somebody(), message.fuel)
        if turn is not None:
            world.books.probes["stood in line"] += 1
            await turn
            world.books.probes["was let in"] += 1
    except ActorError as error:
        world.books.probes[f"send: {type(error).__name__}"] += 1


async def nap(wild: Mortal, message: Any, ctx: Context) -> int:
    """Take one's time."""
    await wild.world.nap()
    return int(message.number)


async def nap_then_fail(wild: Mortal, message: Any, ctx: Context) -> None:
    """Fail late."""
    await wild.world.nap()
    raise Boom


async def make_trouble_at_the_end(wild: Mortal, message: Any, ctx: Context) -> None:
    """Be ended while waiting, and fail or talk on the way out."""
    try:
        await wild.world.nap()
    finally:
        wild.world.books.probes["finally"] += 1
        wild.world.try_to_tell(ctx, 0)
        if wild.world.chance(2):
            raise Boom


def fail(wild: Mortal, message: Any, ctx: Context) -> None:
    """Fail."""
    raise wild.world.random.choice([Boom, Boom, ValueError, KeyError, ZeroDivisionError])


def stash(wild: Mortal, message: Any, ctx: Context) -> object:
    """Put it aside; sometimes fail right after."""
    wild.in_order = False
    try:
        ctx.stash(message)
    except StashFull:
        wild.world.books.probes["stash full"] += 1
        raise
    wild.world.aside.add(message.number)
    if wild.world.chance(6):
        wild.world.books.probes["failed after stash"] += 1
        raise Boom
    return ASIDE


async def stash_and_nap(wild: Mortal, message: Any, ctx: Context) -> object:
    """Put it aside, before or after having waited."""
    first = wild.world.chance(2)
    if first:
        await wild.world.nap()
    stash(wild, message, ctx)
    if not first:
        await wild.world.nap()
        if wild.world.chance(6):
            raise Boom
    return ASIDE


def unstash(wild: Mortal, message: Any, ctx: Context) -> None:
    """Bring all back."""
    ctx.unstash()


def arm(wild: Mortal, message: Any, ctx: Context) -> None:
    """Set a timer, perhaps in the place of another."""
    world = wild.world
    tick = Tick(
        number=world.number(world.books.perhaps),
        by=ctx.self.uid,
        about=ctx.correlation,
        fuel=message.fuel - 1 if message is not None else 0,
        life=wild.life,
    )
    timer = ctx.after(world.delay(), tick, key=world.random.choice([None, None, "a", "b"]))
    if world.chance(6):
        timer.cancel()


def listen(wild: Mortal, message: Any, ctx: Context) -> None:
    """Ask to be told of silence."""
    ctx.receive_timeout(wild.world.delay())


def watch(wild: Mortal, message: Any, ctx: Context) -> None:
    """Watch somebody, perhaps with a letter of one's own."""
    world, ref = wild.world, wild.world.somebody()
    news = None
    if world.chance(3):
        number = world.number(world.books.perhaps)
        news = News(number=number, by=ref.uid, about=None, ref=ref)
    try:
        ctx.watch(ref, news)
    except ValueError:
        world.books.probes["watched otherwise"] += 1
        return
    wild.watched.add(ref)


def unwatch(wild: Mortal, message: Any, ctx: Context) -> None:
    """Watch nobody any more."""
    for ref in sorted(wild.watched, key=lambda ref: ref.uid):
        ctx.unwatch(ref)
    wild.watched.clear()


def bear(wild: Mortal, message: Any, ctx: Context) -> None:
    """Have a child."""
    world = wild.world
    if len(world.refs) < 24:
        try:
            ctx.spawn(world.wild_spec(f"c{world.next_life()}" if world.chance(2) else "only"))
        except BadSpec:
            world.books.probes["name taken"] += 1


def stop(wild: Mortal, message: Any, ctx: Context) -> None:
    """End somebody: oneself, a child, a stranger; at once or by a pill."""
    world = wild.world
    targets = [None, *ctx.children(), world.somebody()]
    target = world.random.choice(targets)
    if target is not None and world.chance(2):
        try:
            ctx.tell(target, PoisonPill())
        except MailboxFull:
            return
        world.books.probes["pill"] += 1
    else:
        ctx.stop(target)


def suspend(wild: Mortal, message: Any, ctx: Context) -> None:
    """Let somebody stand still, or go on again."""
    somebody = wild.world.somebody()
    if wild.world.chance(2):
        ctx.suspend(somebody)
    else:
        ctx.resume(somebody)


def defer(wild: Mortal, message: Any, ctx: Context) -> None:
    """Promise an answer."""
    wild.promises.append(ctx.defer())


def keep_promises(wild: Mortal, message: Any, ctx: Context) -> None:
    """Answer, perhaps too late."""
    for promise in wild.promises:
        promise.complete(0)


def refuse(wild: Mortal, message: Any, ctx: Context) -> None:
    """An answer that is an error."""
    ctx.refuse(Boom())


SLOW = frozenset({ask, send, nap, nap_then_fail, make_trouble_at_the_end, stash_and_nap})

ACTS: tuple[Callable[..., Any], ...] = tuple(
    act
    for act, weight in {
        nothing: 4, tell: 14, tell_self: 4, ask_and_forget: 4, ask: 10, send: 6, nap: 4, nap_then_fail: 1,
        make_trouble_at_the_end: 1, fail: 5, stash: 4, stash_and_nap: 2, unstash: 3, arm: 6, listen: 1,
        watch: 4, unwatch: 2, bear: 3, stop: 3, suspend: 3, defer: 2, keep_promises: 2, refuse: 1,
    }.items()
    for _ in range(weight)
)  # fmt: skip
