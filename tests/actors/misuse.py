"""What mypy must refuse, and what it must know without a cast. Nothing here is ever run.

Each wrong line carries the error code that mypy gives it. `make check` goes red when mypy stops refusing one (an unused
ignore is an error), and `test_typing.py` takes the ignores away and looks for each error.
"""

from typing import assert_type

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.message import Message, Request
from alys.actors.ref import Ref
from alys.actors.reply import Reply
from alys.actors.supervision import ChildSpec
from alys.actors.supervisor import ChildInfo, WhichChildren
from alys.actors.system import System


class Head(Message, frozen=True, kw_only=True):
    """What a block has at its top."""

    height: int


class GetHead(Request[Head], frozen=True, kw_only=True):
    """Ask for it."""


class Grow(Message, frozen=True, kw_only=True):
    """Told; nobody answers it."""

    by: int


async def what_is_known_without_a_cast(ctx: Context, system: System, ref: Ref) -> None:
    """An ask has the type that the request declares."""
    assert_type(await ctx.ask(ref, GetHead()), Head)
    assert_type(ctx.ask(ref, GetHead()), Reply[Head])
    assert_type(await system.ask(ref, GetHead()), Head)
    assert_type(await ctx.ask(ref, WhichChildren()), tuple[ChildInfo, ...])
    assert_type((await ctx.ask(ref, GetHead())).height, int)


async def what_is_refused(ctx: Context, system: System, ref: Ref) -> None:
    """One mistake a line."""
    await ctx.ask(ref, Grow(by=1))  # type: ignore[arg-type]  # what is told is not asked
    height: str = (await ctx.ask(ref, GetHead())).height  # type: ignore[assignment]
    (await ctx.ask(ref, GetHead())).hash  # type: ignore[attr-defined]  # noqa: B018
    ctx.ask(ref, GetHead()).height  # type: ignore[attr-defined]  # noqa: B018  # not awaited
    ctx.tell(ref, "grow")  # type: ignore[arg-type]  # only messages travel
    ctx.tell("chain", Grow(by=1))  # type: ignore[arg-type]  # only to refs
    ref.tell(Grow(by=1))  # type: ignore[attr-defined]  # a ref has no verbs
    Grow(1)  # type: ignore[call-arg]  # fields are named
    Grow(by="1")  # type: ignore[arg-type]
    Grow(by=1).by = 2  # type: ignore[misc]  # messages are frozen
    ctx.spawn(Actor)  # type: ignore[arg-type]  # a spec says how to start it
    ChildSpec(factory=3)  # type: ignore[arg-type]
    system.spawn(ChildSpec(factory=Actor, restart="always"))  # type: ignore[arg-type]
    del height


class Shrink(Request[Head]):  # type: ignore[misc]  # a message is frozen, so are its kinds
    """A mutable kind of message."""
