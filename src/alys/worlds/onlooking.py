"""The part of a world that looks on: at the ledger, at all nodes, and as their merged miners, beside whatever a scenario does.

One round every few node seconds and a last one when the world closes. Where faults were ordered a node may be away; the next
round makes up for the one that it cost.
"""

import abc
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from alys.node.errors import PortDown
from alys.oracles.blocks import Production
from alys.oracles.statement import LedgerStatement
from alys.wire.jsonrpc import RpcError
from alys.worlds import judged_by, network
from alys.worlds.agreement import Overheard, Watch
from alys.worlds.audit import Auditor
from alys.worlds.miner import MergedMiner
from alys.worlds.network import Grounds
from alys.worlds.nodes import Vantage
from alys.worlds.protocol import BitcoinSide, EthereumSide, NodeSide, NodesSide
from alys.worlds.recorder import Recorder
from alys.worlds.scorecard import Scorecard

T = TypeVar("T")

POLL_SECONDS = 0.25
"""Node time between two looks of ``eventually``."""

SETTLE_SECONDS = 0.05
"""Node time from a block to the look that it brings about, where somebody looks closely: until its own node has it too."""

CLOSE_BLOCKS_MAX = 2_000
"""Blocks after which even who looks closely judges a long chain only when it has grown enough: each judgement begins at the start."""

AUDIT_SECONDS = 2.0
"""Node time between two looks of the ledger while a scenario runs."""


