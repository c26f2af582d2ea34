"""Claims and walks: what a peer's word is worth, and what an answer must be."""

import pytest

from alys.chain import blocks
from alys.chain.blocks import SignedBlock
from alys.node.walk import BadRange, Claim, Walk, check_range
from tests.node.branches import GENESIS, branch

MAIN = branch(20)
OTHER = branch(20, "other", MAIN, after=5)
OWN = MAIN.head(10, finalised=4)


def claim(height: int, finalised: int = 0, on: object = MAIN) -> Claim:
    made = Claim()
    made.status = (MAIN if on is MAIN else OTHER).status(height, finalised)
    return made


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        (Claim(), False),
        (claim(9), False),
        (claim(10), False),
        (claim(11), True),
        (claim(10, on=OTHER), True),
        (claim(9, on=OTHER), False),
        (claim(9, finalised=8, on=OTHER), True),
    ],
)
def test_what_is_wanted_is_what_the_node_lacks(made: Claim, wanted: bool) -> None:
    assert made.wanted(OWN, 0.0) is wanted


def test_a_claim_that_is_doubted_or_settled_is_not_wanted() -> None:
    made = claim(20)
    made.doubt(100.0, 60.0, 600.0)
    assert not made.wanted(OWN, 159.0)
    assert made.wanted(OWN, 160.0)
    for expected in (120.0, 240.0, 480.0, 600.0, 600.0):
        made.doubt(0.0, 60.0, 600.0)
        assert made.doubted_until == expected
    made.redeem()
    made.doubt(0.0, 60.0, 600.0)
    assert made.doubted_until == 60.0
    made.settle(MAIN.root(20))
    assert not made.wanted(OWN, 60.0)


def test_a_block_that_a_peer_sent_says_that_it_has_what_is_before_it() -> None:
    made = claim(10)
    made.at_least(12)
    assert made.wanted(OWN, 0.0)
    assert made.height == 12
    assert not made.says(12)
    assert made.says(10)
    made.settle(MAIN.root(10))
    assert not made.wanted(OWN, 0.0)


def test_a_walk_begins_at_the_own_head_or_after_the_last_final_block() -> None:
    ahead = Walk.toward("a", claim(20), OWN)
    assert (ahead.start, ahead.parent, ahead.goal) == (11, MAIN.root(10), 20)
    beside = Walk.toward("a", claim(10, on=OTHER), OWN)
    assert (beside.start, beside.parent) == (5, MAIN.root(4))


def test_a_walk_asks_in_batches_until_it_is_there() -> None:
    walk = Walk.toward("a", claim(20), OWN)
    for start, count, more in ((11, 4, True), (15, 4, True), (19, 2, False)):
        walk.ask(1, 4)
        assert (walk.start, walk.count) == (start, count)
        walk.hand_over(check_range(MAIN.some(start, count), walk, {}))
        assert walk.advance() is more
    assert walk.reached_root == MAIN.root(20)


def asked(start: int, count: int, goal: int = 100) -> Walk:
    walk = Walk(peer="a", start=start, parent=GENESIS, goal=goal, goal_root=b"")
    walk.ask(1, count)
    return walk


def test_an_answer_may_be_shorter_than_what_was_asked_for() -> None:
    found = check_range(MAIN.some(3, 2), asked(3, 4), {})
    assert (found.parent, found.last, found.count) == (MAIN.root(2), MAIN.root(4), 2)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((), "0 blocks, asked for 4"),
        (MAIN.some(3, 5), "5 blocks, asked for 4"),
        ((b"junk",), "not a consensus block"),
        (MAIN.some(4, 1), "height 4 in the place of 3"),
        ((*MAIN.some(3, 1), *MAIN.some(3, 1)), "height 3 in the place of 4"),
        ((*MAIN.some(5, 1), *OTHER.some(7, 1)), "height 5 in the place of 3"),
    ],
)
def test_an_answer_that_does_not_hang_together_is_refused(
    answer: tuple[bytes, ...], words: str
) -> None:
    with pytest.raises(BadRange, match=words):
        check_range(answer, asked(3, 4), {})


def test_blocks_of_two_branches_are_no_answer() -> None:
    mixed = (*MAIN.some(6, 1), *OTHER.some(7, 1))
    with pytest.raises(BadRange, match="block 7 does not continue"):
        check_range(mixed, asked(6, 4), {})


def test_nobody_is_talked_out_of_a_checkpoint() -> None:
    kept = {8: MAIN.root(8)}
    assert check_range(MAIN.some(6, 4), asked(6, 4), kept).count == 4
    with pytest.raises(BadRange, match="block 8 is not the one that is final here"):
        check_range(OTHER.some(6, 4), asked(6, 4), kept)


def test_a_block_of_another_encoding_is_no_block() -> None:
    (encoded,) = MAIN.some(3, 1)
    signed = blocks.decode(encoded)
    assert blocks.encode(SignedBlock(block=signed.block)) == encoded
    with pytest.raises(BadRange):
        check_range((encoded + b"\0",), asked(3, 1), {})
