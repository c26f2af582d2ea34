"""The oracle of profit, fed with truths and with lies."""

import pytest

from alys.oracles.broken import Broken
from alys.oracles.profit import Profit

SAT = 10**10


def test_who_has_what_came_to_him_or_less_gained_nothing() -> None:
    people = Profit()
    people.deposited("ada", 1_000)
    people.paid("ada", "bob", 3 * SAT)
    people.has("ada", 97 * SAT, 900)
    people.has("bob", 2 * SAT, 0)
    people.has("eve", 0, 0)
    assert people.samples == 3


@pytest.mark.parametrize(
    ("person", "wei", "sats"), [("ada", 97 * SAT + 1, 900), ("bob", 3 * SAT, 1), ("eve", 1, 0)]
)
def test_who_has_one_wei_too_much_is_found(person: str, wei: int, sats: int) -> None:
    people = Profit()
    people.deposited("ada", 1_000)
    people.paid("ada", "bob", 3 * SAT)
    with pytest.raises(Broken, match=f"more than ever came to him.*person {person}") as found:
        people.has(person, wei, sats)
    assert found.value.oracle == "profit"
