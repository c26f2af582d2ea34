"""Governance goes away and comes back: nothing is lost, nothing comes twice, order holds, and the wait is short."""

import itertools
from typing import Any

import pytest

from alys.actors.reply import Reply
from alys.node.calls import GovernanceReply
from alys.suites.stream_actor import _streams as on
from alys.worlds.network_world import NetworkWorld

pytestmark = pytest.mark.needs(nodes=1)  # the streams of one node are counted

REQUESTS = 100
SEEN = 101
"""The registration and the requests."""

RECONNECT_S = 2.0
WAITS_S = (0.1, 0.2, 0.4, 0.8, 1.6, 1.6, 1.6, 1.6, 1.6)
"""Between attempts, written out; each may be a tenth shorter or longer."""

BUFFER = 1_000
TOO_MANY = 5
IN_FLIGHT = 20


async def test_failure_recovery(world: NetworkWorld) -> None:
    """The 101-message rule, back-off, reconnection, what was on its way, and the buffer's end."""
    payouts = await on.payouts(world)
    await on.at_rest(world)
    await _hundred_and_one(world, payouts)
    await _what_was_on_its_way_is_not_lost(world, payouts)
    await _the_oldest_make_room(world)


# A hundred and one


async def _hundred_and_one(world: NetworkWorld, payouts: on.Payouts) -> None:
    away = world.now()
    for index in on.indices(world):
        await world.governance.stop(index)
    for index in on.indices(world):
        await _gone(world, index)
    names = [f"recovery {number}" for number in range(REQUESTS)]
    replies = [on.begin(world, name, payouts.request(n)) for n, name in enumerate(names)]
    again = on.begin(world, names[0], payouts.request(0))
    await _buffered(world, REQUESTS)
    await _backs_off(world, away)
    early = [name for name, reply in zip(names, replies, strict=True) if reply.done]
    world.check(not early, "nobody is answered before governance is", answered=early)
    await _comes_back(world, 0)
    await _saw_them(world, 0, names)
    await _all_answered(world, payouts, names, replies)
    payouts.check(names[0], 0, await world.await_reply(again))
    for index in on.indices(world)[1:]:
        await _comes_back(world, index)
        await _saw_them(world, index, names)


async def _gone(world: NetworkWorld, index: int) -> None:
    async def gone() -> bool:
        return bool((await on.streams(world))[index]["state"] != "ready")

    await world.eventually(gone, f"the node notices that governance {index + 1} is gone")


async def _buffered(world: NetworkWorld, expected: int) -> None:
    """Counted by the node; a request made twice under one id waits once."""

    async def all_there() -> bool:
        return all(stream["queued"] >= expected for stream in await on.streams(world))

    await world.eventually(all_there, f"{expected} requests are buffered for each node")
    queued = [stream["queued"] for stream in await on.streams(world)]
    world.check(max(queued) == expected, "a request id waits once", queued=queued)


async def _backs_off(world: NetworkWorld, away: float) -> None:
    """The trace has every attempt: no wait is shorter than it may be, and some are shorter than their figure."""

    async def enough() -> bool:
        return all(len(_attempts(world, n, away)) > len(WAITS_S) for n in on.indices(world))

    await world.eventually(enough, f"{len(WAITS_S) + 1} attempts to reach each node")
    sequences, shorter = [], 0
    for index in on.indices(world):
        times = _attempts(world, index, away)
        waits = [later - earlier for earlier, later in itertools.pairwise(times)]
        sequences.append(waits)
        # The first wait was before the first of these attempts.
        for wait, nominal in zip(waits, WAITS_S[1:], strict=False):
            world.check(
                wait >= 0.9 * nominal,
                "attempts are backed off",
                governance=index + 1,
                waits=waits,
            )
            shorter += wait < nominal
    # What lies between two attempts only lengthens a wait, and a busy machine may lengthen all of them.
    world.check(shorter > 0 or world.timestamp_slack_s > 0, "waits are jittered", waits=sequences)
    world.note(waits_s=[[round(wait, 3) for wait in one] for one in sequences])


def _attempts(world: NetworkWorld, index: int, since: float) -> list[float]:
    return [
        one["t"]
        for one in world.messages()
        if one["message"] == "OpenStream" and one["body"]["endpoint"] == index and one["t"] > since
    ]


