"""What the runtime keeps of one actor. ``lifecycle`` and ``cell`` say what happens to it.

Most actors are idle leaves: no children, watches, timers or promises. Their cell is small (a million of them must fit on a
laptop); what few actors have stands in ``Belongings``, made when it is first needed.
"""

import enum
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.dispatch import Timer
from alys.actors.envelope import Envelope, Mark
from alys.actors.exits import Exit
from alys.actors.mailbox import NOWHERE, Mailbox
from alys.actors.message import Message
from alys.actors.ref import Ref
from alys.actors.reply import Reply
from alys.base.prng import Random

if TYPE_CHECKING:
    from alys.actors.activity import Activity
    from alys.actors.context import Context
    from alys.actors.family import Family
    from alys.actors.promise import Promise
    from alys.actors.supervision import ChildSpec
    from alys.actors.system import System
    from alys.actors.timers import Timers


class Status(enum.Enum):
    """Where a cell is in its life."""

    STARTING = "starting"
    RUNNING = "running"
    FAILED = "failed"
    """The parent has been told and has not decided."""
    RESTARTING = "restarting"
    """Being torn down, waiting for a back-off, or being rebuilt."""
    STOPPING = "stopping"
    STOPPED = "stopped"


_STARTING = Status.STARTING


class Belongings:
    """What only some actors have."""

    __slots__ = (
        "exit", "family", "held", "killed", "killer", "last_heard", "ordered", "promises", "random", "receive_timeout",
        "stash", "stopped", "suspended", "timers", "watchers", "watching",
    )  # fmt: skip

    def __init__(self) -> None:
        self.family: Family | None = None
        self.promises: dict[Promise, bool] = {}
        #: Who wants to hear of this actor's end, and the message that each wants then (None: Terminated).
        self.watchers: dict[Any, Message | None] = {}
        #: Whose end this actor wants to hear of.
        self.watching: dict[Ref, Message | None] = {}
        self.timers: Timers | None = None
        self.stash: list[Any] | None = None
        self.random: Random | None = None
        #: Filled with the exit's text when the actor is gone.
        self.stopped: Reply[str] | None = None
        self.exit: Exit | None = None
        #: Whether its parent (or whoever is above) told it to stop: then it is not started again.
        self.ordered = False
        self.killer: Timer | None = None
        self.killed = False
        self.suspended = False
        #: Messages that came while it was being restarted.
        self.held = 0
        #: Node seconds without a message after which it gets ReceiveTimeout; None for never.
        self.receive_timeout: float | None = None
        self.last_heard = 0.0


NO_TABLE: dict[type, Any] = {}
"""Before the first instance, and after the last one."""


class CellState(Ref):
    """One actor as the runtime sees it; it is its own ref."""

    __slots__ = (
        "able", "activity", "begun", "belongings", "context", "control", "current", "handled", "idle", "incarnation",
        "instance", "interrupt", "late", "mailbox", "origin", "parent", "promised", "queued", "seconds", "sequence",
        "spec", "status", "system", "table",
    )  # fmt: skip

    def __init__(self, system: "System", spec: "ChildSpec", parent: Any, uid: int) -> None:
        self._path = None
        self.uid = uid
        self.system = system
        self.spec = spec
        self.parent = parent
        #: Made with the first message.
        self.mailbox = NOWHERE
        self.status = _STARTING
        #: Counts the restarts.
        self.incarnation = 0
        self.instance: Actor | None = None
        #: Made when it is first needed: for a hook, or for the first message.
        self.context: Context | None = None
        #: What to call for an entry, by its class: the handlers, and how to open what is no bare message.
        self.table = NO_TABLE
        #: Who sent the message that is handled, or the last one, and about what. Bare messages inherit it.
        self.origin: Mark | None = None
        #: The entry that is handled, where it is no bare message; None in a hook.
        self.current: Any = None
        #: The slot that was made for an ask which is being answered in the asker's turn.
        self.late: Reply[Any] | None = None
        #: Whether the answer to ``current`` was taken over by ``Context.defer``.
        self.promised = False
        #: The handler or hook that is waiting for something.
        self.activity: Activity | None = None
        #: Running, neither failed nor suspended: messages may be handled.
        self.able = False
        #: In the dispatcher's queue or in the middle of a turn.
        self.queued = False
        self.idle = False
        #: Something has to be done before the next NORMAL message: a call of the runtime, a message above, a wait.
        self.interrupt = True
        #: Whether its start has been taken up.
        self.begun = False
        #: Calls of the runtime.
        self.control: list[tuple[Any, ...]] | None = None
        #: Messages that it has sent under a number of their own.
        self.sequence = 0
        #: Messages that it has handled.
        self.handled = 0
        #: Wall seconds that its turns have taken: an estimate from those that were timed (see ``loop.GAPS``).
        self.seconds = 0.0
        self.belongings: Belongings | None = None

    @property
    @override
    def cell(self) -> Any:
        return self

    @property
    def key(self) -> str | int:
        """What it is called among its siblings: its name, or its uid when it has none."""
        return self.spec.name or self.uid

    @property
    @override
    def path(self) -> str:
        if self._path is None:
            parent = self.parent.path if self.parent is not None else ""
            self._path = f"{parent}/{self.spec.name or f'${self.uid}'}"
        return self._path

    @property
    def more(self) -> Belongings:
        """Its belongings, made now if there were none."""
        if self.belongings is None:
            self.belongings = Belongings()
        return self.belongings

    @property
    def random(self) -> Random:
        """Its own generator, derived from the system's seed and its path."""
        more = self.more
        if more.random is None:
            more.random = self.system.random.fork(self.path)
        return more.random

    @property
    def is_stopped(self) -> bool:
        """Whether it takes messages no more."""
        return self.status is Status.STOPPING or self.status is Status.STOPPED

    def box(self) -> Mailbox:
        """Its mailbox, made now if there was none."""
        if self.mailbox is NOWHERE:
            spec = self.spec
            self.mailbox = Mailbox(spec.mailbox_messages_max, spec.overflow, spec.mailbox_reserve)
            self.interrupt = True  # a turn that is under way still looks at the old one
            self.door()
        return self.mailbox

    def door(self) -> Any:
        """Make the context if there is none. See ``lifecycle``."""

    def break_off(self) -> None:
        """An error that is no failure of an actor passed through its turn: the message is lost, the actor goes on. See ``cell``."""
        raise NotImplementedError  # pragma: no cover

    def admit(self) -> bool:
        """Let those in who stand in line for the mailbox, if there is room enough; whether any came in. See ``cell``."""
        raise NotImplementedError  # pragma: no cover

    def count_message(self) -> int:
        """The number of the next message that it sends."""
        self.sequence += 1
        return self.sequence

    def sealed(self, entry: Any) -> Envelope:
        """The entry as an envelope; it takes the sender's next number unless it had one."""
        if isinstance(entry, Envelope):
            return entry
        message, mark, reply = entry if isinstance(entry, tuple) else (entry, self.origin, None)
        sender = mark[0]
        return Envelope(message, sender, sender.count_message(), None, mark[1], reply)
