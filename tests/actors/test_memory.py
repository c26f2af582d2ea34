"""The size of an actor: what it holds, without what is not its own."""

import sys

import pytest

from alys.actors.memory import Memory, memory_of, size_of
from alys.actors.ref import Ref
from alys.actors.supervision import ChildSpec
from alys.actors.system import System
from alys.base.prng import SeededRandom
from alys.sim.dispatch import SimDispatcher
from tests.actors.stage import EPOCH, Say
from tests.actors.test_metrics import Mute

MEGABYTE = 1_000_000


class Hoarder(Mute):
    """Keeps a megabyte."""

    def __init__(self) -> None:
        super().__init__()
        self.hoard = [bytes(1000) for _ in range(1000)]


class Friend(Mute):
    """Knows the system and another actor; owns neither."""

    def __init__(self, system: System, other: Ref) -> None:
        super().__init__()
        self.system = system
        self.other = other


@pytest.fixture
def system() -> System:
    return System(SimDispatcher(SeededRandom(1), EPOCH), SeededRandom(2))


def start(system: System, factory: object, **more: object) -> Ref:
    """An actor that runs."""
    ref = system.spawn(ChildSpec(factory=factory, **more))  # type: ignore[arg-type]
    dispatcher = system.dispatcher
    assert isinstance(dispatcher, SimDispatcher)
    dispatcher.run_until_idle()
    return ref


def test_a_megabyte_of_state_shows_as_a_megabyte(system: System) -> None:
    lean, fat = memory_of(start(system, Mute).cell), memory_of(start(system, Hoarder).cell)
    assert lean.exact
    assert fat.exact
    wanted = 1000 * sys.getsizeof(bytes(1000)) + sys.getsizeof([None] * 1000)
    assert wanted <= fat.state_bytes - lean.state_bytes <= wanted + 1000


def test_messages_that_wait_are_the_mailbox_and_not_the_state(system: System) -> None:
    ref = start(system, Mute)
    before = memory_of(ref.cell)
    text = "x" * 10_000
    for _ in range(10):
        system.tell(ref, Say(text=text))
    after = memory_of(ref.cell)
    assert after.state_bytes == before.state_bytes
    # ten messages share one text; the mailbox holds it once
    assert 10_000 <= after.mailbox_bytes - before.mailbox_bytes < 20_000


def test_a_long_mailbox_is_sampled_and_scaled_up(system: System) -> None:
    ref = start(system, Mute)
    for n in range(1000):
        system.tell(ref, Say(text=f"{n:04}" * 250))
    memory = memory_of(ref.cell)
    assert not memory.exact
    assert 0.9 * MEGABYTE < memory.mailbox_bytes < 1.3 * MEGABYTE


def test_what_is_put_aside_counts_as_state(system: System) -> None:
    ref = start(system, Mute)
    before = memory_of(ref.cell)
    ref.cell.more.stash = [(Say(text="y" * 5000), (ref, None), None)]
    assert 5000 <= memory_of(ref.cell).state_bytes - before.state_bytes < 7000
    ref.cell.more.stash = None


def test_other_actors_and_the_runtime_are_not_ones_own(system: System) -> None:
    fat = start(system, Hoarder)
    friend = memory_of(start(system, lambda: Friend(system, fat)).cell)
    assert friend.exact
    assert friend.total_bytes < 5000


def test_looking_ends_after_so_many_objects_and_says_so(system: System) -> None:
    memory = memory_of(start(system, Hoarder).cell, objects_max=100)
    assert not memory.exact
    assert memory.state_bytes < MEGABYTE


def test_an_object_that_is_reached_twice_counts_once() -> None:
    shared = bytes(1000)
    total, _ = size_of([shared, [shared, shared]], 100)
    assert total == sys.getsizeof(shared) + sys.getsizeof([1, 2])


def test_an_actor_that_is_gone_holds_little(system: System) -> None:
    ref = start(system, Hoarder)
    system.stop(ref)
    dispatcher = system.dispatcher
    assert isinstance(dispatcher, SimDispatcher)
    dispatcher.run_until_idle()
    assert memory_of(ref.cell).total_bytes < 2000


def test_the_total_is_the_sum() -> None:
    assert Memory(state_bytes=1, mailbox_bytes=2, exact=True).total_bytes == 3