async def _comes_back(world: NetworkWorld, index: int) -> None:
    """From the start of the node to the first frame from it: under two seconds."""
    await world.governance.start(index)
    back = world.now()
    await on.in_state(world, index, "ready")
    heard = next(
        one["t"]
        for one in world.messages()
        if one["message"] == "FrameReceived"
        and one["body"]["endpoint"] == index
        and one["t"] >= back
    )
    world.check(
        heard - back < RECONNECT_S + world.timestamp_slack_s,
        "the stream stands again within 2 s of the node's return",
        governance=index + 1,
        seconds=heard - back,
    )
    world.note(**{f"reconnected_{index + 1}_s": round(heard - back, 3)})


async def _saw_them(world: NetworkWorld, index: int, names: list[str]) -> None:
    """The node saw the registration first, then every request, in order, none twice, and no more."""
    expected = len(names) + 1

    async def complete() -> Any:
        return len(await on.seen(world, index)) >= expected

    await world.eventually(complete, f"governance {index + 1} has seen {expected} messages")
    found = await on.seen(world, index)
    world.check(
        len(found) == expected,
        f"governance has seen {expected} messages, not more",
        governance=index + 1,
        seen=len(found),
        others=[one["request_id"] for one in found if one["request_id"] not in names],
    )
    world.check(
        found[0]["kind"] == "node_registration",
        "the registration comes first",
        first=found[0]["kind"],
    )
    order = [one["request_id"] for one in found[1:]]
    wrong = [(want, got) for want, got in zip(names, order, strict=True) if want != got]
    world.check(not wrong, "then come the requests, in order, none twice", wrong=wrong[:3])


async def _all_answered(
    world: NetworkWorld,
    payouts: on.Payouts,
    names: list[str],
    replies: list[Reply[GovernanceReply]],
) -> None:
    for number, (name, reply) in enumerate(zip(names, replies, strict=True)):
        payouts.check(name, number, await world.await_reply(reply))


# On its way


async def _what_was_on_its_way_is_not_lost(world: NetworkWorld, payouts: on.Payouts) -> None:
    """The node dies with requests under way; each is answered all the same."""
    numbers = range(1_000, 1_000 + IN_FLIGHT)
    names = [f"on its way {number}" for number in numbers]
    replies = [
        on.begin(world, name, payouts.request(number), 1)
        for name, number in zip(names, numbers, strict=True)
    ]
    await world.governance.stop(1)
    await world.governance.start(1)
    for name, number, reply in zip(names, numbers, replies, strict=True):
        payouts.check(name, number, await world.await_reply(reply))
    state: Any = await world.governance.state(1)
    signed = [one["request_id"] for one in state["signed"]]
    twice = [name for name in names if signed.count(name) != 1]
    world.check(not twice, "each is signed once, however often it was sent", not_once=twice)


# The buffer's end


async def _the_oldest_make_room(world: NetworkWorld) -> None:
    """A thousand wait; five more cost the five oldest, whose askers are told."""
    await on.all_ready(world)
    before = (await on.streams(world))[2]["dropped"]
    await world.governance.stop(2)
    await _gone(world, 2)
    names = [f"flood {number}" for number in range(BUFFER + TOO_MANY)]
    replies = []
    for number, name in enumerate(names):
        payload = on.notice(f"{number + 1:064x}", 10_000)
        replies.append(on.begin(world, name, payload, 2))
    for reply in replies[:TOO_MANY]:
        told = await world.await_reply(reply)
        world.check(told.outcome == "dropped", "who is dropped is told at once", said=told.outcome)
    view = (await on.streams(world))[2]
    world.check(
        (view["queued"], view["dropped"] - before) == (BUFFER, TOO_MANY),
        "the buffer is bounded and counts what it drops",
        queued=view["queued"],
        dropped=view["dropped"] - before,
    )
    await _comes_back(world, 2)
    await _saw_them(world, 2, names[TOO_MANY:])
    for reply in replies[TOO_MANY:]:
        told = await world.await_reply(reply)
        world.check(told.outcome == "delivered", "what was kept is delivered", said=told.outcome)
