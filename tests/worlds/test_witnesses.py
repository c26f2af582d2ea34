"""Witnesses: made before the first actor, they hear first, keep what they find, and say how much they saw."""

import pytest
from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.envelope import Envelope
from alys.actors.message import Message
from alys.actors.observe import Observer, together
from alys.actors.ref import Ref
from alys.base.errors import AlysBug
from alys.oracles.broken import Broken
from alys.sim.testkit import ActorKit
from alys.worlds.witnesses import Witnesses


class Word(Message, frozen=True, kw_only=True):
    """Is heard."""


class Hearer(Actor):
    """Hears."""

    def on_word(self, message: Word, ctx: Context) -> None:
        """Nothing more."""


class Disturber(Observer):
    """Makes handlers fail, as an ordered fault does."""

    @override
    def handling(self, envelope: Envelope, target: Ref) -> None:
        """Fail."""
        raise ValueError("ordered")


def test_say_how_much_they_saw() -> None:
    with ActorKit() as kit:
        witnesses = Witnesses(kit)
        hearer = kit.spawn(Hearer, "hearer")
        for _ in range(5):
            kit.tell(hearer, Word())
        kit.settle()
        assert witnesses.close()["order"] == 5  # before the end
    witnesses.require()
    assert witnesses.close()["conservation"] == 5


def test_hear_of_a_message_before_a_fault_strikes_it() -> None:
    with ActorKit() as kit:
        kit.allow_failures()
        kit.system.observer = together(kit.system.observer, Disturber())
        witnesses = Witnesses(kit)
        hearer = kit.spawn(Hearer, "hearer")
        for _ in range(3):
            kit.tell(hearer, Word())
        kit.settle()
    assert witnesses.close()["order"] == 3


def test_come_too_late_where_actors_run_already() -> None:
    with ActorKit() as kit:
        kit.spawn(Hearer, "hearer")
        with pytest.raises(AlysBug, match="before the world opens"):
            Witnesses(kit)


def test_keep_the_first_thing_that_was_found() -> None:
    with ActorKit() as kit:
        told: list[Broken] = []
        witnesses = Witnesses(kit, told.append)
        hearer = kit.spawn(Hearer, "hearer")
        lie = Envelope(Word(), kit.system.outside, 7)
        kit.settle()
        witnesses.observer.handled(lie, hearer)
        witnesses.observer.handling(lie, hearer)
        with pytest.raises(Broken, match="for the second time"):
            witnesses.require()
        with pytest.raises(Broken, match="for the second time"):
            witnesses.close()
    assert told == [witnesses.broken]
