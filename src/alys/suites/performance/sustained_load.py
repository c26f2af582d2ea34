"""A steady load on the node's public RPC, beside blocks and deposits: rate, latency, failures, memory, processor.

One load, and every figure of it is held against its limit, so a run takes what the settings say and no multiple of it. A lost
or a wrong answer is a failure (exit code 1); a figure beyond its limit is a missed threshold (5); nothing measured proves
nothing (4).

In simulation the same load runs in virtual time, shortened: its rate and latency are the simulated network's, not a machine's,
and there is no process to look at. That shows the arithmetic and who makes whom wait, no more.
"""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from alys.oracles import load
from alys.wire.jsonrpc import MalformedAnswer, RpcError
from alys.worlds.network_world import NetworkWorld
from alys.worlds.users import EthereumUser

pytestmark = pytest.mark.alone

SIMULATED_WARMUP_S = 1
SIMULATED_S = 4
LEAD_S = 0.05
"""Between the decision to begin and the first message."""
USAGE_EVERY_S = 0.25
TRAFFIC_EVERY_S = 4.0
"""Between two deposits, by the load's clock."""
DEPOSIT_SATS = 1_000_000
WEI_PER_SAT = 10_000_000_000  # written out: a check must not share the conversion that it checks

Call = tuple[str, list[Any]]

CALLS: tuple[tuple[Call, Callable[[Any], bool]], ...] = (
    (("alys_status", []), lambda told: isinstance(told, dict) and "finalisedHeight" in told),
    (("getheadblock", []), lambda told: isinstance(told, dict) and "executionPayload" in told),
    (("alys_status", []), lambda told: isinstance(told, dict) and "finalisedHeight" in told),
    (("alys_governance", []), lambda told: isinstance(told, list) and "unconfirmed" in told[0]),
    (("getqueuedpow", []), lambda told: told is None or "rangeEnd" in told),
    (("alys_operations", []), lambda told: isinstance(told, list)),
    (("alys_status", []), lambda told: isinstance(told, dict) and "finalisedHeight" in told),
    (("getblockbyheight", [0]), lambda told: isinstance(told, dict) and told["height"] == 0),
    (("alys_status", []), lambda told: isinstance(told, dict) and "finalisedHeight" in told),
    (("alys_governance", []), lambda told: isinstance(told, list) and "unconfirmed" in told[0]),
)
"""The mix, over and over: Chain (with Storage behind it), Stream and Bridge; each call with what its answer must look like."""


async def test_sustained_load(world: NetworkWorld) -> None:
    """The target rate for as long as the settings say, every figure within its limit."""
    plan = _plan(world)
    world.keep_mining()
    began = await _produces(world, 1)
    traffic = _Traffic(world)
    world.start_background(traffic.flow())
    try:
        measured = await _offer(world, plan)
    finally:
        traffic.over = True  # whatever happened: the world waits for what runs beside
    await traffic.ended()
    await _chain_went_on(world, began, traffic)
    _judge(world, plan, measured)


def _plan(world: NetworkWorld) -> load.Plan:
    told = world.settings.test_scenarios.performance
    simulated = world.name == "sim"
    return load.Plan(
        rate_per_s=told.target_message_rate,
        warmup_s=min(told.warmup_duration, SIMULATED_WARMUP_S)
        if simulated
        else told.warmup_duration,
        measured_s=min(told.test_duration, SIMULATED_S) if simulated else told.test_duration,
    )


class _Measured:
    """What the load left behind."""

    def __init__(self, plan: load.Plan, start: float) -> None:
        self.start = start
        self.tally = load.Tally(plan)
        self.usage: list[load.UsageSample] = []
        self.wrong: list[str] = []
        """Answers that are not what was asked for."""
        self.lag_s = 0.0
        """How late a batch left the runner, at most, while it was measured."""
        self.broken_off_at: float | None = None

    def answered(self, numbers: range) -> Callable[[float, list[Any]], None]:
        """What notes down the answers to these messages."""

        def note(at: float, results: list[Any]) -> None:
            for number, told in zip(numbers, results, strict=True):
                if isinstance(told, MalformedAnswer):
                    continue  # passed over: it stays open, and is lost
                refused = isinstance(told, RpcError)
                self.tally.answered(number, at - self.start, refused=refused)
                (method, _), fits = CALLS[number % len(CALLS)]
                if not refused and not fits(told):
                    self.wrong.append(f"{method}: {str(told)[:80]}")

        return note


