"""The three forms of a message on its way say the same about it, as far as they know it."""

import pytest

from alys.actors.envelope import Entry, Envelope, message_of, reply_of, sender_of
from alys.actors.ref import Ref
from alys.actors.reply import Reply
from alys.base.prng import SeededRandom
from alys.sim.dispatch import SimDispatcher
from tests.actors.stage import Say

A = Ref("/a", 2)
HELLO = Say(text="hello")
SLOT: Reply[None] = Reply(SimDispatcher(SeededRandom(0), 0.0))


@pytest.mark.parametrize(
    ("entry", "sender", "reply"),
    [
        (HELLO, None, None),
        ((HELLO, (A, "pegin:1"), None), A, None),
        ((HELLO, (A, None), SLOT), A, SLOT),
        (Envelope(HELLO, A, 1), A, None),
        (Envelope(HELLO, A, 1, reply=SLOT), A, SLOT),
    ],
    ids=["bare", "tuple", "asked", "envelope", "asked in an envelope"],
)
def test_whatever_form_it_has_it_says_what_was_sent_by_whom_and_who_waits(
    entry: Entry, sender: Ref | None, reply: Reply[None] | None
) -> None:
    assert (message_of(entry), sender_of(entry), reply_of(entry)) == (HELLO, sender, reply)


def test_the_id_of_a_message_is_its_senders_number_and_count() -> None:
    assert Envelope(HELLO, A, 7).id == "2.7"


def test_two_envelopes_of_the_same_content_are_two() -> None:
    assert Envelope(HELLO, A, 1) != Envelope(HELLO, A, 1)
