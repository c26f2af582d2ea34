"""The local world: every service on a real socket of this machine, actors on asyncio, node time faster than the wall.

All scenarios of a run share one event loop; each has services, ports, a store and a system of its own, so they overlap
without meeting.

A node that the settings name by URL stands in the place of ours (``real``); the other services are still started here. Such
nodes are somebody's own: runs take turns at them, and scenarios go one after the other.
"""

from typing_extensions import override

from alys.base.errors import UsageError
from alys.base.turns import Turns
from alys.chain.spec import DEV_SECRETS
from alys.config.keys import ServiceKeys
from alys.config.services import LOCAL_SECRETS
from alys.config.settings import Settings
from alys.models.bitcoin.node import BitcoinNode
from alys.models.ethereum.node import EthereumNode
from alys.models.governance.node import GovernanceNode
from alys.shells import governance_questions
from alys.shells.admin_server import Verbs, serve_admin
from alys.shells.bitcoin_server import serve_bitcoin
from alys.shells.ethereum_server import serve_engine, serve_ethereum
from alys.shells.governance_server import RunningGovernance, serve_governance
from alys.shells.jsonrpc_client import Basic, Jwt
from alys.shells.jsonrpc_server import RunningServer
from alys.shells.misbehaving import Faults
from alys.shells.service_admin import ServiceAdmin
from alys.worlds import misbehaving, network, real, real_execution, real_nodes, split, turn
from alys.worlds.attached import AttachedWorld, Endpoints
from alys.worlds.driving import TurnDriver
from alys.worlds.protocol import ScenarioInfo

ADMIN_TOKEN = LOCAL_SECRETS["ADMIN_TOKEN"]
BITCOIN_USER = LOCAL_SECRETS["BITCOIN_RPC_USER"]
BITCOIN_PASSWORD = LOCAL_SECRETS["BITCOIN_RPC_PASSWORD"]
JWT_BYTES = 32


class LocalWorld(AttachedWorld):
    """See the module's docstring."""

    name = "local"

    def __init__(
        self,
        settings: Settings,
        info: ScenarioInfo,
        keys: ServiceKeys | None = None,
        *,
        metrics_port: int | None = None,
    ) -> None:
        """The keys open the nodes that the settings name by URL; without any, none are needed."""
        super().__init__(settings, info, metrics_port=metrics_port)
        self._keys = keys
        self._found = real_nodes.Found()

    @override
    async def prepare(self) -> None:
        """Look at the real nodes. Whoever comes after an earlier run has other keys and other users than that one had."""
        given = self.settings.mock_services
        if not given.elsewhere:
            return
        assert self._keys is not None, "who names nodes by URL brings the keys"
        urls = {"bitcoin": given.bitcoin_rpc_url, "ethereum": given.engine_api_url}
        named = [kind for kind, url in urls.items() if url]
        self._found = await real_nodes.found(given, self._keys, named)
        self.random = self._found.fresh(self.random)
        self.not_before = self._found.not_before
        self.note(**self._found.facts)

    @override
    async def provide(self) -> tuple[network.Grounds, Endpoints, "_Governance"]:
        random, now = self.random.fork("network"), self.dispatcher.now
        start = int(now())
        found = self._found.coins
        secrets = DEV_SECRETS if found is None else network.fresh_secrets(random)
        depositor = (
            random.fork("depositor").randbytes(32) if found is None else real.DEPOSITOR_SECRET
        )
        clients = await self._clients(start)
        spec = network.specification(
            self.settings.node,
            network.genesis_hash(clients[0])
            if self._found.chain is None
            else self._found.chain.hash,
            network.BOOTSTRAP_BLOCKS if found is None else found.height,
            network.federation_of(secrets),
        )
        grounds = network.Grounds(
            spec=spec,
            depositor_secret=depositor,
            governance_nodes=len(secrets),
            nodes=self.whole_nodes,
            first_height=0 if self._found.chain is None else self._found.chain.number,
        )
        governance = _Governance(
            network.governance(spec, secrets, now, random), self.settings.world.host
        )
        self.closers.append(governance.close)
        base = self.settings.world.governance_base_port
        for index in range(grounds.governance_nodes):
            await governance.serve(index, base + index if base else 0)
        if self.settings.world.governance_gossip:
            await governance.acquaint()
        coins: real.CoinDoor | None = found
        own = None
        if coins is None:
            own = network.bitcoin_node(start, now, depositor)
            coins = await self._bitcoin(own)
        if self._found.chain is None:
            jwt = Jwt(secret=random.fork("jwt").randbytes(JWT_BYTES))
            ethereum_url = await self._ethereum(clients[0], self.settings.world.ethereum_rpc_port)
            engines: tuple[str, ...] = ()
        else:
            jwt, ethereum_url = self._found.chain.jwt, self._found.chain.url
            engines = (self._found.chain.engine_url,)
        own_clients = clients[1 - len(engines) :][: self.whole_nodes - 1]
        endpoints = Endpoints(
            bitcoin_url=coins.url,
            bitcoin=coins.auth,
            ethereum_url=ethereum_url,
            further_ethereum_urls=tuple([await self._ethereum(one) for one in own_clients]),
            engine_urls=await self._engines(clients, jwt, engines),
            engine=jwt,
            foreign_execution=self._found.chain is not None,
            governance_targets=tuple(governance.targets),
        )
        self.faults.doors = misbehaving.in_process(
            own, dict(enumerate(clients, len(engines))), governance.nodes
        )
        return grounds, endpoints, governance

    async def _bitcoin(self, node: BitcoinNode) -> real.CoinDoor:
        """The RPC of a node of ours."""
        chosen = self.settings.world
        served = await serve_bitcoin(
            node,
            chosen.host,
            chosen.bitcoin_rpc_port,
            BITCOIN_USER,
            BITCOIN_PASSWORD,
            faults=_faults_of(node),
        )
        self.closers.append(served.close)
        door = Basic(user=BITCOIN_USER, password=BITCOIN_PASSWORD)
        return real.CoinDoor(url=served.url, auth=door)

    async def _ethereum(self, client: EthereumNode, port: int = 0) -> str:
        """The public JSON-RPC of a whole node's client."""
        host = self.settings.world.host
        served = await serve_ethereum(client, host, port, faults=_faults_of(client))
        self.closers.append(served.close)
        return served.url

    async def _clients(self, start: int) -> tuple[EthereumNode, ...]:
        """A client of ours for each authority, but for the one that has a real one."""
        if self._found.chain is None:
            return network.execution_clients(start, self.dispatcher.now)
        return await real_execution.followers(
            self._found.chain, network.AUTHORITIES - 1, self.dispatcher.now
        )

    async def _engines(
        self, clients: tuple[EthereumNode, ...], jwt: Jwt, before: tuple[str, ...]
    ) -> tuple[str, ...]:
        """The Engine API of each authority's client, after those that are there already."""
        chosen = self.settings.world
        urls = list(before)
        for client in clients:
            port = 0 if urls else chosen.engine_api_port
            engine = await serve_engine(
                client, chosen.host, port, jwt_secret=jwt.secret, faults=_faults_of(client)
            )
            self.closers.append(engine.close)
            urls.append(engine.url)
        return tuple(urls)


