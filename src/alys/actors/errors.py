"""What can go wrong between actors. The class says whose fault it is.

ActorError
  AskError               the reply did not come, and why
    AskTimeout           nobody answered in time
    ActorStopped         the other side is gone (known at once, not by waiting)
    AskFailed            the other side's handler raised; the cause is chained
    AskCycle             the asker would wait for itself; the chain is named
  MailboxFull            you send faster than the other side reads
  StashFull              you put aside more than the spec allows
  ActorDefinitionError   the class of the actor is wrong (ours to mend before anything runs)
  BadSpec                a supervision spec is wrong; nothing was started
  ForeignAwait           an actor awaited what its context did not give it
  IntensityExceeded      too many restarts in the period; goes up the tree
  ChildEscalated         a child's failure that the parent will not decide
  SiblingFailed          the child beside you failed, and the strategy restarts you with it
  StartFailed            a supervisor's child did not start, so the supervisor did not either
  DeathPact              a watched actor died and nobody handled the news
  ShutdownBegun          too late: the phases of the shutdown are running
  TaskTimeout            a task of the shutdown took longer than its phase may
  AdminError             a supervisor cannot do that to this child now (OTP's answers)
    NoSuchChild          not_found
    ChildRunning         running, already_started
    ChildRestarting      restarting
    ChildPresent         already_present
Ignore                   raised by a factory or start hook: no process wanted (OTP's ignore); not an error
Cancelled                thrown into a handler that is still waiting when the actor has to end; no Exception
"""

from alys.base.errors import AlysError

FATAL = (MemoryError, KeyboardInterrupt, SystemExit)
"""What is no failure of an actor, whoever raised it: it passes through to whoever runs the turns."""


class ActorError(AlysError):
    """Base of the runtime's own errors."""


class AskError(ActorError):
    """An ask that got no reply."""


class AskTimeout(AskError):
    """The deadline passed."""

    def __init__(self, target: str, request: str, seconds: float) -> None:
        super().__init__(f"no reply from {target} to {request} within {seconds:g} s")
        self.target = target
        self.request = request
        self.seconds = seconds


class ActorStopped(AskError):
    """The target is not there any more, or never was."""

    def __init__(self, target: str, request: str = "") -> None:
        super().__init__(
            f"{target} is stopped" + (f" and cannot answer {request}" if request else "")
        )
        self.target = target
        self.request = request


class AskFailed(AskError):
    """The target's handler raised; ``__cause__`` is what it raised."""

    def __init__(self, target: str, request: str, cause: BaseException) -> None:
        super().__init__(f"{target} failed on {request}: {type(cause).__name__}: {cause}")
        self.target = target
        self.request = request
        self.__cause__ = cause


class AskCycle(AskError):
    """The chain of asks leads back to the asker."""

    def __init__(self, chain: tuple[str, ...]) -> None:
        super().__init__("ask cycle: " + " -> ".join(chain))
        self.chain = chain


class MailboxFull(ActorError):
    """The bound was reached and the policy is to tell the sender."""

    def __init__(self, target: str, capacity: int) -> None:
        super().__init__(f"the mailbox of {target} holds its {capacity} messages and takes no more")
        self.target = target
        self.capacity = capacity


class StashFull(ActorError):
    """More messages put aside than ``ChildSpec.stash_messages_max``."""

    def __init__(self, path: str, capacity: int) -> None:
        super().__init__(
            f"{path} has put {capacity} messages aside already; its spec allows no more"
        )
        self.capacity = capacity


class ActorDefinitionError(ActorError):
    """A handler without a message type, or two handlers for one type."""


class BadSpec(ActorError):
    """A spec that names the wrong field and the value that would be right."""


class ForeignAwait(ActorError):
    """Only what the context gives can be awaited inside an actor."""

    def __init__(self, path: str, what: object) -> None:
        super().__init__(f"{path} awaited {what!r}; an actor awaits only what its context gives")


class IntensityExceeded(ActorError):
    """More restarts than ``intensity`` within ``period_seconds`` (OTP's supervisor)."""

    def __init__(self, path: str, intensity: int, period_seconds: float) -> None:
        super().__init__(
            f"{path}: more than {intensity} restarts of its children in {period_seconds:g} s"
        )
        self.path = path
        self.intensity = intensity
        self.period_seconds = period_seconds


class ChildEscalated(ActorError):
    """The failure of a child, passed on."""

    def __init__(self, path: str, child: str, cause: BaseException) -> None:
        super().__init__(f"{path}: {child} failed with {type(cause).__name__}: {cause}")
        self.child = child
        self.__cause__ = cause


class DeathPact(ActorError):
    """A ``Terminated`` that the watcher has no handler for."""

    def __init__(self, path: str, dead: str) -> None:
        super().__init__(f"{path} watched {dead}, which died, and has no handler for Terminated")
        self.dead = dead


class SiblingFailed(ActorError):
    """What ``pre_restart`` of a child sees that is restarted because another one failed."""

    def __init__(self, sibling: str, cause: BaseException | None) -> None:
        super().__init__(f"restarted because {sibling} ended")
        self.sibling = sibling
        self.__cause__ = cause


class StartFailed(ActorError):
    """A child did not start; those before it are stopped again."""

    def __init__(self, child: str, cause: BaseException) -> None:
        super().__init__(f"{child} did not start: {type(cause).__name__}: {cause}")
        self.child = child
        self.__cause__ = cause


class ShutdownBegun(ActorError):
    """A task was added to a shutdown that has begun."""

    def __init__(self, phase: str, task: str) -> None:
        super().__init__(f"the shutdown has begun; {task!r} cannot be added to its phase {phase!r}")
        self.phase = phase
        self.task = task


class TaskTimeout(ActorError):
    """A task was ended because the time of its phase was over."""

    def __init__(self, phase: str, task: str, seconds: float) -> None:
        super().__init__(
            f"{task!r} was not done when the {seconds:g} s of phase {phase!r} were over"
        )
        self.phase = phase
        self.task = task
        self.seconds = seconds


class AdminError(ActorError):
    """An answer of a supervisor to an administrator."""

    reason = "error"

    def __init__(self, supervisor: str, child: str) -> None:
        super().__init__(f"{supervisor}: child {child!r}: {self.reason}")
        self.supervisor = supervisor
        self.child = child


class NoSuchChild(AdminError):
    """No spec of that name; the supervisor's ``WhichChildren`` lists them."""

    reason = "not found"


class ChildRunning(AdminError):
    """It runs; terminate it first."""

    reason = "running (already started)"


class ChildRestarting(AdminError):
    """It is being restarted; terminate it first, or wait."""

    reason = "restarting"


class ChildPresent(AdminError):
    """A stopped child of that name is kept: restart it or delete it."""

    reason = "already present, stopped"


class Ignore(Exception):
    """Raised by a factory or a start hook: the actor is not wanted now. The spec stays, without a process."""


class Cancelled(BaseException):
    """The actor has to end now. ``finally`` blocks run; what catches this must not go on waiting."""
