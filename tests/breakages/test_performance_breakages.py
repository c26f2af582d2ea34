"""The performance suite broken on purpose, each figure alone: a missed threshold is exit code 5, a lost answer 1, no samples 4.

In virtual time, so that no figure here depends on this machine: the node's handlers are slowed down by waiting, and the
process that simulation does not have is stood in for.
"""

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from alys.actors import tables
from alys.actors.context import Context
from alys.cli import front as cli
from alys.node import api, messages
from alys.node.chain import Chain
from alys.wire.jsonrpc import INTERNAL_ERROR, MalformedAnswer, RpcError
from alys.worlds import sim

Run = Callable[[], dict[str, Any]]

MIB = 2**20
FIGURES = ("throughput", "p99 latency", "failures", "memory", "processor")


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    resident_bytes: int
    cpu_seconds: float


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command as a user types it, with the one object that it prints."""

    def command() -> dict[str, Any]:
        words = ["test", "performance", "--world", "sim", "--seed", "7", "-o", "json"]
        code = cli.main([*words, "--results-dir", str(tmp_path)], environment={})
        told: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert told["exit_code"] == code
        return told

    return command


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Stand in for the node's process: so much memory, and so much of a processor all the time."""

    def takes(*, mib: int = 100, share: float = 0.2) -> None:
        def usage(self: sim._Load) -> Usage:
            return Usage(resident_bytes=mib * MIB, cpu_seconds=share * self.clock())

        monkeypatch.setattr(sim._Load, "measures_process", True)
        monkeypatch.setattr(sim._Load, "usage", usage)

    return takes


def thresholds(told: dict[str, Any]) -> dict[str, bool]:
    """Which figures are within their limits."""
    (case,) = told["cases"]
    return {row["what"]: row["met"] for row in case["facts"]["thresholds"]}


def missed(told: dict[str, Any]) -> list[str]:
    """The figures that made the run end with a missed threshold."""
    assert (told["exit_code"], told["verdict"]) == (5, "threshold"), told["cause"]
    assert told["counts"]["threshold"] == 1
    return [what for what, met in thresholds(told).items() if not met]


def red(told: dict[str, Any]) -> str:
    """The cause of a run that must have failed."""
    assert (told["exit_code"], told["verdict"]) == (1, "fail"), told["cause"]
    return str(told["cause"])


def test_unbroken_it_is_green_and_its_figures_add_up(
    run: Run, process: Callable[..., None]
) -> None:
    process()
    told = run()
    assert (told["exit_code"], told["counts"]["passed"]) == (0, 1)
    assert thresholds(told) == dict.fromkeys(FIGURES, True)
    (case,) = told["cases"]
    figures = case["facts"]["figures"]
    assert (figures["wanted"], figures["offered"], figures["answered"]) == (4000, 4000, 4000)
    assert (figures["refused"], figures["lost"], figures["rate_per_s"]) == (0, 0, 1000.0)
    assert figures["p50_ms"] <= figures["p95_ms"] <= figures["p99_ms"] <= figures["max_ms"]


def test_without_a_process_there_is_no_word_about_memory(run: Run) -> None:
    told = run()
    assert thresholds(told) == dict.fromkeys(FIGURES[:3], True)
    assert told["cases"][0]["facts"]["process"] == "has none of its own: not measured"