def _faults_of(node: BitcoinNode | EthereumNode) -> Faults:
    return lambda: node.misbehaviour


class _Governance:
    """The governance nodes' servers and their admin ports, and a scenario's way to them."""

    def __init__(self, nodes: tuple[GovernanceNode, ...], host: str) -> None:
        self.nodes = nodes
        self._host = host
        self._servers: dict[int, RunningGovernance] = {}
        self._admin: dict[int, RunningServer] = {}
        self._ports: dict[int, tuple[int, int]] = {}
        self._acquainted: list[str] = []

    @property
    def targets(self) -> list[str]:
        return [self._servers[index].url for index in sorted(self._servers)]

    @property
    def admin_urls(self) -> list[str]:
        return [self._admin[index].url for index in sorted(self._admin)]

    async def serve(self, index: int, port: int, admin_port: int = 0) -> None:
        node = self.nodes[index]
        verbs = Verbs(
            state=node.state,
            faults=lambda: node.misbehaviour,
            switches=node.faults.change,
            push=node.push,
        )
        server = await serve_governance(node, self._host, port)
        self._servers[index] = server
        admin = await serve_admin(verbs, self._host, admin_port, ADMIN_TOKEN)
        self._admin[index] = admin
        self._ports[index] = (server.port, admin.port)

    async def state(self, index: int) -> object:
        found: object = await self._service(index).state()
        return found

    async def faults(self, index: int, **switches: bool) -> object:
        told: object = await self._service(index).faults(**switches)
        return told

    async def push(self, index: int, verb: str, **fields: object) -> object:
        told: object = await self._service(index).push(verb, **fields)
        return told

    def _service(self, index: int) -> ServiceAdmin:
        return ServiceAdmin(self._admin[index].url, ADMIN_TOKEN)

    async def health(self, index: int) -> object:
        return await governance_questions.health(self._servers[index].url)

    async def capabilities(self, index: int) -> object:
        return await governance_questions.capabilities(self._servers[index].url, network.NODE_TREE)

    async def stop(self, index: int) -> None:
        if index in self._admin:
            await self._admin.pop(index).close()
        await self._servers.pop(index).close()

    async def start(self, index: int) -> None:
        await self.serve(index, *self._ports[index])
        if self._acquainted:
            await self._meet(index)

    async def acquaint(self) -> None:
        """Let the nodes pass witnesses to each other, from here on."""
        self._acquainted = self.targets
        for index in self._servers:
            await self._meet(index)

    async def _meet(self, index: int) -> None:
        others = [target for n, target in enumerate(self._acquainted) if n != index]
        await self._servers[index].meet(others)

    async def close(self) -> None:
        for index in sorted(self._servers, reverse=True):
            await self.stop(index)


class LocalDriver(TurnDriver):
    """Local worlds, as many at once as the settings allow."""

    def __init__(
        self,
        settings: Settings,
        keys: ServiceKeys | None = None,
        turns: Turns | None = None,
        *,
        metrics_port: int | None = None,
    ) -> None:
        """``metrics_port``: see AttachedWorld. A fixed one is for a single world at a time.

        With ``turns`` (for nodes that are somebody else's) this waits for its turn, which lasts as long as the driver.
        """

        def make(info: ScenarioInfo) -> AttachedWorld:
            if (info.placement or settings.world.placement) == "split":
                if settings.mock_services.elsewhere:
                    raise UsageError(
                        f"{info.name} runs in placement split, which starts all of its services itself: "
                        "name no node by URL for it"
                    )
                return split.SplitWorld(settings, info)
            return LocalWorld(settings, info, keys, metrics_port=metrics_port)

        super().__init__("local", make, settings.concurrency, settings.cleanup.cleanup_timeout)
        held = None if turns is None else turn.Turn(turns, turn.holder_of("run"))
        self.wait_for_turn(held, settings.world.turn_timeout_seconds)


def open_driver(
    settings: Settings, keys: ServiceKeys | None = None, turns: Turns | None = None
) -> LocalDriver:
    """See ``protocol.DriverFactory``; the keys are for nodes by URL."""
    return LocalDriver(settings, keys, turns)
