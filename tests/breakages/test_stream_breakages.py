"""The Stream actor broken on purpose: each scenario of its suite is red for the cause that it guards against.

As in test_breakages.py: one function is replaced, the real command runs the real scenario in simulation.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from alys.actors.context import Context
from alys.actors.promise import Promise
from alys.cli import front as cli
from alys.node import peer, ports, stream_figures
from alys.node.calls import Calls, GovernanceReply
from alys.node.collection import Outcome
from alys.node.outbox import Frame, Outbox
from alys.node.peer import Peer
from alys.node.stream import Stream
from alys.wire.generated import governance_pb2 as pb
from alys.worlds.memory import Delivery, GovernancePort

Run = Callable[[str], dict[str, Any]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command as a user types it, with the one object that it prints."""

    def command(scenario: str) -> dict[str, Any]:
        words = ["test", "stream", "--world", "sim", "--seed", "7", "-k", scenario]
        code = cli.main([*words, "-o", "json", "--results-dir", str(tmp_path)])
        told: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert told["exit_code"] == code
        return told

    return command


def figures(monkeypatch: pytest.MonkeyPatch, **changes: object) -> None:
    """Every Stream actor has other figures than the table's."""
    honest = Stream.__init__

    def otherwise(self: Stream, *given: Any, **named: Any) -> None:
        table = named.get("figures", stream_figures.FIGURES)
        honest(self, *given, **{**named, "figures": msgspec.structs.replace(table, **changes)})

    monkeypatch.setattr(Stream, "__init__", otherwise)


def red(told: dict[str, Any]) -> str:
    """The cause of a run that must have failed."""
    assert (told["exit_code"], told["verdict"]) == (1, "fail"), told
    return str(told["cause"])


@pytest.mark.parametrize(
    "scenario", ["connection_establishment", "message_routing", "failure_recovery", "load_testing"]
)
def test_unbroken_it_is_green(run: Run, scenario: str) -> None:
    told = run(scenario)
    assert (told["exit_code"], told["verdict"], told["counts"]["passed"]) == (0, "pass", 1)


# connection_establishment


def test_a_word_before_the_registration_is_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = Stream._push

    def hasty(self: Stream, to: Peer, frame: bytes, ctx: Context) -> None:
        if to.state == "registering":
            early = pb.StreamRequest(heartbeat=pb.Heartbeat(sequence=1))
            honest(self, to, early.SerializeToString(), ctx)
        honest(self, to, frame, ctx)

    monkeypatch.setattr(Stream, "_push", hasty)
    assert "registration comes first" in red(run("connection_establishment"))


def test_a_token_that_is_not_shown_is_noticed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def anonymous(self: Stream, to: Peer, ctx: Context) -> None:
        to.opening()
        ctx.tell(self._gateway(ctx), ports.OpenStream(endpoint=to.index, token=None))

    monkeypatch.setattr(Stream, "_connect", anonymous)
    assert "every stream is registered and ready" in red(run("connection_establishment"))


def test_acks_that_are_not_counted_are_noticed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Peer, "acked", lambda *_: [])
    assert "the heartbeats to governance 1 are acked" in red(run("connection_establishment"))


def test_a_refusing_node_that_is_hammered_is_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures(monkeypatch, breaker_refusals=1_000_000, attempts_max=1_000_000)
    assert "governance 2 is suspended" in red(run("connection_establishment"))


# message_routing


def test_answers_matched_by_their_order_are_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First asked, first answered: right as long as nobody overtakes."""
    honest = Calls.settle

    def in_order(self: Calls, request_id: str, endpoint: int, reply: GovernanceReply) -> None:
        oldest = next((n for n, one in self._open.items() if endpoint in one.waiting), request_id)
        honest(self, oldest, endpoint, reply)

    monkeypatch.setattr(Calls, "settle", in_order)
    assert "an answer bears its request's id" in red(run("message_routing"))


def test_strangers_that_are_passed_over_are_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Peer, "unasked", lambda *_: None)
    assert "an answer under an unknown id is counted" in red(run("message_routing"))


def test_signatures_handed_on_twice_are_noticed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Stream._report

    def twice(self: Stream, request_id: str, outcome: Outcome | None, ctx: Context) -> None:
        honest(self, request_id, outcome, ctx)
        honest(self, request_id, outcome, ctx)

    monkeypatch.setattr(Stream, "_report", twice)
    assert "signatures are handed on once" in red(run("message_routing"))


# failure_recovery


def test_a_buffer_that_loses_its_oldest_is_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ninety-nine of hundred requests are there, and nobody was told of the other."""
    figures(monkeypatch, buffer_messages=99)
    monkeypatch.setattr(Calls, "drop", lambda *_: None)
    assert "100 requests are buffered for each node" in red(run("failure_recovery"))


