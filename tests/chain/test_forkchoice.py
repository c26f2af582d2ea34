"""The rules of approval: each by an example, and all of them in worlds of chance where no two final blocks may ever share a height.

Each rule is also broken once: then two final blocks of one height come about, so the worlds are wild enough to tell.
"""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from alys.chain import forkchoice
from alys.chain.forkchoice import Objection, Standing, Vote
from tests.chain.paper import GENESIS, DoubleFinality, World

SEEDS = 150
STEPS = 150


def block(name: str, parent: Standing, slot: int, final: Standing | None = None) -> Standing:
    end = final or GENESIS
    return Standing(
        root=name.encode(),
        parent=parent.root,
        height=parent.height + 1,
        slot=slot,
        finalised_height=end.height,
        finalised_root=end.root,
    )


A1 = block("a1", GENESIS, 1)
A2 = block("a2", A1, 4)
B1 = block("b1", GENESIS, 2)
B2 = block("b2", B1, 6)
TREE = {one.root: one for one in (GENESIS, A1, A2, B1, B2)}


def vote(name: str, parent: Standing, slot: int, end: Standing | None = None, **rest: Any) -> Vote:
    return Vote(
        root=name.encode(),
        slot=slot,
        parent=parent.root,
        parent_slot=parent.slot,
        range_end=b"" if end is None else end.root,
        **rest,
    )


# The head


def test_the_head_is_the_highest_final_then_the_highest_then_the_lowest_root() -> None:
    assert forkchoice.best(TREE) == A2, "of two of one height the lower root"
    b3 = block("b3", B2, 8)
    assert forkchoice.best({**TREE, b3.root: b3}) == b3
    final = block("c2", A1, 9, final=A1)
    assert forkchoice.best({**TREE, b3.root: b3, final.root: final}) == final


def test_a_reorganisation_leaves_from_the_top_and_comes_from_below() -> None:
    left, come = forkchoice.reorganisation(TREE, A2.root, B2.root)
    assert (left, come) == ((A2, A1), (B1, B2))
    assert forkchoice.reorganisation(TREE, A1.root, A2.root) == ((), (A2,))
    assert forkchoice.reorganisation(TREE, A2.root, A2.root) == ((), ())


def test_what_is_beside_a_final_block_is_forgotten() -> None:
    assert set(forkchoice.above(TREE, A1.root)) == {A1.root, A2.root}
    assert not forkchoice.descends(TREE, A1.root, A2.root)
    assert not forkchoice.descends(TREE, b"unknown", A1.root)
    assert not forkchoice.descends(TREE, A1.root, b"unknown")


# The rules


def test_slots_increase() -> None:
    cast = [vote("x", A2, 7)]
    for slot, expected in ((6, Objection.SLOT_USED), (7, Objection.SLOT_USED), (8, None)):
        assert forkchoice.objection(vote("y", A2, slot), cast, TREE) is expected


def test_who_approved_a_range_to_be_final_approves_beside_it_only_on_a_later_parent() -> None:
    cast = [vote("f", A2, 7, A1)]
    assert forkchoice.objection(vote("y", A2, 8), cast, TREE) is None
    assert forkchoice.objection(vote("y", B1, 8), cast, TREE) is Objection.LOCKED
    assert forkchoice.objection(vote("y", B2, 8), cast, TREE) is None, "b2 is later than a2"
    strict = [vote("f", A2, 7, A1, strict=True)]
    assert forkchoice.objection(vote("y", B2, 8), strict, TREE) is Objection.LOCKED


def test_nothing_is_made_final_beside_a_block_that_may_be_sealed() -> None:
    cast = [vote("x", B1, 5)]
    assert forkchoice.objection(vote("f", A2, 8, A1), cast, TREE) is Objection.VOTED_BESIDE
    assert forkchoice.objection(vote("f", A2, 8, A1, strict=True), cast, TREE) is None
    assert forkchoice.objection(vote("y", A2, 8), cast, TREE) is None, "it makes nothing final"
    early = [vote("x", B1, 3)]
    assert forkchoice.objection(vote("f", A2, 8, A1), early, TREE) is None
    cannot = [vote("g", B1, 7, B1)]
    assert forkchoice.objection(vote("f", A2, 8, A1), cannot, TREE) is None, "a2 forbade it"


