"""A federation on one machine, kept up until somebody ends it: services, whole nodes with a process each, a miner, and an onlooker.

Nothing that its user does to a node ends it: a process that dies is said and started again, as a machine's supervisor would. What ends
it is the ledger: money that nobody can explain.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from typing import Any

from typing_extensions import override

from alys.base.errors import AlysError
from alys.config.settings import Settings
from alys.node.errors import PortDown
from alys.shells.child_process import exit_in_words
from alys.wire.jsonrpc import RpcError
from alys.worlds import parts
from alys.worlds.protocol import ScenarioInfo
from alys.worlds.split import SplitWorld
from alys.worlds.split_nodes import said
from alys.worlds.traffic import Traffic

LOOK_SECONDS = 0.2
"""Wall time between two looks at the processes, and between two steps of the traffic."""

Say = Callable[[str], None]


class Federation(SplitWorld):
    """See the module's docstring."""

    def __init__(self, settings: Settings, info: ScenarioInfo, rpc_port: int = 0) -> None:
        """``rpc_port``: of node 0, the next ones for the others; 0 takes free ones."""
        super().__init__(settings, info)
        self.node_rpc_port = rpc_port
        self._told = 0

    @override
    def require_sound(self) -> None:
        """What the onlooker found; processes and actors may come and go."""
        if self._trouble is not None:
            raise self._trouble

    async def live(
        self, over: asyncio.Event, say: Say, *, status_seconds: float, traffic: bool
    ) -> None:
        """Open, say where everything is, look after it until ``over``, close. Raises what the ledger found."""
        try:
            await self.open()
            self._bear()
            for line in self.addresses():
                say(line)
            self.keep_mining()
            await self._look_after(over, say, status_seconds, traffic)
        finally:
            await self.close()
        statement = self.auditor.statement
        if statement is not None:
            say(f"the ledger balances at block {statement.evm_height}")

    def _bear(self) -> None:
        """Whoever asks a node that is away finds it away, and asks again."""
        self.recorder.order("/alys", "whatever its user does").touched.append("anything")
        self.processes.bears_deaths = True

    def addresses(self) -> list[str]:
        """One line for each thing that can be reached."""
        to = self.endpoints
        assert to is not None, "open first"
        door = f"user {to.bitcoin.user}, password {to.bitcoin.password}"
        ethereum = [to.ethereum_url, *to.further_ethereum_urls]
        lines = [f"bitcoin      {to.bitcoin_url} ({door})"]
        lines += [f"governance   {target}" for target in to.governance_targets]
        for index in range(self.nodes.count):
            pid = self.processes.pid(index)
            lines.append(f"node {index}       {self.node_urls[index]} (process {pid})")
            lines.append(f"execution {index}  {ethereum[index]}")
        lines.append(f"deposits to  {self.federation_address}")
        return lines

    async def _look_after(
        self, over: asyncio.Event, say: Say, status_seconds: float, traffic: bool
    ) -> None:
        loop = asyncio.get_running_loop()
        next_status = loop.time()
        steps = self._steps(say) if traffic else None
        while not over.is_set():
            self.require_sound()
            await self._raise_the_dead(say)
            self._tell_what_broke(say)
            if steps is not None:
                await anext(steps)
            if loop.time() >= next_status:
                for index in range(self.nodes.count):
                    say(await self.status(index))
                next_status = loop.time() + status_seconds
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), LOOK_SECONDS)

    async def _raise_the_dead(self, say: Say) -> None:
        for index, child in self.processes.dead():
            say(
                f"node {index}  {child.what} died with {exit_in_words(child.exit_code or 0)}; it is started again"
            )
            await self.processes.revive(index)
            say(f"node {index}  is back: process {self.processes.pid(index)}")

    def _tell_what_broke(self, say: Say) -> None:
        broke = [
            one for child in self._children for one in said(child) if isinstance(one, parts.Broke)
        ]
        for one in broke[self._told :]:
            say(one.sentence)
        self._told = len(broke)

    async def _steps(self, say: Say) -> AsyncGenerator[None, None]:
        """Traffic without end; a node that is away breaks off a round, and the next one begins."""
        number = 0
        while True:
            number += 1
            made = Traffic(
                self, interval_s=self.settings.service.traffic_interval, name=f"traffic {number}."
            )
            try:
                async for _ in made.steps():
                    yield
            except (PortDown, RpcError, AlysError) as error:
                say(f"traffic    breaks off while it waits for {made.doing}: {error}")
            yield

    async def status(self, index: int) -> str:
        """One line about a node."""
        try:
            status: Any = await self.nodes.call(index, "alys_status")
            peers: Any = await self.nodes.call(index, "alys_peers")
        except (PortDown, RpcError) as error:
            return f"node {index}  does not answer: {error}"
        connected = sum(peer["connected"] for peer in peers)
        state = f"{status['state']}{', ' if status['reason'] else ''}{status['reason']}"
        return (
            f"node {index}  height {status['height']}  head {status['headRoot'][:10]}  "
            f"finalised {status['finalisedHeight']}  peers {connected}  {state}"
        )
