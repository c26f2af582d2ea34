"""What a supervisor does to several children in a row: start a list, restart a group. Coroutines for ``Family.run``.

OTP's order: tear down in reverse order of the start, start in order. A child that does not start during a restart costs
one restart more, and those of this attempt that had started already are torn down again. Refs and mailboxes of the
children live through it, as through every restart; temporary children are stopped and forgotten.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from alys.actors.errors import ActorStopped, BadSpec, Ignore, SiblingFailed, StartFailed
from alys.actors.exits import BY_PARENT, Exit, Kind
from alys.actors.message import Message
from alys.actors.reply import Reply
from alys.actors.state import Status
from alys.actors.supervision import ChildSpec, Decision, Restart, Strategy, count_restart

if TYPE_CHECKING:
    from alys.actors.cell import Cell
    from alys.actors.family import Family

NOT_WANTED = Exit(kind=Kind.NORMAL, detail="ignored")


async def start_list(family: "Family", specs: tuple[ChildSpec, ...], done: Reply[None]) -> None:
    """Start each and wait for it; fills ``done``, with StartFailed when one did not and the others are gone again."""
    for spec in specs:
        outcome = await start(family, spec)
        if isinstance(outcome, BaseException):
            for started in reversed(list(family.living())):
                await stop(family, started)
            family.drop_all()
            done.fail(StartFailed(spec.name, outcome))
            return
    done.complete(None)


async def restart_group(
    family: "Family", failed: "Cell", error: BaseException | None, message: Message | None
) -> None:
    """Restart the failed child and whoever the strategy puts with it; counted once by whoever calls."""
    keys = affected(family, failed)
    cause = error if error is not None else ActorStopped(failed.path)
    sibling = SiblingFailed(failed.path, error)
    ours: dict[Cell, bool] = {}
    for key in reversed(keys):
        child = family.cells.get(key)
        if child is None:
            continue  # temporary, and gone
        if child.status is not Status.STOPPED:
            ours[child] = True
        if child is failed:
            await tear_down(family, child, cause, message)
        else:
            await tear_down(family, child, sibling, None)
    culprit, started = failed, True
    while started:
        delay = family.backoff_delay(culprit)
        if delay > 0:
            await family.pause(delay)
        outcome = await _start_again(
            family, keys, ours, lambda child: cause if child is failed else sibling
        )
        if outcome is None:
            return
        culprit, raised = outcome
        culprit.system.observer.judging(culprit, Exit(kind=Kind.FAILED, error=raised), True)
        decision, family.log = count_restart(
            family.intensity, family.log, culprit.system.dispatcher.now()
        )
        endless = family.intensity.restarts is None and culprit.spec.backoff is None
        if decision is Decision.GIVE_UP or endless:
            culprit.parent.post(family.give_up, raised)
            started = False


def affected(family: "Family", failed: "Cell") -> list[str | int]:
    """Who is restarted with it, in the order of their start."""
    keys = list(family.cells)
    if family.strategy is Strategy.REST_FOR_ONE:
        return keys[keys.index(failed.key) :]
    return keys


async def _start_again(
    family: "Family",
    keys: list[str | int],
    ours: "dict[Cell, bool]",
    cause_for: "Callable[[Cell], BaseException]",
) -> "tuple[Cell, BaseException] | None":
    """One attempt: None when all run, else who did not and why; then those before it are torn down again.

    ``ours`` are those that lived when the group went down, or that an attempt has made: who of them is stopped was
    terminated since, and stays away.
    """
    begun: list[Cell] = []
    for key in keys:
        child = family.cells.get(key)
        if child is None or (child in ours and _was_terminated(child)):
            continue
        if child.status is Status.STOPPED:
            outcome = await start(family, child.spec)
            child = family.cells.get(key, child)
            ours[child] = True
        elif child.status is Status.RESTARTING:
            outcome = await rebuild(family, child, cause_for(child))
        else:
            continue  # an administrator has started it
        begun.append(child)
        if isinstance(outcome, BaseException):
            again = SiblingFailed(child.path, outcome)
            for other in reversed(begun):
                await tear_down(family, other, outcome if other is child else again, None)
            return child, outcome
    return None


def _was_terminated(child: "Cell") -> bool:
    more = child.more
    return child.status is Status.STOPPED and more.ordered and more.exit is not NOT_WANTED


async def start(family: "Family", spec: ChildSpec) -> Any:
    """Start one: None, or why it does not run. One that is not wanted now is no failure."""
    try:
        child = family.add(spec)
    except (ActorStopped, BadSpec) as wrong:
        return wrong
    waited = family.wait_for(child)
    child.begin_start(awaited=True)
    return await _settled(family, child, await waited)


async def rebuild(family: "Family", child: "Cell", error: BaseException) -> Any:
    """A new instance for one that is torn down; answers as ``start``."""
    waited = family.wait_for(child)
    child.begin_rebuild(error, awaited=True)
    return await _settled(family, child, await waited)


async def _settled(family: "Family", child: "Cell", outcome: Any) -> Any:
    if isinstance(outcome, Ignore):
        await stop(family, child, NOT_WANTED)
        return None
    return outcome


async def tear_down(
    family: "Family", child: "Cell", error: BaseException, message: Message | None
) -> None:
    """End one's incarnation; a temporary one ends for good."""
    if child.status is Status.STOPPED:
        return
    if child.spec.restart is Restart.TEMPORARY:
        await stop(family, child)
        return
    waited = family.wait_for(child)
    child.begin_tear_down(error, message)
    await waited


async def stop(family: "Family", child: "Cell", end: Exit = BY_PARENT) -> None:
    """Stop one for good, and wait for it."""
    if child.status is Status.STOPPED:
        return
    waited = family.wait_for(child)
    child.begin_stop(end, ordered=True)
    await waited
