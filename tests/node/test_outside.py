"""Pauses and merged mining's desk, as Chain answers for them."""

import msgspec

from alys.chain import blocks
from alys.chain.blocks import AuxPowHeader
from alys.node import messages, questions
from tests.node.parliament import Parliament
from tests.node.test_importing import reach


def test_a_pause_ends_by_itself_and_outlives_a_restart() -> None:
    house = Parliament()
    reach(house, 1)
    for index in range(3):
        pause = questions.PauseProduction(reason="lunch", seconds=30.0)
        house.bench.ask(f"{index}/chain", pause)
    house.run(5.0)
    height = house.status(0).height
    assert (house.status(0).state, house.status(0).reason) == ("paused", "lunch")
    house.kill(0)
    house.start(0)
    house.run(5.0)
    assert house.status(0).state == "paused"
    assert house.status(0).height == height
    reach(house, height + 1)
    assert house.status(0).state == "active"


def test_a_pause_that_is_lifted_is_not_found_again_after_a_restart() -> None:
    house = Parliament()
    reach(house, 1)
    house.bench.ask("0/chain", questions.PauseProduction(reason="for good"))
    house.bench.ask("0/chain", questions.ResumeProduction())
    house.kill(0)
    house.start(0)
    house.run(3.0)
    assert house.status(0).state == "active"


def test_a_proof_reaches_whoever_makes_the_next_block() -> None:
    house = Parliament()
    reach(house, 2)
    assert house.mine(0)
    house.run(0.1)
    for index in range(3):
        queued = house.bench.ask(f"{index}/chain", questions.GetQueuedPow())
        assert queued is not None
        assert queued.height == house.status(0).height
    house.until(lambda: house.status(1).finalised_height >= 2, "it is in a block")
    house.run(0.5)
    assert house.bench.ask("1/chain", questions.GetQueuedPow()) is None


def test_a_proof_that_is_none_is_not_queued_and_who_passed_it_on_is_not_blamed() -> None:
    house = Parliament()
    reach(house, 2)
    assert house.mine(0)
    header = house.bench.ask("0/chain", questions.GetQueuedPow())
    assert isinstance(header, AuxPowHeader)
    house.until(lambda: house.status(1).finalised_height >= 2, "it is in a block")
    reach(house, header.height + 2)
    state = house.status(1)
    forged = msgspec.structs.replace(
        header, range_start=state.head_root, range_end=state.head_root, height=state.height
    )
    house.bench.tell("1/chain", messages.PowQueued(header=forged, origin="2"))
    assert house.deeds == [], "a range that is not ours says nothing"
    first = house.block(1, house.status(1).finalised_height + 1)
    assert first is not None
    root = blocks.root(first.block)
    forged = msgspec.structs.replace(
        header, range_start=root, range_end=root, height=first.block.height
    )
    house.bench.tell("1/chain", messages.PowQueued(header=forged, origin="2"))
    assert house.deeds == []


def test_blocks_above_the_head_are_not_shown() -> None:
    house = Parliament()
    reach(house, 2)
    assert house.block(0, house.status(0).height + 1) is None
    head = house.block(0, questions.HEAD)
    assert head is not None
    assert head.block.height == house.status(0).height
