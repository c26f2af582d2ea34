"""The oracle of conservation, fed with truths and with lies."""

import pytest

from alys.oracles.broken import Broken
from alys.oracles.conservation import Conservation

BOB = 2


def test_messages_that_end_once_are_conserved() -> None:
    mail = Conservation()
    for message in "abcd":
        mail.sent(message, BOB)
    mail.begun("a")
    mail.ended("a")
    mail.begun("b")
    assert mail.lost("b")  # its handler failed
    assert mail.lost("c")
    assert not mail.lost("e")  # refused at once
    mail.close(held={"d"}, numbers=5)
    assert (mail.samples, mail.entered, mail.refusals) == (3, 4, 1)


def test_a_message_that_is_nowhere_is_found_and_named() -> None:
    mail = Conservation(lambda message: f"letter {message}")
    mail.sent("a", BOB)
    with pytest.raises(Broken, match=r"neither handled nor lost nor waiting.*letter a") as found:
        mail.close(held=set())
    assert found.value.oracle == "conservation"
    assert found.value.facts["count"] == 1


def test_a_message_that_comes_in_twice_is_found() -> None:
    mail = Conservation()
    mail.sent("a", BOB)
    with pytest.raises(Broken, match="came into a mailbox twice"):
        mail.sent("a", BOB)


def test_a_message_that_is_handled_twice_is_found() -> None:
    mail = Conservation()
    mail.sent("a", BOB)
    mail.begun("a")
    mail.ended("a")
    with pytest.raises(Broken, match="for the second time"):
        mail.ended("a")
    with pytest.raises(Broken, match="had come to its end before"):
        mail.begun("a")


@pytest.mark.parametrize(
    ("numbers", "what"), [(2, "never came into a mailbox"), (0, "refused twice")]
)
def test_what_senders_counted_is_all_that_was_heard_of(numbers: int, what: str) -> None:
    mail = Conservation()
    mail.lost("a")
    with pytest.raises(Broken, match=what):
        mail.close(held=(), numbers=numbers)
