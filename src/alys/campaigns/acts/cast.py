"""The test actor of the storm: it does what it is told, and a diary keeps what befell it."""

from typing import ClassVar

import msgspec
from typing_extensions import override

from alys.actors.actor import Actor, Terminated
from alys.actors.context import Context
from alys.actors.errors import ActorError, MailboxFull
from alys.actors.events import DeadLetter
from alys.actors.message import Message, Priority, Request
from alys.actors.promise import Promise
from alys.actors.ref import Ref
from alys.actors.timers import Timer
from alys.worlds.actor_troubles import InjectedFault

Numbers = tuple[int, ...]
NEVER = 1e9
"""Seconds."""


class Mild(InjectedFault):
    """A failure that the specs of the storm resume after."""


class Climbing(InjectedFault):
    """A failure that the specs of the storm pass on."""


class Say(Message, frozen=True, kw_only=True):
    """A number to note."""

    n: int


class SayLow(Say, frozen=True, kw_only=True):
    """The same from the lowest lane."""

    priority: ClassVar[Priority] = Priority.BACKGROUND


class SayHigh(Say, frozen=True, kw_only=True):
    """The same from a high lane."""

    priority: ClassVar[Priority] = Priority.HIGH


class Keep(Message, frozen=True, kw_only=True):
    """A number to put aside while the actor is closed."""

    n: int


class Open(Message, frozen=True, kw_only=True):
    """Bring back what was put aside, and put nothing aside any more."""


class Fail(Message, frozen=True, kw_only=True):
    """Something that no handler can bear."""

    n: int = 0
    mild: bool = False
    climbing: bool = False


class Post(Message, frozen=True, kw_only=True):
    """Numbers to tell somebody."""

    to: Ref
    numbers: Numbers
    lane: str = "normal"
    """``low``, ``normal`` or ``high``."""


class PostWaiting(Message, frozen=True, kw_only=True):
    """Numbers to send to somebody, waiting for room."""

    to: Ref
    numbers: Numbers


class Hand(Message, frozen=True, kw_only=True):
    """A number to hand down a row of actors."""

    n: int
    along: tuple[Ref, ...]
    delay_s: float = 0.0


class Arm(Message, frozen=True, kw_only=True):
    """A timer to start."""

    n: int
    seconds: float
    every: bool = False
    key: str | None = None


class Disarm(Message, frozen=True, kw_only=True):
    """Call off all timers that this life has started."""


class Tick(Message, frozen=True, kw_only=True):
    """What a timer brings."""

    n: int
    life: int


class Watch(Message, frozen=True, kw_only=True):
    """Somebody to watch, or not any more."""

    ref: Ref
    watch: bool = True


class Echo(Request[int], frozen=True, kw_only=True):
    """A number that is answered with ``reply_to(n)``."""

    n: int
    delay_s: float = 0.0
    """Above 0: the answer is put off; ``NEVER``: it does not come."""
    how: str = "answer"
    """``answer``, ``fail`` (a crash), ``refuse``."""


class Inquire(Message, frozen=True, kw_only=True):
    """Somebody to ask."""

    to: Ref
    n: int
    timeout_s: float
    delay_s: float = 0.0
    how: str = "answer"


class Due(Message, frozen=True, kw_only=True):
    """An answer that was put off is due."""

    n: int


def reply_to(n: int) -> int:
    """What an echo of the number is."""
    return n * 7 + 1


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the diary."""

    at: float
    who: str
    what: str
    n: int = 0
    life: int = 0
    """Which instance of the actor wrote it, from 1."""
    said: str = ""


_LANES: dict[str, type[Say]] = {"low": SayLow, "normal": Say, "high": SayHigh}


class Diary:
    """What befell the actors of the storm, in order; by name, so names are unique in a storm."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._lives: dict[str, int] = {}

    def born(self, who: str) -> int:
        """A new instance: its number."""
        self._lives[who] = life = self._lives.get(who, 0) + 1
        return life

    def life(self, who: str) -> int:
        """How many instances there have been."""
        return self._lives.get(who, 0)

    def of(self, who: str, *what: str) -> list[Entry]:
        """All lines of one actor, of some kinds or of all."""
        return [
            entry for entry in self.entries if entry.who == who and (not what or entry.what in what)
        ]

    def numbers(self, who: str, *what: str) -> Numbers:
        """The numbers in them."""
        return tuple(entry.n for entry in self.of(who, *what))


