"""A node alone: its trees and its JSON-RPC on services that others started, until it is told to end.

The producer drives the execution client by URL; the two co-signers run beside it, each with a client of ours that follows the same
chain. Nothing is audited here and nothing is mined: whoever wants that looks from outside (``alys check``).
"""

import asyncio
import contextlib
from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec
from typing_extensions import override

from alys.base.errors import EnvironmentFailure
from alys.chain.spec import ChainSpec, dev_federation
from alys.config.keys import ServiceKeys
from alys.config.settings import Settings
from alys.shells.ethereum_server import serve_engine
from alys.shells.jsonrpc_client import JsonRpcClient, Jwt
from alys.wire import ethereum
from alys.worlds import addresses, network, real, real_execution
from alys.worlds.attached import AttachedWorld, Endpoints
from alys.worlds.network_world import TreeFailed
from alys.worlds.nobody import Nobody
from alys.worlds.protocol import GovernanceSide, ScenarioInfo

LOOK_SECONDS = 0.2
"""Wall time between two looks at whether the trees stand."""


class StandaloneNode(AttachedWorld):
    """See the module's docstring."""

    name = "node"

    def __init__(
        self,
        settings: Settings,
        info: ScenarioInfo,
        keys: ServiceKeys,
        spec: ChainSpec | None,
        rpc_port: int,
        *,
        metrics_port: int | None = None,
    ) -> None:
        """Without a specification the chain starts from where the services stand, with the development federation."""
        super().__init__(settings, info, metrics_port=metrics_port)
        self._keys = keys
        self._spec = spec
        self.node_rpc_port = rpc_port
        self.governance_token = keys.governance_token.reveal().decode()

    @override
    async def prepare(self) -> None:
        given, keys = self.settings.mock_services, self._keys
        self._coins = await real.anchor_bitcoin(
            addresses.without_user(given.bitcoin_rpc_url), addresses.basic(keys), fund=False
        )
        self._chain = await real_execution.anchor_execution(
            given.ethereum_rpc_url,
            given.engine_api_url,
            Jwt(secret=keys.engine_jwt_secret.reveal()),
        )
        if self._spec is not None:
            self._chain = await _at(self._chain, self._spec)
        self.not_before = self._chain.timestamp + 1.0

    @override
    async def provide(self) -> tuple[network.Grounds, Endpoints, GovernanceSide]:
        chain = self._chain
        spec = self._spec or network.specification(
            self.settings.node, chain.hash, self._coins.height, dev_federation()
        )
        nodes = self.settings.mock_services.governance_nodes
        grounds = network.Grounds(
            spec=spec,
            depositor_secret=real.DEPOSITOR_SECRET,
            governance_nodes=len(nodes),
            first_height=chain.number,
            nodes=self.whole_nodes,
        )
        engines = [chain.engine_url]
        beside = len(self.authorities_here()) - 1
        for client in await real_execution.followers(chain, beside, self.now):
            server = await serve_engine(client, "127.0.0.1", 0, jwt_secret=chain.jwt.secret)
            self.closers.append(server.close)
            engines.append(server.url)
        endpoints = Endpoints(
            bitcoin_url=self._coins.url,
            bitcoin=self._coins.auth,
            ethereum_url=chain.url,
            engine_urls=tuple(engines),
            engine=chain.jwt,
            foreign_execution=True,
            governance_targets=tuple(urlsplit(url).netloc for url in nodes),
        )
        return grounds, endpoints, Nobody()

    async def live(self, over: asyncio.Event, say: Callable[[str], None]) -> None:
        """Until ``over``, or until a tree gives up: then TreeFailed. ``say`` is told the URL once all authorities answer."""
        try:
            await self.start_services()
            await self.start_node()
            self._opened = True
            say(self.node_url)
            while not over.is_set():
                if self.system.failure is not None:
                    raise TreeFailed(f"the node gave up: {self.system.failure}")
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(over.wait(), LOOK_SECONDS)
        finally:
            if hasattr(self, "system"):
                await self.await_reply(self.system.shutdown())
            await self.stop_services()


async def _at(
    chain: real_execution.ExecutionAnchor, spec: ChainSpec
) -> real_execution.ExecutionAnchor:
    """The anchor that a specification names, on a client that may be further on already."""
    async with JsonRpcClient(chain.url) as client:
        wanted = ethereum.to_data(spec.genesis_execution_hash)
        block = await client.call("eth_getBlockByHash", wanted, False)
    if block is None:
        raise EnvironmentFailure(
            f"the execution client at {chain.url} has no block {wanted}, where the specification starts"
        )
    return msgspec.structs.replace(
        chain,
        number=ethereum.from_quantity(block["number"]),
        hash=spec.genesis_execution_hash,
        timestamp=ethereum.from_quantity(block["timestamp"]),
    )
