"""Test actors do what they are told, and plans become the specs that they say."""

import itertools

import pytest

from alys.actors.mailbox import Overflow
from alys.actors.memory import memory_of
from alys.actors.supervision import Restart
from alys.actors.supervisor import Supervisor
from alys.base.errors import UsageError
from alys.sim.testkit import ActorKit
from alys.worlds import specimens
from alys.worlds.supervised import Branch, Leaf, Recollection


def made() -> specimens.Specimen:
    return specimens.Specimen(1, lambda kind, actor: None)


def test_a_leaf_keeps_its_mailbox_and_policy_and_a_branch_becomes_a_supervisor() -> None:
    leaf = specimens.spec_of(Leaf(name="x", mailbox=3, overflow="suspend"), made)
    assert (leaf.name, leaf.mailbox_messages_max, leaf.overflow) == ("x", 3, Overflow.SUSPEND)
    branch = specimens.spec_of(
        Branch(name="b", children=(Leaf(name="x"),), restart="temporary"), made
    )
    assert branch.restart is Restart.TEMPORARY
    assert isinstance(branch.factory(), Supervisor)


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (Leaf(name="x", overflow="drop_odd"), "overflow 'drop_odd' is none of .*'drop_old'"),
        (Branch(name="b", children=(), restart="always"), "restart 'always' is none of permanent"),
        (
            Branch(name="b", children=(), strategy="one_for_al"),
            "strategy 'one_for_al' .* did you mean 'one_for_all'",
        ),
    ],
)
def test_a_plan_with_a_wrong_word_names_the_field_and_the_right_words(
    plan: Branch | Leaf, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        specimens.spec_of(plan, made)


def test_a_specimen_notes_sends_on_hoards_and_forgets_all_when_it_is_restarted() -> None:
    numbers = itertools.count(1)
    diary: list[str] = []

    def make() -> specimens.Specimen:
        return specimens.Specimen(next(numbers), lambda kind, actor: diary.append(kind))

    with ActorKit() as kit:
        kit.allow_failures(TypeError)
        first, second = kit.spawn(make, "first"), kit.spawn(make, "second")
        kit.tell(first, specimens.Say(note="a"))
        kit.tell(first, specimens.Relay(to=second, note="b"))
        kit.settle()
        assert kit.ask(first, specimens.Recall()) == Recollection(instance=1, notes=("a",))
        assert kit.ask(second, specimens.Recall()).notes == ("b",)
        small = memory_of(first.cell).total_bytes
        kit.tell(first, specimens.Hoard(size=100_000))
        kit.settle()
        assert memory_of(first.cell).total_bytes - small >= 100_000
        kit.tell(first, specimens.Hoard(size="much"))  # type: ignore[arg-type]  # it fails on it
        kit.settle()
        assert kit.ask(first, specimens.Recall()) == Recollection(instance=3, notes=())
    assert diary == ["started", "started", "ended", "started", "ended", "ended"]