class Onlooking(Scorecard, abc.ABC):
    """See the module's docstring; ``take_post`` is called when the nodes are up."""

    hurried = 1.0
    """Node seconds per second of the clock that services go by."""
    timestamp_slack_s = 0
    """Node time that a block may come after the end of its slot: none where time is exact."""
    timestamp_early_s = 0
    """Node time that a block may come before its slot: none where clocks are right and authors honest."""
    bitcoin: BitcoinSide
    node_sides: list[NodeSide]
    """The JSON-RPC of each whole node."""
    clients: list[EthereumSide]
    """The public JSON-RPC of each whole node's execution client."""
    nodes: NodesSide
    network: Grounds
    recorder: Recorder
    auditor: Auditor
    vantage: Vantage
    """Whom the auditor asks."""
    watch: Watch
    """Looks at every node, where there are several."""
    miner: MergedMiner
    miners: list[MergedMiner]
    """One at each whole node, for ``keep_mining``."""

    def __init__(self) -> None:
        super().__init__()
        #: Hears what nodes send each other, where they are actors of this process.
        self.overheard: Overheard | None = None
        #: Steps of rounds that an ordered fault prevented.
        self.rounds_missed = 0
        #: Blocks that came or went, as far as somebody tells, and how many of these there were at the last look.
        self.blocks_seen = 0
        self._blocks_looked_at = 0
        self.closely = False
        self._closing = False
        self._mining = False
        self._looks_wanted = 0
        self._trouble: BaseException | None = None
        self._stumbled: BaseException | None = None

    @abc.abstractmethod
    def now(self) -> float:
        """Node time, seconds since the Unix epoch."""

    @abc.abstractmethod
    async def sleep(self, seconds: float) -> None:
        """Let node time pass."""

    @abc.abstractmethod
    async def eventually(
        self, probe: Callable[[], Awaitable[T]], what: str, timeout_s: float = 60.0
    ) -> T:
        """See ``protocol.World.eventually``."""

    def take_post(self) -> None:
        """Make what looks and mines."""
        self.vantage = Vantage(self.nodes.alive, self.node_sides, self.clients)
        self.watch = Watch(
            self.nodes, network.AUTHORITIES, self.network.first_height, self.overheard
        )
        self.miner = MergedMiner(self.vantage.node, self.bitcoin)
        self.miners = [MergedMiner(side, self.bitcoin) for side in self.node_sides]
        self.auditor = Auditor(
            judged_by.terms(self.network), self.bitcoin, self.vantage.ethereum, self.vantage.node
        )

    def keep_mining(self, on: bool = True) -> None:
        """Mine an AuxPoW every few node seconds from now on, or stop doing so."""
        self._mining = on

    def look_closely(self) -> None:
        """Judge the ledger after every block of Bitcoin and of the sidechain, where the world is told of them (``block_came``)."""
        self.closely = True

    def block_came(self, *block: object) -> None:
        """A block of Bitcoin or of an execution client came or went; work comes with blocks."""
        self.blocks_seen += 1

    async def audit(self) -> LedgerStatement:
        """The ledger's statement over all that was there when this was called."""
        looks = self.auditor.looks + 2  # one may be under way, begun before now
        self._looks_wanted = max(self._looks_wanted, looks)
        await self.eventually(_asynchronous(lambda: self.auditor.looks >= looks), "a ledger audit")
        assert self.auditor.statement is not None, "a look leaves a statement"
        return self.auditor.statement

    async def converge(self, what: str, timeout_s: float = 60.0) -> None:
        """Wait until all nodes that are up have one head, seen at one moment after this was called."""
        looks = self.watch.looks + 1  # one may be under way, begun before now

        async def one_head() -> bool:
            return self.watch.looks > looks and self.watch.one_head

        await self.eventually(one_head, what, timeout_s)

    def production(self) -> Production:
        """The production of all blocks that the last audit read; raises BlockFault."""
        late, early = self.timestamp_slack_s, self.timestamp_early_s
        return self.auditor.production(judged_by.rules(self.network, late, early))

    def stumble(self, error: Exception) -> None:
        """Somebody who looks on found this: the scenario fails with it, the first of several, when it next waits for something."""
        if self._trouble is None:
            self._trouble = self._stumbled = error

    def passed_over(self, error: Exception) -> None:
        """Somebody goes on in spite of this error. One that an onlooker found is not lost by that: the scenario fails with it after all."""
        if error is self._stumbled:
            self._trouble = error

    # Rounds

    async def _last_audit(self) -> None:
        """On in every scenario: the ledger balances at the end."""
        if self.nodes.count > 1:
            await self.watch.look_from_the_first()
            agreed = self.watch.found()
            self.sample(sum(agreed.samples.values()))
            self.note(agreement=msgspec.to_builtins(agreed), away=dict(self.watch.missed))
        self._choose()
        statement = await self.auditor.look()
        self.sample(sum(statement.samples.values()))
        self.note(ledger=summary(statement))
        production = self.production()
        self.sample(sum(production.samples.values()))

    async def _watch(self) -> None:
        """Beside the scenario: audit, and mine while that is asked for."""
        try:
            while not self._closing:
                await self._look_and_mine()
                await self._until_next_look()
        except Exception as error:
            self.stumble(error)

    async def _look_and_mine(self) -> None:
        """One round; where faults were ordered a node may be away, and the round after it makes up for this one."""
        for step in (self._look, self._mine):
            try:
                await step()
            except (RpcError, PortDown):
                if not self.recorder.disturbed:
                    raise
                self.rounds_missed += 1
                self.note(rounds_missed=self.rounds_missed)

    async def _look(self) -> None:
        """At all nodes, where there are several, and at the ledger."""
        if self.nodes.count > 1:
            await self.watch.look()
        self._choose()
        self._blocks_looked_at = self.blocks_seen
        closely = self.closely and self.blocks_seen <= CLOSE_BLOCKS_MAX
        whole = closely or self.auditor.looks < self._looks_wanted
        await self.auditor.look(whole=whole)

    def _choose(self) -> None:
        """Whom the auditor asks: of several nodes the one that is furthest. Raises PortDown."""
        self.vantage.choose(self.watch.best() if self.nodes.count > 1 else None)

    async def _mine(self) -> None:
        """At every node that is up: one that is cut off from the others has miners of its own."""
        for index, miner in enumerate(self.miners if self._mining else ()):
            if self.nodes.alive(index):
                await miner.mine()

    async def _until_next_look(self) -> None:
        end = self.now() + AUDIT_SECONDS
        while self.now() < end and self.auditor.looks >= self._looks_wanted and not self._closing:
            if self.closely and self.blocks_seen > self._blocks_looked_at:
                await self.sleep(SETTLE_SECONDS)
                return
            await self.nap(POLL_SECONDS)

    async def nap(self, seconds: float) -> None:
        """Let node time pass; a world that is told of blocks is woken by one."""
        await self.sleep(seconds)


def summary(statement: LedgerStatement) -> dict[str, object]:
    """The statement for the report: figures by name, and how the surplus comes about."""
    plain = msgspec.to_builtins(statement)
    assert isinstance(plain, dict), "a struct becomes a mapping"
    plain["surplus"] = {item.name: f"{item.wei} wei" for item in statement.surplus}
    return plain


def _asynchronous(probe: Callable[[], T]) -> Callable[[], Awaitable[T]]:
    async def ask() -> T:
        return probe()

    return ask
