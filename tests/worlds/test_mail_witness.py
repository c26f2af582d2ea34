"""The oracles of the mail at the real runtime: silent while it is sound, and not when it is broken."""

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.cell import Cell
from alys.actors.context import Context
from alys.actors.envelope import Envelope
from alys.actors.mailbox import Mailbox, Overflow
from alys.actors.message import Message, Priority, Request
from alys.actors.state import Status
from alys.actors.supervision import Backoff, ChildSpec
from alys.oracles.broken import Broken
from alys.sim.testkit import ActorKit
from alys.worlds.witnesses import Witnesses

Lie = Callable[[pytest.MonkeyPatch], None]


class Say(Message, frozen=True, kw_only=True):
    """Does nothing, fails, is put aside, or takes its time."""

    word: str = ""


class Cry(Say, frozen=True, kw_only=True):
    """Urgent."""

    priority = Priority.HIGH


class Question(Request[str], frozen=True, kw_only=True):
    """Is asked while nobody answers in time."""

    timeout_seconds = 1.0


class Listener(Actor):
    """Hears."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    @override
    def on_start(self, ctx: Context) -> None:
        """Ticks for ever, and now and then forgets an earlier wish."""
        ctx.every(0.7, Say(word="tick"))
        ctx.after(0.5, Say(word="replaced"), key="k")
        ctx.after(0.5, Say(word="kept"), key="k")

    async def on_say(self, message: Say, ctx: Context) -> None:
        """As the word says."""
        self.heard.append(message.word)
        if message.word == "fail":
            raise ValueError("as told")
        if message.word == "aside":
            ctx.stash(message)
        if message.word == "back":
            ctx.unstash()
        if message.word == "slow":
            await ctx.ask(ctx.whereis("deaf"), Question())

    def on_cry(self, message: Cry, ctx: Context) -> None:
        """Heard first."""


class Deaf(Actor):
    """Never answers."""

    def on_question(self, message: Question, ctx: Context) -> str:
        """Some day."""
        ctx.defer()
        return ""


class Speaker(Actor):
    """Says a lot, in both lanes, and ends; who watches hears of it."""

    def __init__(self, words: list[str]) -> None:
        self._words = words

    def on_say(self, message: Say, ctx: Context) -> None:
        """Say it all, and end."""
        listener = ctx.whereis("listener")
        ctx.watch(listener)
        for word in self._words:
            try:
                ctx.tell(listener, Cry() if word == "cry" else Say(word=word))
            except Exception:
                continue
        ctx.stop()


class Watcher(Actor):
    """Hears of the speaker's end."""

    def on_say(self, message: Say, ctx: Context) -> None:
        """Watch."""
        ctx.watch(ctx.whereis("speaker"), Say(word="gone"))


def life(kit: ActorKit, overflow: Overflow = Overflow.FAIL) -> None:
    """A little of everything that may become of a message."""
    kit.allow_failures()
    words = ["a", "cry", "b", "aside", "c", "slow", "d", "cry", "back", "nonsense", "e"]
    spec = ChildSpec(
        name="listener",
        factory=Listener,
        register="listener",
        mailbox_messages_max=8,
        mailbox_reserve=1,
        restart_messages_max=2,
        overflow=overflow,
        backoff=Backoff(min_seconds=2.0, max_seconds=2.0),
    )
    kit.spawn(ChildSpec(name="deaf", factory=Deaf, register="deaf"))
    listener = kit.spawn(spec)
    speaker = kit.spawn(
        ChildSpec(name="speaker", factory=lambda: Speaker(words), register="speaker")
    )
    watcher = kit.spawn(Watcher, "watcher")
    kit.tell(watcher, Say())
    kit.settle()
    for _ in range(3):
        kit.tell(speaker, Say())
        kit.advance(3.0)
    kit.tell(listener, Say(word="fail"))
    kit.advance(0.5)
    for _ in range(4):
        kit.tell(listener, Say(word="while it is down"))
    kit.advance(30.0)
    kit.stop(listener)
    kit.tell(listener, Say(word="too late"))
    kit.close()