def test_a_block_on_an_older_parent_than_the_head_is_its_authors_ignorance() -> None:
    assert forkchoice.objection(vote("y", B1, 8), [], TREE) is Objection.BEHIND
    assert forkchoice.objection(vote("y", B2, 8), [], TREE) is None
    later = block("b2", B1, 3)
    tree = {**TREE, later.root: later}
    assert forkchoice.objection(vote("y", later, 8), [], tree) is None, "it would be the highest"


def test_who_approves_beside_a_range_shows_that_it_did_not_approve_it_and_a_void_vote_binds_nobody() -> (
    None
):
    mine = vote("f", A2, 7, A1)
    assert forkchoice.disproves(vote("y", B1, 8), mine, TREE)
    assert not forkchoice.disproves(vote("y", B1, 6), mine, TREE), "it came before"
    assert not forkchoice.disproves(vote("y", B2, 8), mine, TREE), "everybody may"
    void = [msgspec.structs.replace(mine, void=True)]
    assert forkchoice.objection(vote("y", B1, 8), void, TREE) is Objection.BEHIND
    assert forkchoice.objection(vote("y", B1, 7), void, TREE) is Objection.SLOT_USED


def test_who_is_bound_builds_on_the_latest_block_which_is_free_to_everybody() -> None:
    assert forkchoice.base([], TREE, 9) == A2
    assert forkchoice.base([vote("f", B2, 7, B1)], TREE, 9) == B2
    assert forkchoice.base([vote("f", A2, 7, A1)], TREE, 9) == A2


def test_votes_are_kept_above_the_final_block_and_the_last_always() -> None:
    cast = [vote("x", GENESIS, 1), vote("y", A1, 3), vote("z", A1, 4)]
    assert forkchoice.kept(cast, A1) == tuple(cast[1:])
    assert forkchoice.kept(cast, block("high", A2, 50)) == (cast[2],)
    assert forkchoice.kept([], A1) == ()


def test_an_auxpow_block_is_strict_where_nothing_else_is_valid_for_a_while() -> None:
    assert not forkchoice.is_strict(100, A2, 3, 5), "blocks without an AuxPoW are valid"
    assert not forkchoice.is_strict(A2.slot + 12, A2, 3, 2)
    assert forkchoice.is_strict(A2.slot + 13, A2, 3, 2)


# All of them in worlds of chance


@pytest.mark.parametrize("count", [3, 4])
def test_no_height_is_final_twice_and_after_healing_all_agree_and_go_on(count: int) -> None:
    for seed in range(SEEDS):
        world = World(count, seed)
        world.run(STEPS)
        before = max(world.final, default=0)
        world.heal()
        world.in_peace(rounds=40)
        heads = {one.head.root for one in world.everyone}
        final = min(one.head.finalised_height for one in world.everyone)
        assert len(heads) == 1, f"seed {seed}: {heads}"
        assert final > before, f"seed {seed}: nothing becomes final any more"


def test_one_of_four_stays_down_and_the_others_go_on() -> None:
    for seed in range(40):
        world = World(4, seed)
        world.run(60)
        before = max(world.final, default=0)
        world.heal(down=1)
        world.in_peace(rounds=40)
        alive = [one for one in world.everyone if one.alive]
        assert min(one.head.finalised_height for one in alive) > before, f"seed {seed}"


def doubles(count: int, seeds: int = SEEDS) -> int:
    """Worlds in which a height is final twice, of those where authors build on anything."""
    found = 0
    for seed in range(seeds):
        try:
            World(count, seed, prudent=False).run(STEPS)
        except DoubleFinality:
            found += 1
    return found


@pytest.mark.parametrize("count", [3, 4])
def test_authors_may_build_on_anything_and_no_height_is_final_twice(count: int) -> None:
    assert doubles(count) == 0


_objection = forkchoice.objection


def without_slots(vote: Vote, votes: Any, tree: Any) -> Objection | None:
    return _objection(vote, [one for one in votes if one.slot < vote.slot], tree)


@pytest.mark.parametrize(
    ("rule", "broken"),
    [
        ("objection", without_slots),
        ("_forbids", lambda *_: False),
        ("_voted_beside", lambda *_: False),
    ],
)
def test_without_one_of_the_rules_a_height_is_final_twice(
    rule: str, broken: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forkchoice, rule, broken)
    assert doubles(3) > 0
