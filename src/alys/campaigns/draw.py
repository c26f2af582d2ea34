"""The plan of a seed: what users do, and which faults come when."""

import msgspec

from alys.base.prng import Random, SeededRandom
from alys.campaigns import draw_faults
from alys.campaigns.plan import (
    Announce,
    Burn,
    Deposit,
    Forgery,
    Plan,
    Schedule,
    Transfer,
    Vanish,
    Work,
)
from alys.worlds.forgeries import FORMS

DEPOSITS_MAX = 6
BURNS_MAX = 4
TRANSFERS_MAX = 3
CREDITED = 3
"""Accounts that deposits are for; several deposits may be for one."""
FULL_IN = 10
"""Of so many seeds one runs on the full profile, where profiles are mixed."""
SATS_MIN, SATS_MAX = 20_000, 30_000_000
BURN_MIN, BURN_MAX = 1_000_000, 20_000_000
GWEI_MAX = 50_000_000
"""Of a transfer: nobody promises more than he has."""
WEI_BELOW_A_SAT = 10_000_000_000
ANNOUNCEMENTS_MAX = 2
FORGERIES_MAX = 4
RESTART_IN = 3
"""Of so many forgeries one meets a node that has just begun anew."""
CROWD, CROWD_IN = 20, 10
"""Deposits at once, each for an account of its own; and in one of how many seeds."""
PAIR_IN, RUN_IN, VANISH_IN = 3, 4, 6
"""One of how many seeds has two deposits for one account at once; several burns at once; a deposit that is taken back."""


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
    """What users do and what is done to them, in the order of its times."""
    made: list[Work] = []
    _pegs(made, chance, weather_s, nodes)
    _crowds(made, chance.fork("crowds"), weather_s, nodes)
    _attacks(made, chance.fork("attacks"), weather_s, nodes)
    return tuple(sorted(made, key=lambda one: (one.at, one.number)))


def _pegs(made: list[Work], chance: Random, weather_s: float, nodes: int) -> None:
    """Deposits, burns and transfers."""
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
                at=_time(
                    chance, weather_s / 2
                ),  # early, so that its signatures are asked for while the weather lasts
                sats=BURN_MIN + chance.below(BURN_MAX - BURN_MIN),
                user=chance.below(nodes),
                form=chance.choice(("good", "good", "good", "good", "foreign", "garbled", "dust")),
                wei=chance.below(WEI_BELOW_A_SAT),
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


def _crowds(made: list[Work], chance: Random, weather_s: float, nodes: int) -> None:
    """In some seeds: more deposits at once than a block may credit, two for one account, or several burns for one payout."""
    if chance.below(CROWD_IN) == 0:
        at = _time(chance, weather_s)
        for user in range(CREDITED, CREDITED + CROWD):
            sats = SATS_MIN + chance.below(SATS_MIN)
            made.append(Deposit(number=len(made) + 1, at=at, sats=sats, user=user))
    if chance.below(PAIR_IN) == 0:
        at, user = _time(chance, weather_s), chance.below(CREDITED)
        for _ in range(2):
            sats = SATS_MIN + chance.below(SATS_MAX - SATS_MIN)
            made.append(Deposit(number=len(made) + 1, at=at, sats=sats, user=user))
    if chance.below(RUN_IN) == 0:
        at, user = _time(chance, weather_s / 2), chance.below(nodes)
        for _ in range(3 + chance.below(3)):
            sats = BURN_MIN + chance.below(BURN_MIN)
            made.append(Burn(number=len(made) + 1, at=at, sats=sats, user=user))


def _attacks(made: list[Work], chance: Random, weather_s: float, nodes: int) -> None:
    """Forgeries, where there is more than one to judge them; deposits insisted on, and in some seeds one that is taken back."""
    for _ in range(chance.below(ANNOUNCEMENTS_MAX + 1)):
        made.append(
            Announce(number=len(made) + 1, at=_time(chance, weather_s), node=chance.below(nodes))
        )
    for _ in range(chance.below(FORGERIES_MAX + 1) if nodes > 1 else 0):
        made.append(
            Forgery(
                number=len(made) + 1,
                at=_time(chance, weather_s),
                form=chance.choice(tuple(FORMS)),
                node=chance.below(nodes),
                restart=chance.below(RESTART_IN) == 0,
            )
        )
    if chance.below(VANISH_IN) == 0:
        made.append(
            Vanish(
                number=len(made) + 1,
                at=_time(chance, weather_s),
                sats=SATS_MIN + chance.below(SATS_MAX - SATS_MIN),
                user=chance.below(CREDITED),
            )
        )


def _time(chance: Random, weather_s: float) -> float:
    """Within the weather, to the millisecond, so that it can be read."""
    return chance.below(max(1, round(weather_s * 1000))) / 1000


def _schedule(kind: str, chance: Random) -> Schedule:
    if kind == "mixed":
        kind = chance.choice(("uniform", "uniform", "pct", "round_robin"))
    return Schedule(kind=kind, depth=2 + chance.below(4))
