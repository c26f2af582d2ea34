"""A steady load over all streams: answers are counted, not sends, and each is checked to be the right one.

The load is open: a request goes out when it is due, whether or not earlier ones were answered, and its latency runs from when
it was due. So a Stream that falls behind shows it in its latency, and cannot hide by slowing the load down.
"""

from typing import Any

from alys.suites.stream_actor import _streams as on
from alys.worlds.network_world import NetworkWorld

RATE_PER_S = 100
"""Of node time, over all connections together."""

SECONDS = 4
LATENCY_P99_S = 2.0
RATE_MIN_PER_S = 95.0
"""Answers per second that a run must reach, its last latency included."""


async def test_load_testing(world: NetworkWorld) -> None:
    """Hundred requests a second over three connections: none lost, none mixed up, p99 under two seconds."""
    await steady(world, SECONDS)


async def steady(world: NetworkWorld, seconds: int) -> None:
    """The load, for so many seconds of node time."""
    payouts = await on.payouts(world)
    connections = len(on.indices(world))
    total = RATE_PER_S * seconds
    payloads = [payouts.request(number) for number in range(total)]
    start = world.now()
    replies = []
    for number, payload in enumerate(payloads):
        due = start + number / RATE_PER_S
        if world.now() < due:
            await world.sleep(due - world.now())
        replies.append(on.begin(world, f"load {number}", payload, number % connections))
    latencies = []
    last = start
    for number, reply in enumerate(replies):
        answer = await world.await_reply(reply)
        payouts.check(f"load {number}", number, answer)
        latencies.append(answer.at - (start + number / RATE_PER_S))
        last = max(last, answer.at)
    world.check(len(latencies) == total, "none is lost", sent=total, answered=len(latencies))
    _judge(world, latencies, last - start)
    await _governance_agrees(world, total)


def _judge(world: NetworkWorld, latencies: list[float], seconds: float) -> None:
    ordered = sorted(latencies)
    p50, p99 = ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100]
    rate = len(latencies) / seconds
    world.note(
        answered=len(latencies),
        answers_per_s=round(rate, 1),
        latency_s={"p50": round(p50, 4), "p99": round(p99, 4), "max": round(ordered[-1], 4)},
    )
    world.check(
        p99 < LATENCY_P99_S + world.timestamp_slack_s, "p99 of the latency is under 2 s", p99=p99
    )
    at_least = len(latencies) / (len(latencies) / RATE_MIN_PER_S + world.timestamp_slack_s)
    world.check(rate >= at_least, "the target rate is reached in answers", rate=rate)


async def _governance_agrees(world: NetworkWorld, total: int) -> None:
    """The other end's books: every request was signed by the node it was meant for, once."""
    connections = len(on.indices(world))
    for index in on.indices(world):
        state: Any = await world.governance.state(index)
        signed = [one["request_id"] for one in state["signed"]]
        expected = [f"load {number}" for number in range(index, total, connections)]
        world.check(
            signed == expected,
            "governance signed its share, in order",
            governance=index + 1,
            signed=len(signed),
            expected=len(expected),
        )