async def _offer(world: NetworkWorld, plan: load.Plan) -> _Measured:
    """Send every batch when it is due; look at the node's process now and then."""
    side = world.load
    found = _Measured(plan, side.clock() + LEAD_S)
    look_at = 0.0
    for at, numbers in plan.ticks():
        await side.until(found.start + at)
        if found.tally.hopeless:
            found.broken_off_at = at
            break
        now = side.clock() - found.start
        if at >= plan.warmup_s:
            found.lag_s = max(found.lag_s, now - at)
        if now >= look_at:
            look_at = now + USAGE_EVERY_S
            _look(world, found, now)
        found.tally.went_out(numbers)
        side.send([CALLS[n % len(CALLS)][0] for n in numbers], found.answered(numbers))
    await side.drain()
    return found


def _look(world: NetworkWorld, found: _Measured, now: float) -> None:
    usage = world.load.usage()
    if usage is not None:
        sample = load.UsageSample(
            at=now, resident_bytes=usage.resident_bytes, cpu_seconds=usage.cpu_seconds
        )
        found.usage.append(sample)


# Beside the load


class _Traffic:
    """A deposit now and then, and the Bitcoin blocks that confirm it."""

    def __init__(self, world: NetworkWorld) -> None:
        self.deposits = 0
        self.user: EthereumUser = world.ethereum_user("load")
        self._world = world
        self.over = False
        """Set to end it."""
        self._ended = False

    async def flow(self) -> None:
        """Until it is over."""
        world, next_at = self._world, 0.0
        depositor = world.depositor()
        required = world.network.spec.required_confirmations
        while not self.over:
            if world.load.clock() >= next_at:
                next_at = world.load.clock() + TRAFFIC_EVERY_S
                await depositor.deposit(world.federation_address, self.user.address, DEPOSIT_SATS)
                await world.confirm(required)
                self.deposits += 1
            await world.sleep(0.5)
        self._ended = True

    async def ended(self) -> None:
        """Wait for the last of it."""

        async def ended() -> bool:
            return self._ended

        await self._world.eventually(ended, "the traffic beside the load ends", timeout_s=300)


async def _produces(world: NetworkWorld, height: int) -> int:
    async def there() -> int:
        status: Any = await world.node.call("alys_status")
        return int(status["height"]) if status["height"] >= height else 0

    return await world.eventually(there, f"block {height} is made", timeout_s=600)


async def _chain_went_on(world: NetworkWorld, began: int, traffic: _Traffic) -> None:
    """Otherwise the load was put on a node that did nothing else."""
    height = await _produces(world, began + 1)
    wanted = traffic.deposits * DEPOSIT_SATS * WEI_PER_SAT

    async def credited() -> bool:
        return await traffic.user.balance() >= wanted

    await world.eventually(credited, "the deposits made under load are minted", timeout_s=600)
    wei = await traffic.user.balance()
    world.check(wei == wanted and wei > 0, "minted once, and exactly", wei=wei, wanted=wanted)
    world.note(beside_the_load={"blocks": height - began, "deposits": traffic.deposits})


# Judgement


def _judge(world: NetworkWorld, plan: load.Plan, found: _Measured) -> None:
    told = world.settings.test_scenarios.performance
    alerts = world.settings.alerts
    figures = found.tally.figures(alerts.high_latency_threshold_ms / 1000)
    usage = None
    if world.load.measures_process:
        usage = load.usage_figures(found.usage, plan, world.load.cores())
    world.sample(figures.answered)
    world.note(
        load=msgspec.to_builtins(plan),
        figures=_rounded(figures),
        process="has none of its own: not measured" if usage is None else _rounded(usage),
        runner_late_ms=round(1000 * found.lag_s, 3),
    )
    if found.broken_off_at is not None:
        world.note(broken_off_after_s=found.broken_off_at)
    world.check(not found.wrong, "an answer is the one to its question", wrong=found.wrong[:5])
    world.check(figures.lost == 0, "no answer is lost", lost=figures.lost, of=figures.offered)
    world.hold(
        load.judge(
            figures,
            usage,
            load.Limits(
                rate_per_s=plan.rate_per_s,
                p99_ms=alerts.high_latency_threshold_ms,
                failure_share=alerts.high_failure_rate_threshold,
                memory_mb=told.max_memory_usage_mb,
                cpu_percent=told.max_cpu_percent,
            ),
        )
    )


def _rounded(figures: msgspec.Struct) -> dict[str, Any]:
    return {name: round(value, 3) for name, value in msgspec.structs.asdict(figures).items()}
