"""A turn: waited for with patience, kept, given back, and known to be lost."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import pytest
from typing_extensions import override

from alys.base.turns import NoTurn, TurnLost, Turns
from alys.config.settings import MockServices, Settings, WorldSettings
from alys.kube import client, clock
from alys.kube.lease import ClusterLease
from alys.shells.lease import FileTurns
from alys.worlds import turn
from alys.worlds.turn import Turn


class Scripted(Turns):
    """Held by others for a number of looks; loses itself at the first renewal where told to."""

    def __init__(self, busy: int = 0, lost: bool = False) -> None:
        self._busy = busy
        self._lost = lost
        self.renewed = threading.Event()
        self.released = 0

    @override
    def acquire(self, holder: str, waiting: Callable[[str], None]) -> None:
        for _ in range(self._busy):
            waiting("serve")

    @override
    def renew(self) -> None:
        self.renewed.set()
        if self._lost:
            raise TurnLost("gone")

    @override
    def release(self) -> None:
        self.released += 1

    @override
    def wanted(self) -> str:
        return "run 2"


def test_whoever_waits_is_told_once_by_whom(caplog: pytest.LogCaptureFixture) -> None:
    turns = Scripted(busy=3)
    with Turn(turns, "run 1") as mine:
        mine.take(60)
        assert mine.wanted() == "run 2"
    assert turns.released == 1
    assert caplog.messages == ["run 1 waits for its turn: serve drives the chains"]


def test_patience_ends_in_no_turn_and_nothing_is_released() -> None:
    turns = Scripted(busy=100)
    times = iter(range(100))
    mine = Turn(turns, "run 1")
    with pytest.raises(NoTurn, match="no turn within 5 s: serve still drives the chains"):
        mine.take(5, stopwatch=lambda: float(next(times)))
    mine.close()
    assert turns.released == 0


def test_a_turn_is_renewed_and_its_loss_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn, "RENEW_SECONDS", 0.001)
    turns = Scripted(lost=True)
    mine = Turn(turns, "run 1")
    mine.take(60)
    assert turns.renewed.wait(30)
    mine.close()
    assert isinstance(mine.lost, TurnLost)


def test_closing_twice_releases_once() -> None:
    turns = Scripted()
    mine = Turn(turns, "run 1")
    mine.take(60)
    mine.close()
    mine.close()
    assert turns.released == 1
    assert mine.lost is None


def test_two_turns_at_one_lock_file_come_one_after_the_other(tmp_path: Path) -> None:
    first, second = (Turn(FileTurns(tmp_path / "lock"), name) for name in ("first", "second"))
    first.take(60)
    waiter = threading.Thread(target=lambda: second.take(60))
    waiter.start()
    while first.wanted() != "second":
        assert waiter.is_alive()
    first.close()
    waiter.join(30)
    assert second.wanted() == ""
    second.close()


def test_a_holder_names_process_and_machine() -> None:
    assert turn.holder_of("run").startswith("run ")
    assert "@" in turn.holder_of("run")


def test_a_pod_takes_turns_by_the_lease_of_its_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Mapping[str, str]] = []

    def connect(environment: Mapping[str, str], *, ticks: clock.Clock) -> object:
        asked.append(environment)
        return object()

    monkeypatch.setattr(client, "connect", connect)
    remote = msgspec.structs.replace(Settings(), world=WorldSettings(kind="remote"))
    pod = {"KUBERNETES_SERVICE_HOST": "10.96.0.1"}
    assert isinstance(turn.lease_of(remote, pod), ClusterLease)
    assert asked == [pod]
    assert isinstance(turn.lease_of(remote, {}), FileTurns)
    assert turn.lease_of(Settings(), pod) is None


def test_real_nodes_in_the_local_world_are_driven_in_turns_each_of_them() -> None:
    coin = MockServices(bitcoin_rpc_url="http://alys:hush@127.0.0.1:9")
    both = msgspec.structs.replace(
        coin, ethereum_rpc_url="http://127.0.0.1:7", engine_api_url="http://127.0.0.1:8"
    )
    first, second = (turn.lease_of(Settings(mock_services=given), {}) for given in (coin, both))
    assert first is not None
    assert second is not None
    first.acquire("run 1", lambda holder: None)
    try:
        with pytest.raises(NoTurn, match="run 1"):
            second.acquire("run 2", refuse)
    finally:
        first.release()


def refuse(holder: str) -> None:
    raise NoTurn(holder)
