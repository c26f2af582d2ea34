"""The rounds: each measures Q, a workload of ours, Q again, and the peers, one workload after the other.

Rounds go round the workloads, not the other way about, so that a machine that is busy for a while spoils one round of
several workloads and not all rounds of one. A first round, unmeasured and short, warms up and runs the checks.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from benchmarks import yardstick
from benchmarks.arithmetic import beside
from benchmarks.catalogue import Workload
from benchmarks.peers.client import PEERS, Client
from benchmarks.samples import Samples
from benchmarks.throughput import Values

PASS_SECONDS = 150.0
"""A pass of ours that takes longer has lost its last message."""
CHECKED = 20_000
"""Messages or actors in a checked pass."""

Say = Callable[[str], None]


@dataclass
class Findings:
    """All that the rounds gave."""

    samples: dict[str, Samples] = field(default_factory=dict)
    same_task: list[tuple[float, float]] = field(default_factory=list)
    """Per round: the queue in one task, and Q beside it."""
    notes: list[str] = field(default_factory=list)

    def all_queues(self) -> list[float]:
        """Every Q of the run."""
        beside_ours = [q for samples in self.samples.values() for q in samples.queue]
        return [q for _, q in self.same_task] + beside_ours


def measure(workloads: Sequence[Workload], rounds: int, *, quick: bool, say: Say) -> Findings:
    """Warm up, then so many rounds. A workload that fails is not run again; the others go on."""
    findings = Findings({workload.name: Samples() for workload in workloads})
    messages = yardstick.MESSAGES_QUICK if quick else yardstick.MESSAGES
    with ExitStack() as stack:
        clients = {kind.name: stack.enter_context(Client(kind.name)) for kind in PEERS}
        say("warming up, and checking what the stop-watch does not see")
        for workload in workloads:
            _warm_up(workload, findings)
        for number in range(rounds):
            say(f"round {number + 1} of {rounds}")
            findings.same_task.append(_same_task(messages))
            for workload in workloads:
                samples = findings.samples[workload.name]
                if number == 0 or not workload.once:
                    _ours(workload, samples, messages, quick=quick)
                    _peers(workload, samples, clients, quick=quick)
    return findings


def _warm_up(workload: Workload, findings: Findings) -> None:
    samples = findings.samples[workload.name]
    try:
        if not workload.once:
            _pass(workload, workload.quick_size)
        if workload.check is not None:
            findings.notes.append(asyncio.run(workload.check(CHECKED)))
    except Exception as error:
        samples.failure = _said(error)


def _same_task(messages: int) -> tuple[float, float]:
    before = yardstick.queue(messages)
    alone = yardstick.queue_same_task(messages)
    return alone, beside(before, yardstick.queue(messages))


def _ours(workload: Workload, samples: Samples, messages: int, *, quick: bool) -> None:
    if samples.failure:
        return
    before = yardstick.queue(messages)
    try:
        values = _pass(workload, workload.quick_size if quick else workload.size)
    except Exception as error:
        samples.failure = _said(error)
        return
    samples.add(values, beside(before, yardstick.queue(messages)))


def _pass(workload: Workload, count: int) -> Values:
    return asyncio.run(asyncio.wait_for(workload.run(count), PASS_SECONDS))


def _peers(
    workload: Workload, samples: Samples, clients: dict[str, Client], *, quick: bool
) -> None:
    for peer, client in clients.items():
        if peer in samples.words or (workload.fresh_peers and peer in samples.peers):
            continue
        if workload.fresh_peers and not client.absent:
            with Client(peer) as fresh:
                samples.add_peer(peer, fresh.measure(workload.name, quick=quick))
        else:
            samples.add_peer(peer, client.measure(workload.name, quick=quick))


def _said(error: BaseException) -> str:
    cause = f" ({error.__cause__})" if error.__cause__ is not None else ""
    return f"{type(error).__name__}: {error}{cause}"
