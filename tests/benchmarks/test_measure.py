"""The rounds, with made-up workloads and a made-up queue: who runs how often, and what becomes of a failure."""

import asyncio

import pytest

from benchmarks import measure as rounds_of
from benchmarks import yardstick
from benchmarks.catalogue import Workload, chosen
from benchmarks.measure import Findings, measure
from benchmarks.peers.client import Kind
from benchmarks.runtime import Broken
from benchmarks.throughput import Values


class Scene:
    """Everything that a run calls, in order."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.broken_at = 0

    async def tell(self, size: int) -> Values:
        self.calls.append(f"tell {size}")
        if len(self.calls) == self.broken_at:
            raise Broken("tell: 1 handled of 2 sent")
        return {"tell": 300.0}

    async def check(self, size: int) -> str:
        self.calls.append("check")
        return "looked at"

    async def refuse(self, size: int) -> str:
        raise Broken("over the bound") from ValueError("1001")

    def queue(self, messages: int) -> float:
        self.calls.append("Q")
        return 100.0


class FakeClient:
    """A peer without a process."""

    made = 0

    def __init__(self, name: str) -> None:
        FakeClient.made += 1
        self.absent = "not installed" if name == "gone" else ""

    def __enter__(self) -> "FakeClient":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def measure(self, workload: str, *, quick: bool) -> Values | str:
        return self.absent or {"tell": 50.0}


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    made = Scene()
    FakeClient.made = 0
    monkeypatch.setattr(yardstick, "queue", made.queue)
    monkeypatch.setattr(yardstick, "queue_same_task", lambda _: 110.0)
    monkeypatch.setattr(rounds_of, "PEERS", (Kind("there", "", ""), Kind("gone", "", "")))
    monkeypatch.setattr(rounds_of, "Client", FakeClient)
    return made


def run(*workloads: Workload, rounds: int = 5, quick: bool = False) -> Findings:
    return measure(workloads, rounds, quick=quick, say=lambda _: None)


def test_every_round_has_q_on_both_sides_of_the_workload(scene: Scene) -> None:
    findings = run(Workload("tell", ("tell",), scene.tell, 10, 2, scene.check))
    warm_up, each_round = ["tell 2", "check"], ["Q", "Q", "Q", "tell 10", "Q"]
    assert scene.calls == warm_up + 5 * each_round
    samples = findings.samples["tell"]
    assert samples.ours == {"tell": [300.0] * 5}
    assert samples.queue == [pytest.approx(100.0)] * 5
    assert findings.notes == ["looked at"]
    assert len(findings.all_queues()) == 10


def test_a_quick_run_makes_short_passes(scene: Scene) -> None:
    run(Workload("tell", ("tell",), scene.tell, 10, 2), quick=True)
    assert "tell 10" not in scene.calls
    assert scene.calls.count("tell 2") == 6


def test_a_workload_that_fails_is_not_run_again_and_the_others_go_on(scene: Scene) -> None:
    ones = [Workload(name, ("tell",), scene.tell, 10, 2) for name in ("one", "two")]
    scene.broken_at = 2 + 2 + 1 + 1  # behind two warm-ups, two Q of the round, and its own first Q
    findings = run(*ones)
    assert findings.samples["one"].failure == "Broken: tell: 1 handled of 2 sent"
    assert findings.samples["one"].ours == {}
    assert findings.samples["two"].failure == ""
    assert findings.samples["two"].ours == {"tell": [300.0] * 5}


def test_a_check_that_fails_fails_its_workload(scene: Scene) -> None:
    findings = run(Workload("tell", ("tell",), scene.tell, 10, 2, scene.refuse))
    assert findings.samples["tell"].failure == "Broken: over the bound (1001)"
    assert "tell 10" not in scene.calls


def test_a_long_workload_runs_once_and_without_a_warm_up(scene: Scene) -> None:
    run(Workload("tell", ("tell",), scene.tell, 10, 2, once=True))
    assert [call for call in scene.calls if call.startswith("tell")] == ["tell 10"]


def test_a_pass_that_never_ends_is_a_failure(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(size: int) -> Values:
        await asyncio.Event().wait()
        return {}

    monkeypatch.setattr(rounds_of, "PASS_SECONDS", 0.01)
    findings = run(Workload("tell", ("tell",), never, 10, 2))
    assert findings.samples["tell"].failure.startswith("TimeoutError")


def test_peers_run_in_every_round_and_the_absent_one_is_asked_once(scene: Scene) -> None:
    samples = run(Workload("tell", ("tell",), scene.tell, 10, 2)).samples["tell"]
    assert samples.peers == {"there": {"tell": [50.0] * 5}}
    assert samples.words == {"gone": "not installed"}
    assert FakeClient.made == 2


def test_memory_of_a_peer_is_measured_once_in_a_fresh_process(scene: Scene) -> None:
    samples = run(Workload("tell", ("tell",), scene.tell, 10, 2, fresh_peers=True)).samples["tell"]
    assert samples.peers == {"there": {"tell": [50.0]}}
    assert FakeClient.made == 3


def test_one_workload_is_chosen_by_its_name_or_by_a_figure_of_it() -> None:
    assert [workload.name for workload in chosen("crash")] == ["crash"]
    assert [workload.name for workload in chosen("crash_p99")] == ["crash"]
    assert chosen("unheard-of") == []
    assert len(chosen(None)) > 10
