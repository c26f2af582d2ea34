"""The oracle of mailboxes' bounds, fed with truths and with lies."""

import pytest

from alys.oracles.bounds import Bounds
from alys.oracles.broken import Broken

BOB = 2


def box(bound: int = 2, reserve: int = 1) -> Bounds:
    bounds = Bounds()
    bounds.opened(BOB, bound, reserve)
    return bounds


def test_a_mailbox_may_be_filled_to_its_bound_again_and_again() -> None:
    bounds = box()
    for _ in range(3):
        bounds.entered(BOB, urgent=False)
        bounds.entered(BOB, urgent=False)
        bounds.left(BOB)
        bounds.left(BOB)
    assert (bounds.samples, bounds.full) == (6, 3)


def test_one_above_the_bound_is_found() -> None:
    bounds = box()
    bounds.entered(BOB, urgent=False)
    bounds.entered(BOB, urgent=False)
    with pytest.raises(Broken, match="more than its bound") as found:
        bounds.entered(BOB, urgent=False)
    assert found.value.oracle == "mailbox"
    assert (found.value.facts["count"], found.value.facts["bound"]) == (3, 2)


def test_urgent_messages_have_the_reserve_and_no_more() -> None:
    bounds = box()
    for _ in range(3):
        bounds.entered(BOB, urgent=True)
    with pytest.raises(Broken, match=r"count 4.*reserve 1"):
        bounds.entered(BOB, urgent=True)


def test_nobody_is_judged_whose_bound_is_unknown_or_who_is_gone() -> None:
    bounds = box(bound=1, reserve=0)
    bounds.entered(BOB, urgent=False)
    bounds.closed(BOB)
    bounds.entered(BOB, urgent=False)
    bounds.left(BOB)
    assert bounds.samples == 1


def test_a_restart_lets_in_so_many_and_no_more() -> None:
    bounds = box()
    bounds.restarting(BOB, messages_max=1)
    bounds.restarted(BOB)
    bounds.restarting(BOB, messages_max=1)
    with pytest.raises(Broken, match="during a restart"):
        bounds.restarting(BOB, messages_max=1)


def test_what_seems_to_be_too_much_is_looked_at() -> None:
    there = [1]
    bounds = Bounds(lambda receiver: there[0])
    bounds.opened(BOB, 1, 0)
    bounds.entered(BOB, urgent=False)
    bounds.entered(BOB, urgent=False)  # the first was lost meanwhile
    there = [2]
    with pytest.raises(Broken, match="count 2"):
        bounds.entered(BOB, urgent=False)
