"""The local world: every service on a real socket of this machine, actors on asyncio, node time faster than the wall.

All scenarios of a run share one event loop; each has services, ports, a store and a system of its own, so they overlap
without meeting.
"""

from typing_extensions import override

from alys.base.errors import UsageError
from alys.config.services import LOCAL_SECRETS
from alys.config.settings import Settings
from alys.shells import governance_questions
from alys.shells.admin_server import Verbs, serve_admin
from alys.shells.bitcoin_server import serve_bitcoin
from alys.shells.ethereum_server import serve_engine, serve_ethereum
from alys.shells.governance_server import RunningGovernance, serve_governance
from alys.shells.jsonrpc_client import Basic, Jwt
from alys.shells.jsonrpc_server import RunningServer
from alys.shells.service_admin import ServiceAdmin
from alys.worlds import network, split
from alys.worlds.attached import AttachedWorld, Endpoints
from alys.worlds.driving import LoopDriver
from alys.worlds.protocol import ScenarioInfo

ADMIN_TOKEN = LOCAL_SECRETS["ADMIN_TOKEN"]
BITCOIN_USER = LOCAL_SECRETS["BITCOIN_RPC_USER"]
BITCOIN_PASSWORD = LOCAL_SECRETS["BITCOIN_RPC_PASSWORD"]
JWT_BYTES = 32


class LocalWorld(AttachedWorld):
    """See the module's docstring."""

    name = "local"

    @override
    async def provide(self) -> tuple[network.Grounds, Endpoints, "_Governance"]:
        random = self.random.fork("network")
        net = network.build(self.settings.node, self.dispatcher.now, random)
        governance = _Governance(net, self.settings.world.host)
        self.closers.append(governance.close)
        base = self.settings.world.governance_base_port
        for index in range(net.governance_nodes):
            await governance.serve(index, base + index if base else 0)
        jwt = random.fork("jwt").randbytes(JWT_BYTES)
        endpoints = await self._serve_chains(net, Jwt(secret=jwt), governance.targets)
        return net, endpoints, governance

    async def _serve_chains(
        self, net: network.Network, jwt: Jwt, governance: list[str]
    ) -> Endpoints:
        """The Bitcoin node that all share, and a client per authority."""
        chosen = self.settings.world
        served = await serve_bitcoin(
            net.bitcoin, chosen.host, chosen.bitcoin_rpc_port, BITCOIN_USER, BITCOIN_PASSWORD
        )
        self.closers.append(served.close)
        public = await serve_ethereum(
            net.clients[network.PRODUCER], chosen.host, chosen.ethereum_rpc_port
        )
        self.closers.append(public.close)
        engine_urls = []
        for index, client in enumerate(net.clients):
            port = chosen.engine_api_port if index == network.PRODUCER else 0
            engine = await serve_engine(client, chosen.host, port, jwt_secret=jwt.secret)
            self.closers.append(engine.close)
            engine_urls.append(engine.url)
        return Endpoints(
            bitcoin_url=served.url,
            bitcoin=Basic(user=BITCOIN_USER, password=BITCOIN_PASSWORD),
            ethereum_url=public.url,
            engine_urls=tuple(engine_urls),
            engine=jwt,
            governance_targets=tuple(governance),
        )


class _Governance:
    """The governance nodes' servers and their admin ports, and a scenario's way to them."""

    def __init__(self, net: network.Network, host: str) -> None:
        self._nodes = net.governance
        self._host = host
        self._servers: dict[int, RunningGovernance] = {}
        self._admin: dict[int, RunningServer] = {}
        self._ports: dict[int, tuple[int, int]] = {}

    @property
    def targets(self) -> list[str]:
        return [self._servers[index].url for index in sorted(self._servers)]

    @property
    def admin_urls(self) -> list[str]:
        return [self._admin[index].url for index in sorted(self._admin)]

    async def serve(self, index: int, port: int, admin_port: int = 0) -> None:
        node = self._nodes[index]
        verbs = Verbs(state=node.state, faults=node.faults.change, push=node.push)
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

    async def close(self) -> None:
        for index in sorted(self._servers, reverse=True):
            await self.stop(index)


class LocalDriver(LoopDriver):
    """Local worlds, as many at once as the settings allow."""

    def __init__(self, settings: Settings, *, metrics_port: int | None = None) -> None:
        """``metrics_port``: see AttachedWorld. A fixed one is for a single world at a time."""

        def make(info: ScenarioInfo) -> AttachedWorld:
            if (info.placement or settings.world.placement) == "split":
                return split.SplitWorld(settings, info)
            return LocalWorld(settings, info, metrics_port=metrics_port)

        super().__init__("local", make, settings.concurrency, settings.cleanup.cleanup_timeout)


def open_driver(settings: Settings) -> LocalDriver:
    """See ``protocol.DriverFactory``. Raises UsageError for services elsewhere, which this world cannot use yet."""
    given = settings.mock_services
    for name in given.__struct_fields__:
        if getattr(given, name):
            raise UsageError(
                f"mock_services.{name} is set, but the local world starts its own services: remove it"
            )
    return LocalDriver(settings)
