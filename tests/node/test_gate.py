"""What keeps a node from producing, and what it says of it."""

from alys.node.gate import Gate, Pause
from alys.node.messages import FederationHealth, SyncState


def test_nothing_in_the_way() -> None:
    gate = Gate(synced=True)
    assert gate.condition(0.0) == ("active", "")
    assert not gate.closed(0.0)


def test_a_node_that_does_not_know_how_far_the_chain_is_makes_nothing() -> None:
    gate = Gate(synced=False)
    assert gate.closed(0.0)
    assert gate.condition(0.0)[0] == "halted"
    gate.hear_sync(SyncState(synced=False, own_height=3, best_height=1000))
    assert gate.condition(0.0) == ("halted", "not synced: height 3 of 1000")
    gate.hear_sync(SyncState(synced=True, own_height=999, best_height=1000))
    assert gate.condition(0.0) == ("active", "")
    assert not gate.closed(0.0)


def test_a_pause_ends_when_its_time_is_over_and_one_without_time_does_not() -> None:
    gate = Gate(synced=True)
    gate.pause = Pause(reason="lunch", until=10.0)
    assert gate.condition(9.9) == ("paused", "lunch")
    assert gate.closed(9.9)
    assert gate.condition(10.0) == ("active", "")
    gate.pause = Pause(reason="for good")
    assert gate.condition(1e9) == ("paused", "for good")


def test_below_the_threshold_of_members_nothing_is_made() -> None:
    gate = Gate(synced=True)
    gate.hear_health(FederationHealth(reachable=1, needed=2))
    assert gate.condition(0.0) == ("halted", "federation unhealthy: 1 of 2 members needed")
    assert gate.closed(0.0)
    gate.hear_health(FederationHealth(reachable=2, needed=2))
    assert not gate.closed(0.0)


def test_what_came_of_an_attempt_is_shown_and_does_not_close_the_gate() -> None:
    gate = Gate(synced=True)
    assert gate.tried("max_blocks_without_pow")
    assert not gate.tried("max_blocks_without_pow"), "no news"
    assert gate.condition(0.0) == ("halted", "max_blocks_without_pow")
    assert not gate.closed(0.0), "trying goes on"
    assert gate.tried("")
    assert gate.condition(0.0) == ("active", "")
