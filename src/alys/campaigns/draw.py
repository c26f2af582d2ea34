"""The plan of a seed: what users do, and which faults come when."""

import msgspec

from alys.base.prng import Random, SeededRandom
from alys.campaigns import draw_faults
from alys.campaigns.plan import Burn, Deposit, Plan, Schedule, Transfer, Work

DEPOSITS_MAX = 6
BURNS_MAX = 4
TRANSFERS_MAX = 3
CREDITED = 3
"""Accounts that deposits are for; several deposits may be for one."""
FULL_IN = 10
"""Of so many seeds one runs on the full profile, where profiles are mixed."""
SATS_MIN, SATS_MAX = 20_000, 30_000_000
BURN_MIN, BURN_MAX = 1_000_000, 20_000_000
GWEI_MAX = 25_000_000
"""Of one transfer: whoever draws all burns and all transfers at their most can still pay for them."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What a campaign's user may choose."""

    faults: str = "all"
    """The profile of faults: see ``draw_faults``."""
    profile: str = "light"
    """``light``, ``full``, or ``mixed``: one seed in ten is full."""
    nodes: int = 3
    weather_s: float = 40.0
    schedule: str = "mixed"
    """``uniform``, ``pct``, ``round_robin``, or ``mixed``."""


DEFAULTS = Options()


def plan_of(seed: int, options: Options = DEFAULTS) -> Plan:
    """The plan of a seed: the same for ever, at one commit."""
    chance = SeededRandom(seed).fork("plan")
    profile = options.profile
    if profile == "mixed":
        profile = "full" if chance.fork("profile").below(FULL_IN) == 0 else "light"
    return Plan(
        seed=seed,
        profile=profile,
        nodes=options.nodes,
        weather_s=options.weather_s,
        faults=options.faults,
        schedule=_schedule(options.schedule, chance.fork("schedule")),
        orders=draw_faults.orders(
            chance.fork("faults"), options.faults, options.weather_s, options.nodes
        ),
        work=work(chance.fork("work"), options.weather_s, options.nodes),
    )


def work(chance: Random, weather_s: float, nodes: int) -> tuple[Work, ...]:
    """Deposits, burns and transfers, in the order of their times."""
    made: list[Work] = []
    for _ in range(2 + chance.below(DEPOSITS_MAX - 1)):
        made.append(
            Deposit(
                number=len(made) + 1,
                at=_time(chance, weather_s),
                sats=SATS_MIN + chance.below(SATS_MAX - SATS_MIN),
                user=chance.below(CREDITED),
                form=chance.choice(("good", "good", "good", "good", "twin", "nobody", "garbled")),
            )
        )
    for _ in range(1 + chance.below(BURNS_MAX)):
        made.append(
            Burn(
                number=len(made) + 1,
                at=_time(chance, weather_s),
                sats=BURN_MIN + chance.below(BURN_MAX - BURN_MIN),
                user=chance.below(nodes),
                form=chance.choice(("good", "good", "good", "good", "foreign", "garbled", "dust")),
            )
        )
    for _ in range(chance.below(TRANSFERS_MAX + 1)):
        made.append(
            Transfer(
                number=len(made) + 1,
                at=_time(chance, weather_s),
                gwei=1 + chance.below(GWEI_MAX),
                user=chance.below(nodes),
                to=chance.below(CREDITED),
            )
        )
    return tuple(sorted(made, key=lambda one: (one.at, one.number)))


def _time(chance: Random, weather_s: float) -> float:
    """Within the weather, to the millisecond, so that it can be read."""
    return chance.below(max(1, round(weather_s * 1000))) / 1000


def _schedule(kind: str, chance: Random) -> Schedule:
    if kind == "mixed":
        kind = chance.choice(("uniform", "uniform", "pct", "round_robin"))
    return Schedule(kind=kind, depth=2 + chance.below(4))
