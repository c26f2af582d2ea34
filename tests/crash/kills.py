"""kill -9 of the node's process at random moments while coins go in and out, and what must be true when it is left in peace.

``python -m tests.crash.kills --kills 200`` runs as many sessions as that takes and prints a table; with ``--record`` it goes into
``benchmarks/KILLS.md``. The exit code is 1 when a session lost something.
"""

import argparse
import asyncio
import datetime
import subprocess
import sys
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from alys.base.prng import SeededRandom
from alys.config.settings import Settings
from alys.worlds.driving import LoopDriver
from alys.worlds.network import PRODUCER
from alys.worlds.protocol import ScenarioInfo
from alys.worlds.split import SplitWorld
from alys.worlds.users import BitcoinUser, EthereumUser
from tests.crash.journey import PAYOUT_WEI, WEI_PER_SAT, patient

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "benchmarks" / "KILLS.md"
KILLS_PER_SESSION = 20
DEPOSIT_SATS = 50_000_000
LIFE_SECONDS_MIN, LIFE_SECONDS_MAX = 0.5, 30.0
"""Node time that a process lives; a coin goes in and out in about a minute of it."""
STARTS_CUT_OFF = 4
"""One start in so many is killed before it answers, at most this many wall seconds after it began."""
START_SECONDS_MAX = 1.5
BITCOIN_SECONDS = 4.0
"""Node time between two Bitcoin blocks."""
PEG_SECONDS = 25.0
"""Node time between two coins that set out."""
PATIENCE_SECONDS = 3_000.0
TERMINAL = {"pegin": "minted", "pegout": "settled"}


