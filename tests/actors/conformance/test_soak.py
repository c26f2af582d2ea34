"""Checks 66 and 70 of the runtime's contract: nothing is lost or left over, and after the trouble all goes on.

The worlds of ``soak`` judge themselves; what a world did is a function of its seed, so a failure is repeated by
``python -m tests.actors.conformance.soak SEED``.
"""

import functools
from collections import Counter

import pytest

from alys.actors.cell import Cell
from tests.actors.conformance import soak
from tests.actors.conformance.books import Books, FullBooks

SEEDS = 1000
LOOP_SEEDS = 24

#: Rare states that a campaign must have been in, or it proves little: what the books call them.
SOMETIMES = {
    *("dead: aborted", "dead: failed", "dead: late reply", "dead: mailbox full", "dead: stopped"),
    *("dead: not watched", "dead: old timer", "dropped: mailbox full", "dropped: restarting"),
    *("ask: ActorStopped", "ask: AskCycle", "ask: AskFailed", "ask: AskTimeout", "ask: Boom"),
    *("ask: MailboxFull", "send: ActorStopped", "send: AskCycle", "send: MailboxFull"),
    *("stood in line", "was let in", "stash full", "failed after stash", "receive timeout", "pill"),
    *(
        "failed in its factory",
        "failed in on_start",
        "failed in pre_restart",
        "failed in post_stop",
    ),
    *("failed late in on_start", "failed late in pre_restart", "failed late in post_stop"),
    *("failed: DeathPact", "failed: StartFailed", "finally", "name taken", "watched otherwise"),
    *("escalated: ChildEscalated", "escalated: IntensityExceeded", "resumed"),
    *("restarted: Boom", "restarted: SiblingFailed", "restarted: ChildEscalated"),
    *("restarted: IntensityExceeded", "restarted: StartFailed", "stopped: normal"),
    *("stopped: failed: Boom", "stopped: killed", "stopped: killed: parent", "stopped: shutdown"),
    *("stopped: killed: Boom", "stopped: shutdown: intensity", "stopped: shutdown: stopped"),
    *("stopped: shutdown: parent", "interviewed"),
}


def some_worlds() -> None:
    for seed in range(20):
        soak.simulate(seed)


@functools.cache
def campaign() -> tuple[list[str], Counter[str]]:
    """What went wrong in which world, and all that has happened. Every second world has bare messages."""
    wrong: list[str] = []
    happened: Counter[str] = Counter()
    for seed in range(SEEDS):
        try:
            happened += soak.simulate(seed, Books if seed % 2 else FullBooks).probes
        except Exception as error:
            wrong.append(f"seed {seed}: {type(error).__name__}: {error}")
    return wrong, happened


@pytest.mark.slow
def test_66_conservation_each_letter_ends_once_and_nothing_outlives_the_system() -> None:
    """Sent is handled, dead, dropped or queued, by number and by envelope; no timer, slot, watch or child is left."""
    wrong, _ = campaign()
    assert wrong == []


@pytest.mark.slow
def test_66_conservation_holds_on_asyncio_with_asks_that_are_answered_at_once() -> None:
    """The same on the real loop, where messages are bare: the actors themselves count."""
    for seed in range(LOOP_SEEDS):
        soak.on_a_loop(seed)


@pytest.mark.slow
def test_66_conservation_holds_on_asyncio_when_every_message_is_observed() -> None:
    """The same on the real loop in envelopes."""
    for seed in range(LOOP_SEEDS // 2):
        soak.on_a_loop(seed, FullBooks)


@pytest.mark.slow
def test_70_liveness_after_heal_and_every_rare_state_was_met() -> None:
    """Once the faults end, every actor at rest answers in time, and so is every ask of the time before."""
    wrong, happened = campaign()
    assert wrong == []
    assert SOMETIMES - set(happened) == set()


def test_70_an_unanswered_ask_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: a runtime that forgets to wake an actor does not pass."""
    monkeypatch.setattr(Cell, "_go_on", lambda cell: None)
    with pytest.raises(AssertionError):
        some_worlds()


def test_66_a_lost_letter_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: a runtime that loses what was put aside does not pass."""

    def forget(cell: Cell) -> None:
        if cell.belongings is not None:
            cell.belongings.stash = None

    monkeypatch.setattr(Cell, "_replay_stash", forget)
    with pytest.raises(AssertionError):
        some_worlds()