def test_answers_missing_from_the_throughput_are_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One answer of twenty: fewer than the alert for failures, but the rate is not reached."""
    refuse_every(2, monkeypatch)
    told = run()
    assert missed(told) == ["throughput"]
    assert "throughput 950 messages/s, wanted at least 990" in told["cause"]


def test_many_refused_answers_are_noticed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_every(1, monkeypatch, "getqueuedpow", "alys_operations")
    told = run()
    assert "failures" in missed(told)
    assert "failures 0.2 of the answers, wanted at most 0.1" in told["cause"]


def refuse_every(nth: int, monkeypatch: pytest.MonkeyPatch, *methods: str) -> None:
    """The node refuses every nth of these calls."""
    honest = api.question
    count = itertools.count()

    def moody(spec: Any, method: str, params: list[Any]) -> Any:
        if method in (methods or ("getqueuedpow",)) and next(count) % nth == 0:
            raise RpcError(INTERNAL_ERROR, "not today")
        return honest(spec, method, params)

    monkeypatch.setattr(api, "question", moody)


def slow_down(monkeypatch: pytest.MonkeyPatch, seconds: Callable[[int], float]) -> None:
    """Chain's handler of a question waits so much node time, by the question's number, and Chain does nothing else then."""
    count = itertools.count(1)

    async def slow(self: Chain, message: messages.GetStatus, ctx: Context) -> messages.ChainStatus:
        await ctx._cell.system.sleep(seconds(next(count)))
        return self.on_get_status(message, ctx)

    monkeypatch.setitem(tables.table_of(Chain), messages.GetStatus, slow)


def test_a_handler_that_is_slow_now_and_then_is_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that comes due while it waits is charged for the wait, not only the message that it is slow for.

    One message of a hundred is slow; of the answers far more than one in a hundred are late.
    """
    slow_down(monkeypatch, lambda count: 1.6 if count % 250 == 0 else 0.0)
    told = run()
    assert missed(told) == ["p99 latency"]
    figures = told["cases"][0]["facts"]["figures"]
    assert figures["rate_per_s"] >= 990
    assert figures["lost"] == 0


def test_memory_is_noticed(run: Run, process: Callable[..., None]) -> None:
    process(mib=513)
    told = run()
    assert missed(told) == ["memory"]
    assert "memory 513 MiB, wanted at most 512" in told["cause"]


def test_a_busy_processor_is_noticed(run: Run, process: Callable[..., None]) -> None:
    process(share=0.85)
    told = run()
    assert missed(told) == ["processor"]
    assert "processor 85 % of what it can use, wanted at most 80" in told["cause"]


def test_an_answer_that_is_lost_is_noticed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = sim._Load._one
    count = itertools.count()

    async def forgetful(self: sim._Load, method: str, params: list[Any]) -> Any:
        answer = await honest(self, method, params)
        return MalformedAnswer(b"[]") if next(count) == 3000 else answer

    monkeypatch.setattr(sim._Load, "_one", forgetful)
    assert "no answer is lost (lost=1, of=4000)" in red(run())


def test_an_answer_to_another_question_is_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "_show_queued", lambda _: {"height": 1})
    assert "an answer is the one to its question" in red(run())


def test_a_deposit_that_is_not_minted_under_load_is_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alys.node.bridge_deposits.Deposits.tell_ready", lambda *_: None)
    assert "the deposits made under load are minted" in red(run())


def test_nothing_answered_proves_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(self: sim._Load, *_: Any) -> None:
        """Batches go nowhere."""

    monkeypatch.setattr(sim._Load, "send", silent)
    told = run()
    assert (told["exit_code"], told["verdict"]) == (4, "inconclusive")
    assert "no samples: none of 4000 measured messages was answered" in told["cause"]


def test_a_process_that_cannot_be_looked_at_proves_nothing(
    run: Run, process: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    process()
    monkeypatch.setattr(sim._Load, "usage", lambda _: None)
    told = run()
    assert (told["exit_code"], told["verdict"]) == (4, "inconclusive")
    assert "memory and processor were looked at 0 times" in told["cause"]


def test_a_node_that_falls_behind_is_not_loaded_for_ever(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is lowered to what a short load can reach; the messages that were never sent count as not handled."""
    monkeypatch.setattr("alys.oracles.load.OVERRUN_S", 0.5)
    slow_down(monkeypatch, lambda _: 0.03)
    told = run()
    assert {"throughput", "p99 latency"} <= set(missed(told))
    facts = told["cases"][0]["facts"]
    assert facts["figures"]["offered"] < facts["figures"]["wanted"]
    assert facts["broken_off_after_s"] < 5
