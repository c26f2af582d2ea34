"""A supervisor: an actor that only has children (OTP's one_for_one)."""

from collections.abc import Sequence

from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.message import Request
from alys.actors.ref import Ref
from alys.actors.supervision import ChildSpec, Intensity, check_intensity, check_specs


class WhichChildren(Request[tuple[Ref, ...]], frozen=True, kw_only=True):
    """Ask a supervisor for its living children, in the order of their start."""


class Supervisor(Actor):
    """Starts its children in the order given, restarts each alone, stops them in reverse.

    Raises BadSpec when it is made, before any child starts, if a spec is wrong.
    """

    def __init__(self, children: Sequence[ChildSpec], intensity: Intensity | None = None) -> None:
        self._intensity = intensity if intensity is not None else Intensity()
        check_intensity(self._intensity)
        check_specs(children)
        self._children = tuple(children)

    @override
    def on_start(self, ctx: Context) -> None:
        """Start all children."""
        ctx.supervise(self._intensity)
        for spec in self._children:
            ctx.spawn(spec)

    def on_which_children(self, message: WhichChildren, ctx: Context) -> tuple[Ref, ...]:
        """Answer with the living children."""
        return tuple(ctx.children())