class Peg(msgspec.Struct, kw_only=True):
    """One coin's way."""

    alice: EthereumUser
    payee: BitcoinUser
    deposit: str
    burnt: str = ""


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One world, its kills and what came of its coins."""

    seed: int
    nodes: int
    kills: int
    pegs: int
    met: dict[str, int]
    """What was under way when the node was killed: operations that had not ended, by kind and state."""
    idle: int
    """Kills when nothing was under way."""
    starting: int
    """Kills before the process answered: while it took up what the one before it had left."""
    wall_seconds: float
    failure: str


class Kills:
    """The scenario."""

    def __init__(self, world: SplitWorld, seed: int, kills: int) -> None:
        self._world = world
        self._random = SeededRandom(seed).fork("kills")
        self._wanted = kills
        self._over = False
        self.kills = 0
        self.idle = 0
        self.starting = 0
        self.met: Counter[str] = Counter()
        self.pegs: list[Peg] = []

    async def run(self) -> None:
        """Raises what is not as it must be."""
        self._world.keep_mining()
        bitcoin = asyncio.create_task(self._mine())  # noqa: TID251 - a scenario of its own
        ways = asyncio.create_task(self._set_out())  # noqa: TID251 - a scenario of its own
        try:
            while self.kills < self._wanted:
                await self._live_and_die(ways)
            self._over = True
            await ways
            await self._all_ended()
        finally:
            for task in (bitcoin, ways):
                task.cancel()
            await asyncio.gather(bitcoin, ways, return_exceptions=True)
        await self._demand()

    async def _live_and_die(self, ways: "asyncio.Task[None]") -> None:
        span = LIFE_SECONDS_MAX - LIFE_SECONDS_MIN
        await self._world.sleep(LIFE_SECONDS_MIN + span * self._random.random())
        if ways.done():
            ways.result()
        under_way = [
            f"{one['kind']} {one['state']}"
            for one in await patient(self._world.nodes.call(PRODUCER, "alys_operations")) or ()
            if one["state"] != TERMINAL[one["kind"]]
        ]
        self.met.update(set(under_way))
        self.idle += not under_way
        index = self._random.below(self._world.nodes.count)
        await self._world.nodes.kill(index)
        self.kills += 1
        while self.kills < self._wanted and self._random.below(STARTS_CUT_OFF) == 0:
            if not await self._start_and_kill(index, START_SECONDS_MAX * self._random.random()):
                return
            self.kills += 1
            self.starting += 1
        await self._world.nodes.start(index)

    async def _start_and_kill(self, index: int, seconds: float) -> bool:
        """SIGKILL so many wall seconds after its start, if it does not answer before that; whether it was killed."""
        starting = asyncio.create_task(self._world.nodes.start(index))  # noqa: TID251 - it is cut off
        await asyncio.wait({starting}, timeout=seconds)
        if starting.done():
            starting.result()
            return False
        starting.cancel()  # which kills the process
        await asyncio.gather(starting, return_exceptions=True)
        return True

    async def _mine(self) -> None:
        while True:
            await self._world.confirm(1)
            await self._world.sleep(BITCOIN_SECONDS)

    async def _set_out(self) -> None:
        """One coin after the other; each of its own users, so that nothing is mixed up."""
        depositor = self._world.depositor()
        under_way: list[asyncio.Task[None]] = []
        while not self._over:
            number = len(self.pegs)
            alice = self._world.ethereum_user(f"alice {number}")
            payee = self._world.bitcoin_user(f"payee {number}")
            deposit = await depositor.deposit(
                self._world.federation_address, alice.address, DEPOSIT_SATS
            )
            peg = Peg(alice=alice, payee=payee, deposit=deposit)
            self.pegs.append(peg)
            work = asyncio.create_task(self._in_and_out(peg))  # noqa: TID251 - a scenario of its own
            under_way.append(work)
            await self._world.sleep(PEG_SECONDS)
        await asyncio.gather(*under_way)

    async def _in_and_out(self, peg: Peg) -> None:
        async def minted() -> bool:
            return await peg.alice.balance() > 0

        await self._world.eventually(minted, "the deposit is minted", timeout_s=PATIENCE_SECONDS)
        balance = await peg.alice.balance()
        self._world.check(balance == DEPOSIT_SATS * WEI_PER_SAT, "minted to the wei", wei=balance)
        peg.burnt = await peg.alice.request_peg_out(peg.payee.address, PAYOUT_WEI)

    async def _all_ended(self) -> None:
        async def ended(index: int) -> bool:
            operations = await patient(self._world.nodes.call(index, "alys_operations")) or ()
            states = [one["state"] == TERMINAL[one["kind"]] for one in operations]
            return len(states) == 2 * len(self.pegs) and all(states)

        for index in range(self._world.nodes.count):
            what = f"every peg has ended at node {index}"
            await self._world.eventually(partial(ended, index), what, timeout_s=PATIENCE_SECONDS)

    async def _demand(self) -> None:
        world = self._world
        status: Any = await world.node.call("alys_status")
        mints: Counter[str] = Counter()
        for height in range(1, status["height"] + 1):
            block: Any = await world.node.call("getblockbyheight", height)
            mints.update(pegin["txid"] for pegin in block["pegins"])
        world.check(mints == Counter(peg.deposit for peg in self.pegs), "each is minted once")
        for peg in self.pegs:
            sats, most = await peg.payee.received(), PAYOUT_WEI // WEI_PER_SAT
            world.check(most - 100_000 < sats < most, "each payee is paid once", sats=sats)
        statement = await world.audit()
        statement.require_samples("mints", "payouts", "signatures", "supply")


def session(seed: int, kills: int, scratch: Path, nodes: int = 1) -> Session:
    """One world with so many whole nodes, any of which may be killed; its processes are gone when this returns."""
    settings = Settings()
    driver = LoopDriver("local", lambda info: SplitWorld(settings, info), 1, 60.0)
    info = ScenarioInfo(name=f"kills {seed}", seed=seed, scratch=scratch, nodes=nodes)
    world = driver.world(info)
    assert isinstance(world, SplitWorld)
    scenario = Kills(world, seed, kills)

    async def live() -> None:
        try:
            await world.open()
            await scenario.run()
        finally:
            await world.close()

    begun = time.monotonic()  # noqa: TID251 - what it costs
    failure = ""
    try:
        driver.wait(driver.start(world, live(), 60.0 + 30.0 * kills))
    except Exception as error:
        failure = f"{type(error).__name__}: {error}"
    finally:
        driver.close()
    return Session(
        seed=seed,
        nodes=nodes,
        kills=scenario.kills,
        pegs=len(scenario.pegs),
        met=dict(sorted(scenario.met.items())),
        idle=scenario.idle,
        starting=scenario.starting,
        wall_seconds=time.monotonic() - begun,  # noqa: TID251 - what it costs
        failure=failure,
    )


# For people


def sessions(seed: int, kills: int, nodes: int) -> list[Session]:
    """As many as that takes, one after the other, with seeds from that one on."""
    found: list[Session] = []
    while kills > 0:
        now = min(kills, KILLS_PER_SESSION)
        with tempfile.TemporaryDirectory(prefix="alys-kills-") as scratch:
            found.append(session(seed + len(found), now, Path(scratch), nodes))
        sys.stderr.write(f"{row(found[-1])}\n")
        kills -= now
    return found


def row(one: Session) -> str:
    """A line of the table."""
    outcome = one.failure or "each minted once and paid once, ledger exact"
    return f"| {one.seed} | {one.nodes} | {one.kills} | {one.starting} | {one.idle} | {one.pegs} | {one.wall_seconds:.0f} | {outcome} |"


def table(found: list[Session]) -> str:
    """A line for each session, then what was under way at the kills."""
    met: Counter[str] = Counter()
    for one in found:
        met.update(one.met)
    lines = [
        "| seed | whole nodes | kills | of them while starting | with nothing under way | coins in and out | wall seconds | outcome |",
        "|---|---|---|---|---|---|---|---|",
        *map(row, found),
        "",
        "What was under way when the node was killed, and how often:",
        "",
        *(f"- {what}: {count}" for what, count in sorted(met.items())),
    ]
    return "\n".join(lines)


def summary(found: list[Session]) -> str:
    """One sentence."""
    kills, coins = sum(one.kills for one in found), sum(one.pegs for one in found)
    lost = [one.seed for one in found if one.failure]
    verdict = "nothing was lost" if not lost else f"seeds {lost} lost something"
    return f"{kills} kills in {len(found)} sessions with {coins} coins in and out: {verdict}"


def page(found: list[Session], commit: str, day: str) -> str:
    """For the repository."""
    return f"""# Killed 200 times

