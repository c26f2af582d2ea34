"""The forger's manners towards those whom it offers blocks."""

from types import SimpleNamespace

import pytest

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.errors import MailboxFull
from alys.actors.supervision import ChildSpec
from alys.chain import blocks
from alys.node.messages import BlockProposed
from alys.sim.testkit import ActorKit
from alys.worlds.forger import Forger, Offer


class Deaf(Actor):
    """Never gets to its mail."""

    def on_block_proposed(self, message: BlockProposed, ctx: Context) -> None:
        """Not while its mailbox has no room."""


def test_who_has_no_room_for_an_offer_makes_it_fail_and_not_the_forger(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(blocks, "decode", lambda _: SimpleNamespace(block=None))
    monkeypatch.setattr(blocks, "root", lambda _: b"root")
    with ActorKit() as kit:
        kit.spawn(ChildSpec(name="deaf", factory=Deaf, register="deaf", mailbox_messages_max=1))
        forger = kit.spawn(Forger, "forger")
        with pytest.raises(MailboxFull):
            kit.ask(forger, Offer(block=b"x", to=("deaf", "deaf", "deaf")))
        assert kit.effects.failures() == []
