"""Supervisors: actors that only have children (OTP's ``supervisor``; the dynamic one is a type of its own)."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar, TypeVar

import msgspec
from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.errors import (
    ActorStopped,
    BadSpec,
    ChildPresent,
    ChildRestarting,
    ChildRunning,
    Ignore,
    NoSuchChild,
    StartFailed,
)
from alys.actors.exits import BY_PARENT, Exit, Kind
from alys.actors.family import Family, is_restarting
from alys.actors.groups import NOT_WANTED
from alys.actors.message import Request
from alys.actors.ref import Ref
from alys.actors.reply import Reply
from alys.actors.state import Status
from alys.actors.supervision import (
    AutoShutdown,
    ChildSpec,
    Intensity,
    Strategy,
    check_intensity,
    check_spec,
    check_specs,
)

R = TypeVar("R")

_SIGNIFICANT = "a significant child needs auto_shutdown ANY or ALL"


class ChildInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a supervisor's list."""

    name: str
    """Empty for a child of a dynamic supervisor that has none."""
    ref: Ref | None
    """None for a stopped child whose spec is kept."""
    status: str
    """starting, running, restarting, stopping or stopped."""
    supervisor: bool


class ChildCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How many children there are (OTP's ``count_children``)."""

    specs: int
    active: int
    """Alive: neither stopped nor being restarted."""
    supervisors: int
    workers: int


class WhichChildren(Request[tuple[ChildInfo, ...]], frozen=True, kw_only=True):
    """Ask for the children, in the order of their start."""


class CountChildren(Request[ChildCounts], frozen=True, kw_only=True):
    """Ask how many there are."""


class StartChild(Request[Ref], frozen=True, kw_only=True):
    """Start a child and wait until it runs: a new one by its spec, or (dynamic) one of the template with these arguments.

    Fails with ChildRunning, ChildPresent, BadSpec, or StartFailed; then nothing is kept. One that is not wanted (``Ignore``)
    is kept as stopped, and nobody is behind the ref.
    """

    timeout_seconds: ClassVar[float] = 30.0

    spec: ChildSpec | None = None
    arguments: tuple[Any, ...] = ()
    """What the template's factory is called with; dynamic supervisors only."""
    name: str = ""
    """What the child is called; dynamic supervisors only."""


class TerminateChild(Request[None], frozen=True, kw_only=True):
    """Stop a child and wait for it; its spec stays. Fails with NoSuchChild."""

    timeout_seconds: ClassVar[float] = 30.0

    name: str | int


class RestartChild(Request[Ref], frozen=True, kw_only=True):
    """Start a stopped child anew. Fails with NoSuchChild, ChildRunning, ChildRestarting or StartFailed."""

    timeout_seconds: ClassVar[float] = 30.0

    name: str


class DeleteChild(Request[None], frozen=True, kw_only=True):
    """Forget a stopped child. Fails with NoSuchChild, ChildRunning or ChildRestarting."""

    name: str


class _Administered(Actor):
    """What both kinds of supervisors answer. Nothing here waits, so an administrator is heard while children hang."""

    _family: Family

    def on_which_children(self, message: WhichChildren, ctx: Context) -> tuple[ChildInfo, ...]:
        """Answer with the list."""
        return tuple(
            ChildInfo(
                name=cell.spec.name,
                ref=None if cell.status is Status.STOPPED else cell,
                status="restarting" if is_restarting(cell) else cell.status.value,
                supervisor=cell.spec.supervisor,
            )
            for cell in self._family.cells.values()
        )

    def on_count_children(self, message: CountChildren, ctx: Context) -> ChildCounts:
        """Answer with the numbers."""
        cells = list(self._family.cells.values())
        alive = (Status.STARTING, Status.RUNNING, Status.STOPPING)
        supervisors = sum(cell.spec.supervisor for cell in cells)
        return ChildCounts(
            specs=len(cells),
            active=sum(cell.status in alive for cell in cells),
            supervisors=supervisors,
            workers=len(cells) - supervisors,
        )

    def on_terminate_child(self, message: TerminateChild, ctx: Context) -> None:
        """Stop it, and answer when it is gone."""
        cell = self._find(message.name, ctx)
        if cell is None:
            return
        if cell.status is Status.STOPPED:
            cell.more.ordered = True  # whether or not it was about to be started again
            return
        promise = ctx.defer()
        gone: Reply[str] = cell.when_stopped()
        cell.begin_stop(BY_PARENT, ordered=True)
        gone.subscribe(lambda: promise.complete(None))

    def _find(self, name: str | int, ctx: Context) -> Any:
        cell = self._family.cells.get(name)
        if cell is None:
            ctx.refuse(NoSuchChild(ctx.self.path, str(name)))
        return cell

    def _start(self, spec: ChildSpec, ctx: Context, *, keep: bool) -> None:
        """Start it, and answer when it runs or has failed to."""
        family = self._family
        try:
            cell = family.add(spec)
        except (ActorStopped, BadSpec) as wrong:
            ctx.refuse(wrong)
            return
        promise = ctx.defer()
        waited = family.wait_for_start(cell)
        cell.begin_start(awaited=True)

        def settled() -> None:
            outcome = waited.result()
            if outcome is None:
                promise.complete(cell)
                return
            if isinstance(outcome, Ignore):
                cell.when_stopped().subscribe(lambda: promise.complete(cell))
                cell.begin_stop(NOT_WANTED, ordered=True)
                return
            error = outcome.error if isinstance(outcome, Exit) else outcome
            error = error or RuntimeError(f"it ended: {outcome}")

            def give_up() -> None:
                if not keep:
                    family.drop(cell)
                promise.fail(StartFailed(spec.name, error))

            if cell.status is Status.STOPPED:
                give_up()
                return
            family.wait_for_start(cell).subscribe(give_up)
            cell.begin_stop(Exit(kind=Kind.FAILED, error=error), ordered=True)

        waited.subscribe(settled)


class Supervisor(_Administered):
    """Starts its children in the order given, each when the one before it runs; stops them in reverse.

    Raises BadSpec when it is made, before any child starts, if a spec is wrong. When a child does not start, those before
    it are stopped again and the supervisor does not start either.
    """

    def __init__(
        self,
        children: Sequence[ChildSpec],
        intensity: Intensity | None = None,
        strategy: Strategy = Strategy.ONE_FOR_ONE,
        auto_shutdown: AutoShutdown = AutoShutdown.NEVER,
    ) -> None:
        self._intensity = intensity if intensity is not None else Intensity()
        check_intensity(self._intensity)
        check_specs(children)
        if not isinstance(strategy, Strategy):
            raise BadSpec(f"strategy must be a Strategy, not {strategy!r}")
        if auto_shutdown is AutoShutdown.NEVER and any(spec.significant for spec in children):
            raise BadSpec(_SIGNIFICANT)
        self._strategy = strategy
        self._auto_shutdown = auto_shutdown
        self._children = tuple(children)

    @override
    async def on_start(self, ctx: Context) -> None:
        """Start all children."""
        self._family = ctx.take_charge()
        self._family.intensity = self._intensity
        self._family.strategy = self._strategy
        self._family.auto_shutdown = self._auto_shutdown
        self._family.keeps = True
        await ctx.start_children(self._children)

    def on_start_child(self, message: StartChild, ctx: Context) -> None:
        """Start it at the end of the list."""
        spec = message.spec
        if spec is None or not spec.name:
            ctx.refuse(
                BadSpec(
                    "StartChild needs a spec with a name; only a dynamic supervisor has a template"
                )
            )
            return
        if spec.significant and self._auto_shutdown is AutoShutdown.NEVER:
            ctx.refuse(BadSpec(_SIGNIFICANT))
            return
        cell = self._family.cells.get(spec.name)
        if cell is None:
            self._start(spec, ctx, keep=False)
        elif cell.status is Status.STOPPED:
            ctx.refuse(ChildPresent(ctx.self.path, spec.name))
        else:
            ctx.refuse(ChildRunning(ctx.self.path, spec.name))

    def on_restart_child(self, message: RestartChild, ctx: Context) -> None:
        """Start it again, at its place in the list."""
        cell = self._find_stopped(message.name, ctx)
        if cell is not None:
            self._start(cell.spec, ctx, keep=True)

    def on_delete_child(self, message: DeleteChild, ctx: Context) -> None:
        """Forget it."""
        cell = self._find_stopped(message.name, ctx)
        if cell is not None:
            self._family.drop(cell)

    def _find_stopped(self, name: str, ctx: Context) -> Any:
        cell = self._find(name, ctx)
        if cell is None or cell.status is Status.STOPPED:
            return cell
        refusal = ChildRestarting if is_restarting(cell) else ChildRunning
        ctx.refuse(refusal(ctx.self.path, name))
        return None


class DynamicSupervisor(_Administered):
    """Children that share one spec, started by ``StartChild`` and stopped all at once (OTP's simple_one_for_one)."""

    def __init__(self, template: ChildSpec, intensity: Intensity | None = None) -> None:
        self._intensity = intensity if intensity is not None else Intensity()
        check_intensity(self._intensity)
        check_spec(template)
        if template.name or template.register:
            raise BadSpec(
                "a template has no name and registers none: every child would have the same"
            )
        self._template = template

    @override
    def on_start(self, ctx: Context) -> None:
        """Have no children yet."""
        self._family = ctx.take_charge()
        self._family.intensity = self._intensity
        self._family.at_once = True

    def on_start_child(self, message: StartChild, ctx: Context) -> None:
        """Start one more."""
        if message.spec is not None:
            ctx.refuse(BadSpec("a dynamic supervisor has its template; give arguments, no spec"))
            return
        spec = self._template
        if message.arguments or message.name:
            factory: Callable[[], Any] = partial(spec.factory, *message.arguments)
            spec = msgspec.structs.replace(spec, factory=factory, name=message.name)
        self._start(spec, ctx, keep=False)