class Player(Actor):
    """See the module's docstring."""

    def __init__(self, who: str, diary: Diary, *, closed: bool = False) -> None:
        self._who = who
        self._diary = diary
        self._life = diary.born(who)
        self._closed = closed and self._life == 1
        self._timers: list[Timer] = []
        self._promises: dict[int, Promise] = {}

    def _note(self, ctx: Context, what: str, n: int = 0, said: str = "") -> None:
        entry = Entry(at=ctx.now(), who=self._who, what=what, n=n, life=self._life, said=said)
        self._diary.entries.append(entry)

    @override
    def on_start(self, ctx: Context) -> None:
        """Also after a restart."""
        self._note(ctx, "started")

    @override
    def pre_restart(self, error: BaseException, message: Message | None, ctx: Context) -> None:
        """This instance is given up."""
        self._note(ctx, "ended")

    @override
    def post_stop(self, ctx: Context) -> None:
        """The actor is given up."""
        self._note(ctx, "stopped")

    def on_say(self, message: Say | SayLow | SayHigh, ctx: Context) -> None:
        """Note it, with what it is about and who said so."""
        sender = ctx.sender
        self._note(ctx, "said", message.n, f"{ctx.correlation} {sender.path if sender else None}")

    def on_keep(self, message: Keep, ctx: Context) -> None:
        """Put it aside or note it."""
        if self._closed:
            ctx.stash(message)
        else:
            self._note(ctx, "said", message.n)

    def on_open(self, message: Open, ctx: Context) -> None:
        """From now on nothing is put aside."""
        self._closed = False
        ctx.unstash()

    def on_fail(self, message: Fail, ctx: Context) -> None:
        """Fail, as it is told."""
        self._note(ctx, "fails", message.n)
        kind = Mild if message.mild else Climbing if message.climbing else InjectedFault
        raise kind(f"ordered by the storm: {self._who} fails")

    def on_post(self, message: Post, ctx: Context) -> None:
        """Tell the numbers; note those that found no room."""
        make = _LANES[message.lane]
        for n in message.numbers:
            try:
                ctx.tell(message.to, make(n=n))
            except MailboxFull:
                self._note(ctx, "full", n)

    async def on_post_waiting(self, message: PostWaiting, ctx: Context) -> None:
        """Send the numbers, each when there is room for it."""
        for n in message.numbers:
            await ctx.send(message.to, Say(n=n))
            self._note(ctx, "sent", n)

    def on_hand(self, message: Hand, ctx: Context) -> None:
        """Hand it to the next, at once or by a timer; the last one notes it."""
        if message.delay_s:
            later = msgspec.structs.replace(message, delay_s=0.0)
            ctx.after(message.delay_s, later)
        elif message.along:
            first, *rest = message.along
            ctx.tell(first, msgspec.structs.replace(message, along=tuple(rest)))
        else:
            self._note(ctx, "said", message.n, str(ctx.correlation))

    def on_arm(self, message: Arm, ctx: Context) -> None:
        """Start a timer; its tick knows which life started it."""
        start = ctx.every if message.every else ctx.after
        tick = Tick(n=message.n, life=self._life)
        self._timers.append(start(message.seconds, tick, key=message.key))

    def on_disarm(self, message: Disarm, ctx: Context) -> None:
        """Call them off."""
        for timer in self._timers:
            timer.cancel()

    def on_tick(self, message: Tick, ctx: Context) -> None:
        """Note it, and whose it is."""
        self._note(ctx, "tick", message.n, "own" if message.life == self._life else "old")

    def on_watch(self, message: Watch, ctx: Context) -> None:
        """Watch somebody, or not any more."""
        if message.watch:
            ctx.watch(message.ref)
        else:
            ctx.unwatch(message.ref)

    def on_terminated(self, message: Terminated, ctx: Context) -> None:
        """Note who is gone."""
        self._note(ctx, "gone", said=message.ref.name)

    def on_dead_letter(self, message: DeadLetter, ctx: Context) -> None:
        """Note the number in it, and whom it was for."""
        if isinstance(message.message, Say):
            self._note(ctx, "dead", message.message.n, message.recipient.name)

    def on_echo(self, message: Echo, ctx: Context) -> int | None:
        """Answer now, later, never, or not so."""
        self._note(ctx, "asked", message.n)
        if message.how == "fail":
            raise InjectedFault(f"ordered by the storm: {self._who} fails when it is asked")
        if message.how == "refuse":
            ctx.refuse(InjectedFault(f"ordered by the storm: {self._who} refuses"))
            return None
        if not message.delay_s:
            return reply_to(message.n)
        self._promises[message.n] = ctx.defer()
        if message.delay_s < NEVER:
            ctx.after(message.delay_s, Due(n=message.n))
        return None

    def on_due(self, message: Due, ctx: Context) -> None:
        """Answer what was put off."""
        self._promises.pop(message.n).complete(reply_to(message.n))

    async def on_inquire(self, message: Inquire, ctx: Context) -> None:
        """Ask, and note what came of it."""
        request = Echo(n=message.n, delay_s=message.delay_s, how=message.how)
        try:
            answer = await ctx.ask(message.to, request, timeout=message.timeout_s)
        except (ActorError, InjectedFault) as error:
            self._note(ctx, "refused", message.n, type(error).__name__)
        else:
            self._note(ctx, "answered", message.n, str(answer))
