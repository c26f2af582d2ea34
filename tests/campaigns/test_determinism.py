"""Two processes, two hash seeds: a trace that depends on the hash of a string is found, with the record where it parts."""

import os
import re

from alys.campaigns import determinism
from alys.campaigns.determinism import Asked

LEAKY = "tests.campaigns.leaky"


def asked(first: int, after: int) -> Asked:
    return Asked(first=first, after=after, environment=dict(os.environ))  # noqa: TID251 - for a child


def test_seeds_that_leave_one_trace_are_counted() -> None:
    done: list[int] = []
    found = determinism.check(asked(0, 3), program=LEAKY, progress=done.append)
    assert (found.seeds, found.distinct, found.differences, found.lost) == (3, 3, (), ())
    assert done[-1] == 3


def test_a_seed_that_leaves_two_is_named_with_the_first_record_that_differs() -> None:
    found = determinism.check(asked(2, 5), program=LEAKY)
    (difference,) = found.differences
    assert (found.seeds, difference.seed) == (3, 3)
    assert len(set(difference.hashes)) == 2
    assert re.fullmatch(
        r"record 2 is two -?\d+ in one and two -?\d+ in the other", difference.sentence
    )


def test_a_seed_whose_process_dies_is_named_and_not_compared() -> None:
    found = determinism.check(asked(4, 7), program=LEAKY)
    assert (found.seeds, found.differences) == (2, ())
    assert [(one.seed, one.lost) for one in found.lost] == [
        (5, "its process ended with exit code 7")
    ] * 2


def test_who_ends_it_early_gets_what_was_compared() -> None:
    assert determinism.check(asked(0, 10**6), program=LEAKY, stopped=lambda: True).seeds == 0


def test_where_two_traces_part() -> None:
    part = determinism.first_difference
    assert part(["a", "b"], ["a", "c"]) == "record 2 is b in one and c in the other"
    assert part(["a", "b"], ["a"]) == "record 2 is b in one and (no more records) in the other"
    assert part(["a"], ["a", "b\n"]) == "the other goes on with b"
    assert part(["a"], ["a"]) == "no record differs"
    assert len(part(["a" * 9_999], ["b" * 9_999])) < 1_000