The local world in placement `split`: services, node and runner are processes. Coins go in and out all the time; the node's process gets
SIGKILL after {LIFE_SECONDS_MIN:g} to {LIFE_SECONDS_MAX:g} node seconds of life, one start in {STARTS_CUT_OFF} is killed before it answers, and each time it is started again on
the same store. When a session's kills are over every coin must have been minted once, to the wei, and paid out once; the ledger
must explain every wei.

{summary(found)}. {day}, commit {commit}; `python -m tests.crash.kills --kills {sum(one.kills for one in found)} --seed {found[0].seed} --record` makes this page anew. `make test` runs a
session with fewer kills.

{table(found)}
"""


def main() -> int:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.kills")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--record", action="store_true")
    chosen = parser.parse_args()
    found = sessions(chosen.seed, chosen.kills, chosen.nodes)
    sys.stdout.write(f"{table(found)}\n\n{summary(found)}\n")
    if chosen.record:
        head = ["git", "rev-parse", "--short", "HEAD"]
        done = subprocess.run(head, cwd=ROOT, capture_output=True, text=True, check=True)
        day = datetime.datetime.now(tz=datetime.UTC).date().isoformat()  # noqa: TID251 - the page's
        PAGE.write_text(page(found, done.stdout.strip(), day), encoding="utf-8")
    return 1 if any(one.failure for one in found) else 0


if __name__ == "__main__":
    sys.exit(main())
