"""A scenario's way to the actors: it sees what is there, breaks what it says, and hears when that was nothing."""

import pytest

from alys.base.errors import Inconclusive
from alys.worlds.supervised import Branch, Leaf
from tests.worlds.grounds import Ground, play

PLAN = Branch(
    name="t",
    children=(
        Leaf(name="a"),
        Branch(name="low", children=(Leaf(name="b", mailbox=2),)),
    ),
)


def test_a_tree_is_up_when_it_is_spawned_and_seen_parents_first() -> None:
    async def scenario(ground: Ground) -> None:
        path = await ground.actors.spawn(PLAN)
        seen = await ground.actors.tree(path)
        assert [view.path for view in seen] == [
            *("/alys/t", "/alys/t/a", "/alys/t/low", "/alys/t/low/b"),
        ]
        assert {view.status for view in seen} == {"running"}
        assert len({view.instance for view in seen} - {0}) == 4
        assert await ground.actors.find("/alys/nobody") is None
        assert await ground.actors.children(path) == ("a running", "low running")

    play(scenario)


def test_the_instance_behind_a_ref_is_told_by_itself_and_not_by_the_runtimes_count() -> None:
    async def scenario(ground: Ground) -> None:
        await ground.actors.spawn(PLAN)
        before = await ground.actors.find("/alys/t/a")
        same = await ground.actors.find("/alys/t/a")
        assert before == same
        assert before is not None
        ground.system.cells()[2].incarnation += 1  # a runtime that only says so
        after = await ground.actors.find("/alys/t/a")
        assert after is not None
        assert (after.incarnation, after.instance) == (1, before.instance)

    play(scenario)


def test_a_kill_takes_the_subtree_its_place_is_filled_and_the_old_ones_answer_no_more() -> None:
    async def scenario(ground: Ground) -> None:
        await ground.actors.spawn(PLAN)
        before = await ground.actors.find("/alys/t/low/b")
        assert before is not None
        fault = await ground.actors.kill("/alys/t/low")
        assert len(fault.touched) == 2
        await ground.settle()
        after = await ground.actors.find("/alys/t/low/b")
        assert after is not None
        assert after.uid != before.uid
        assert await ground.actors.recall("/alys/t/low/b", uid=before.uid) is None
        assert await ground.actors.recall("/alys/t/low/b") is not None
        assert await ground.actors.orphans() == ()

    play(scenario)


def test_an_orphan_is_found_by_what_was_started_and_never_ended() -> None:
    async def scenario(ground: Ground) -> None:
        await ground.actors.spawn(PLAN)
        parent = next(cell for cell in ground.system.cells() if cell.path == "/alys/t/low")
        (child,) = parent.family.living()
        parent.family.cells.clear()
        assert await ground.actors.orphans() == (f"/alys/t/low/b#{child.uid}",)

    play(scenario)


def test_who_is_not_there_cannot_be_broken() -> None:
    async def scenario(ground: Ground) -> None:
        with pytest.raises(Inconclusive, match="kill of /alys/nobody touched nothing"):
            await ground.actors.kill("/alys/nobody")
        with pytest.raises(Inconclusive, match="there is no actor at /alys/nobody"):
            await ground.actors.suspend("/alys/nobody")
        assert await ground.actors.memory("/alys/nobody") == 0
        fault = await ground.actors.crash("/alys/nobody")
        with pytest.raises(Inconclusive, match="crash of /alys/nobody touched nothing"):
            await ground.actors.bitten(fault, timeout_s=1.0)

    play(scenario)


def test_a_full_mailbox_takes_only_what_it_has_room_for() -> None:
    async def scenario(ground: Ground) -> None:
        await ground.actors.spawn(PLAN)
        await ground.actors.suspend("/alys/t/low/b")
        assert await ground.actors.say("/alys/t/low/b", "1", "2", "3") == 2
        view = await ground.actors.find("/alys/t/low/b")
        assert view is not None
        assert view.waiting == 2
        await ground.actors.resume("/alys/t/low/b")
        await ground.settle()
        told = await ground.actors.recall("/alys/t/low/b")
        assert told is not None
        assert told.notes == ("1", "2")
        assert (await ground.actors.counters("/alys/t/low/b")).dead_letters == 1

    play(scenario)