def test_frames_that_are_dropped_without_being_counted_are_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = Outbox._drop

    def silent(self: Outbox) -> Frame:
        dropped = honest(self)
        self.dropped = 0
        return dropped

    monkeypatch.setattr(Outbox, "_drop", silent)
    assert "the buffer is bounded and counts what it drops" in red(run("failure_recovery"))


def test_a_buffer_that_turns_the_order_round_is_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = Outbox.take

    def backwards(self: Outbox) -> Iterator[Frame]:
        return iter(list(honest(self))[::-1])

    monkeypatch.setattr(Outbox, "take", backwards)
    assert "then come the requests, in order, none twice" in red(run("failure_recovery"))


def test_requests_that_are_sent_twice_are_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = Outbox.take

    def doubled(self: Outbox) -> Iterator[Frame]:
        return iter([frame for frame in honest(self) for _ in range(2)])

    monkeypatch.setattr(Outbox, "take", doubled)
    assert "governance has seen 101 messages, not more" in red(run("failure_recovery"))


def test_a_stream_that_is_never_tried_again_is_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peer, "probe_seconds", lambda *_: 1e9)
    assert "10 attempts to reach each node" in red(run("failure_recovery"))


def test_a_stream_that_is_tried_without_pause_is_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures(monkeypatch, probe_max_seconds=0.1)
    assert "attempts are backed off" in red(run("failure_recovery"))


def test_waits_without_jitter_are_noticed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    figures(monkeypatch, jitter=0.0)
    assert "waits are jittered" in red(run("failure_recovery"))


def test_a_node_that_is_found_too_late_is_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The public project's cap of 60 s would do for the back-off, but not for the two seconds."""
    figures(monkeypatch, probe_max_seconds=15.0)
    assert "within 2 s of the node's return" in red(run("failure_recovery"))


def test_requests_that_go_down_with_the_node_are_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Outbox, "lost", lambda self: self._sent.clear() or [])
    assert "a request is answered by governance (said='timeout')" in red(run("failure_recovery"))


# load_testing


def test_sends_that_are_counted_as_answers_are_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks hears at once that all is well; every send is an answer, at no latency at all."""
    honest = Calls.begin

    def at_once(self: Calls, request_id: str, promise: Promise, endpoints: list[int]) -> None:
        if request_id.startswith("load "):
            promise.complete(GovernanceReply(outcome="answered", endpoint=endpoints[0], at=0.0))
        else:
            honest(self, request_id, promise, endpoints)

    monkeypatch.setattr(Calls, "begin", at_once)
    assert "an answer bears its request's id (asked='load 0', found='')" in red(run("load_testing"))


def test_one_lost_answer_in_fifty_is_noticed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Calls.settle

    def forgetful(self: Calls, request_id: str, endpoint: int, reply: GovernanceReply) -> None:
        if not request_id.endswith("49"):
            honest(self, request_id, endpoint, reply)

    monkeypatch.setattr(Calls, "settle", forgetful)
    assert "a request is answered by governance (said='timeout')" in red(run("load_testing"))


def test_answers_that_take_too_long_are_noticed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow way there and back, in virtual time: nothing is lost, but p99 is missed."""

    def slow(self: GovernancePort, endpoint: int, action: Any, ctx: Context) -> None:
        self._links[endpoint].queue.append(action)
        ctx.after(1.5, Delivery(endpoint=endpoint))

    monkeypatch.setattr(GovernancePort, "_later", slow)
    assert "p99 of the latency is under 2 s" in red(run("load_testing"))
