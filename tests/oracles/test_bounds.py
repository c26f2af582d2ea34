"""The oracle of mailboxes' bounds, fed with truths and with lies."""

import pytest

from alys.oracles.bounds import Bounds
from alys.oracles.broken import Broken

BOB = 2


def test_a_mailbox_may_be_filled_to_its_bound() -> None:
    bounds = Bounds()
    for count in (1, 2):
        bounds.entered(BOB, count, bound=2, reserve=1, urgent=False)
    assert (bounds.samples, bounds.full) == (2, 1)


def test_one_above_the_bound_is_found() -> None:
    with pytest.raises(Broken, match="more than its bound") as found:
        Bounds().entered(BOB, 3, bound=2, reserve=1, urgent=False)
    assert found.value.oracle == "mailbox"
    assert (found.value.facts["count"], found.value.facts["bound"]) == (3, 2)


def test_urgent_messages_have_the_reserve_and_no_more() -> None:
    bounds = Bounds()
    bounds.entered(BOB, 3, bound=2, reserve=1, urgent=True)
    with pytest.raises(Broken, match=r"count 4.*reserve 1"):
        bounds.entered(BOB, 4, bound=2, reserve=1, urgent=True)


def test_a_restart_lets_in_so_many_and_no_more() -> None:
    bounds = Bounds()
    bounds.restarting(BOB, messages_max=1)
    bounds.restarted(BOB)
    bounds.restarting(BOB, messages_max=1)
    with pytest.raises(Broken, match="during a restart"):
        bounds.restarting(BOB, messages_max=1)