@pytest.mark.parametrize("overflow", Overflow)
def test_a_sound_runtime_is_found_sound(overflow: Overflow) -> None:
    with ActorKit(seed=3) as kit:
        witnesses = Witnesses(kit)
        life(kit, overflow)
    samples = witnesses.close()
    assert samples["supervision"] >= 1
    assert min(samples[name] for name in ("order", "conservation", "mailbox")) >= 40


# Breakages


def mailbox(change: Callable[[Mailbox, Any, Priority], bool]) -> Lie:
    """A mailbox that does something else with ordinary messages where ``change`` says so."""

    def break_it(patch: pytest.MonkeyPatch) -> None:
        true: Any = Mailbox._append

        def append(self: Mailbox, entry: Any, priority: Priority) -> None:
            if not change(self, entry, priority):
                true(self, entry, priority)

        patch.setattr(Mailbox, "_append", append)

    return break_it


def loses(box: Mailbox, entry: Any, priority: Priority) -> bool:
    return bool(getattr(entry.message, "word", "") == "a")


def doubles(box: Mailbox, entry: Any, priority: Priority) -> bool:
    if getattr(entry.message, "word", "") == "a":
        box.queue.append(entry)
    return False


def reorders(box: Mailbox, entry: Any, priority: Priority) -> bool:
    if getattr(entry.message, "word", "") in ("back", "while it is down"):
        box.queue.appendleft(entry)
    return bool(getattr(entry.message, "word", "") in ("back", "while it is down"))


def ignores_urgency(box: Mailbox, entry: Any, priority: Priority) -> bool:
    if priority is Priority.HIGH:
        box.queue.append(entry)
    return priority is Priority.HIGH


def news_too_early(patch: pytest.MonkeyPatch) -> None:
    def put(self: Mailbox, entry: Envelope, sender: Any, origin: Any) -> Priority:
        self.queue.appendleft(entry)
        return Priority.NORMAL

    patch.setattr(Mailbox, "put_behind", put)


def no_bound(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Mailbox, "is_full", lambda self, priority: False)


def no_bound_in_restarts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Cell, "_is_open_for", lambda self, entry: True)


def overlaps(patch: pytest.MonkeyPatch) -> None:
    suspend: Any = Cell._suspend

    def suspended(self: Any, coroutine: Any, entry: Any) -> Any:
        made = suspend(self, coroutine, entry)
        self.system.dispatcher.call_after(0.01, go_on, self)
        return made

    def go_on(self: Any) -> None:
        entry = self.mailbox.take()
        if entry is not None:
            self._handle(entry)

    patch.setattr(Cell, "_suspend", suspended)


def handles_while_failed(patch: pytest.MonkeyPatch) -> None:
    true: Any = Cell.pause

    def pause(self: Any) -> None:
        true(self)
        entry = self.mailbox.take()
        if entry is not None and not isinstance(entry.message, str):
            self.status = Status.FAILED
            self._handle(entry)

    patch.setattr(Cell, "pause", pause)


def swallows_letters(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Cell, "lose", lambda self, entry, reason: None)


def forgets_to_refuse(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Cell, "_gave_way", lambda self, victim, reason: None)


@pytest.mark.parametrize(
    ("lie", "oracle"),
    [
        (mailbox(loses), "conservation"),
        (mailbox(doubles), "conservation"),
        (mailbox(reorders), "order"),
        (mailbox(ignores_urgency), "order"),
        (no_bound, "mailbox"),
        (no_bound_in_restarts, "mailbox"),
        (overlaps, "order"),
        (handles_while_failed, "order"),
        (swallows_letters, "conservation"),
        (forgets_to_refuse, "conservation"),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_a_broken_runtime_is_found(lie: Lie, oracle: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lie(monkeypatch)
    kit = ActorKit(seed=3)
    witnesses = Witnesses(kit)
    with contextlib.suppress(Exception):  # whatever else comes of it
        life(kit)
    with pytest.raises(Broken) as found:
        witnesses.close()
    assert found.value.oracle == oracle
