"""The remote world: services by URL, the node's trees in this process.

Ours are services with an admin port: each scenario begins a session with them, so that it has chains, keys and a clock of its own
(D10). One node drives the chains at a time: the driver takes its turn before the first scenario and gives it back after the
last, and waits for services that are not up yet. Neither counts towards a run's time.

The co-signing authorities run in this process too, each with an execution client of its own, made from the genesis that the
remote client names. The node is the only one that drives that one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

import msgspec
from typing_extensions import override

from alys.base.errors import EnvironmentFailure
from alys.base.turns import Turns
from alys.chain import slots
from alys.chain.federation import Federation
from alys.config.keys import ServiceKeys
from alys.config.settings import MockServices, Settings
from alys.models.ethereum.genesis import dev_genesis
from alys.models.ethereum.node import EthereumNode
from alys.shells import governance_questions, session
from alys.shells.ethereum_server import serve_engine
from alys.shells.jsonrpc_client import JsonRpcClient, Jwt
from alys.shells.service_admin import AdminDown, AdminRefused, ServiceAdmin
from alys.wire import bitcoin, ethereum
from alys.worlds import (
    addresses,
    misbehaving,
    network,
    real,
    real_execution,
    real_nodes,
    redaction,
    turn,
)
from alys.worlds.attached import AttachedWorld, Endpoints
from alys.worlds.driving import TurnDriver
from alys.worlds.protocol import GovernanceSide, ScenarioInfo

ADMIN_PORT = 9101
"""Where our services have their admin ports (D39)."""

LOOK_SECONDS = 0.5
"""Wall time between two looks at services that are not up yet."""


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """Every address of the services."""

    bitcoin: str
    bitcoin_admin: str
    """Empty for a real node, here and below."""
    ethereum: str
    engine: str
    ethereum_admin: str
    governance: tuple[str, ...]
    """gRPC targets, ``host:port``."""
    governance_admin: tuple[str, ...]

    @property
    def admins(self) -> tuple[str, ...]:
        """The admin ports of all services."""
        return (*filter(None, (self.bitcoin_admin, self.ethereum_admin)), *self.governance_admin)


def places(given: MockServices) -> Places:
    """The addresses that the settings give or imply: an admin port is port 9101 of its service's host."""
    nodes = given.governance_nodes
    return Places(
        bitcoin=addresses.without_user(given.bitcoin_rpc_url),
        bitcoin_admin=""
        if "bitcoin" in given.real
        else given.bitcoin_admin_url or _admin(given.bitcoin_rpc_url),
        ethereum=given.ethereum_rpc_url,
        engine=given.engine_api_url,
        ethereum_admin=""
        if "ethereum" in given.real
        else given.ethereum_admin_url or _admin(given.ethereum_rpc_url),
        governance=tuple(urlsplit(url).netloc for url in nodes),
        governance_admin=given.governance_admin_urls or tuple(_admin(url) for url in nodes),
    )


def _admin(url: str) -> str:
    host = urlsplit(url).hostname or ""
    return f"http://{f'[{host}]' if ':' in host else host}:{ADMIN_PORT}"


class RemoteWorld(AttachedWorld):
    """See the module's docstring."""

    name = "remote"

    def __init__(
        self,
        settings: Settings,
        info: ScenarioInfo,
        keys: ServiceKeys,
        held: turn.Turn | None = None,
        *,
        metrics_port: int | None = None,
    ) -> None:
        """Without ``held`` somebody else sees to it that the chains are ours."""
        super().__init__(settings, info, metrics_port=metrics_port)
        self._keys = keys
        self._held = held
        self._places = places(settings.mock_services)
        self._found = real_nodes.Found()
        self.governance_token = keys.governance_token.reveal().decode()
        self._clean = redaction.redactor([keys.governance_token.reveal()])

    @override
    def trace(self) -> Iterable[str]:
        """Without the token that the node shows the governance nodes."""
        return (self._clean(line) for line in super().trace())

    @override
    def require_sound(self) -> None:
        if self._held is not None and self._held.lost is not None:
            raise self._held.lost
        super().require_sound()

    @override
    async def prepare(self) -> None:
        """Look at the real nodes among the services."""
        found = await real_nodes.found(
            self.settings.mock_services, self._keys, self.settings.mock_services.real
        )
        self._found = found
        self.random = found.fresh(self.random)
        self.not_before = found.not_before
        self.note(**found.facts)

    @override
    async def provide(self) -> tuple[network.Grounds, Endpoints, GovernanceSide]:
        governance = _Governance(self._places, self._service)
        wanted = session.Session(
            name=f"{self._held or turn.holder_of('node')}/{self.info.name}",
            now=self.now(),
            time_scale=self.settings.world.time_scale,
        )
        members = await _all(
            *(admin.session(wanted, session.GovernanceSession) for admin in governance.admins)
        )
        federation = Federation(
            keys=tuple(bytes.fromhex(member.public_key) for member in members),
            threshold=slots.quorum(len(members)),
        )
        told = session.Federation(
            keys=tuple(member.public_key for member in members), threshold=federation.threshold
        )
        await _all(*(admin.federation(told) for admin in governance.admins))
        ours = self._places.bitcoin_admin, self._places.ethereum_admin
        chains = [self._service(url) if url else None for url in ours]
        self.faults.doors = misbehaving.by_admin(chains[0], chains[1], *governance.admins)
        coins, chain = await _all(self._coins(wanted), self._chain(wanted))
        spec = network.specification(self.settings.node, chain.hash, coins.height, federation)
        grounds = network.Grounds(
            spec=spec,
            depositor_secret=coins.depositor,
            governance_nodes=len(federation.keys),
            nodes=self.whole_nodes,
            first_height=chain.number,
        )
        return grounds, await self._endpoints(chain), governance

    def _service(self, url: str) -> ServiceAdmin:
        return ServiceAdmin(url, self._keys.admin_token.reveal().decode())

    async def _coins(self, wanted: session.Session) -> "_Coins":
        """Where the Bitcoin chain begins: where the real node's stands, or a fresh one whose depositor's coins are old enough."""
        found = self._found.coins
        if found is not None:
            return _Coins(height=found.height, depositor=real.DEPOSITOR_SECRET)
        admin = self._service(self._places.bitcoin_admin)
        began = await admin.session(wanted, session.BitcoinSession)
        depositor = self.random.fork("network").fork("depositor").randbytes(32)
        address = bitcoin.script_to_address(bitcoin.p2wpkh_script(bitcoin.pubkey_of(depositor)))
        async with JsonRpcClient(self._places.bitcoin, addresses.basic(self._keys)) as client:
            await client.call("generatetoaddress", network.BOOTSTRAP_BLOCKS, address)
        return _Coins(height=began.height + network.BOOTSTRAP_BLOCKS, depositor=depositor)

    async def _chain(self, wanted: session.Session) -> "_Chain":
        """The block that the chain starts from, and clients of their own for the co-signers."""
        followers = network.AUTHORITIES - 1
        found = self._found.chain
        if found is not None:
            clients = await real_execution.followers(found, followers, self.now)
            return _Chain(hash=found.hash, number=found.number, clients=clients)
        admin = self._service(self._places.ethereum_admin)
        began = await admin.session(wanted, session.EthereumSession)
        clients = tuple(
            EthereumNode(dev_genesis(began.genesis_time), self.now) for _ in range(followers)
        )
        own = ethereum.to_data(network.genesis_hash(clients[0]))
        if own != began.genesis_hash:
            raise EnvironmentFailure(
                f"{self._places.ethereum_admin} began a chain from another genesis "
                f"({began.genesis_hash}) than this version makes ({own}): "
                "run services and node of one version, the execution client without --genesis and --dev-accounts"
            )
        return _Chain(hash=ethereum.from_data(began.genesis_hash, 32), number=0, clients=clients)

    async def _endpoints(self, chain: "_Chain") -> Endpoints:
        """The services' addresses, and those of the co-signers' clients."""
        jwt = Jwt(secret=self._keys.engine_jwt_secret.reveal())
        engine_urls = [self._places.engine]
        for client in chain.clients:
            server = await serve_engine(client, "127.0.0.1", 0, jwt_secret=jwt.secret)
            self.closers.append(server.close)
            engine_urls.append(server.url)
        return Endpoints(
            bitcoin_url=self._places.bitcoin,
            bitcoin=addresses.basic(self._keys),
            ethereum_url=self._places.ethereum,
            engine_urls=tuple(engine_urls),
            engine=jwt,
            foreign_execution=self._found.chain is not None,
            governance_targets=self._places.governance,
        )


class _Coins(msgspec.Struct, frozen=True, kw_only=True):
    height: int
    depositor: bytes


class _Chain(msgspec.Struct, frozen=True, kw_only=True):
    hash: bytes
    number: int
    clients: tuple[EthereumNode, ...]


class _Governance:
    """A scenario's way to the governance nodes."""

    def __init__(self, known: Places, service: Callable[[str], ServiceAdmin]) -> None:
        self.targets = known.governance
        self.admins = [service(url) for url in known.governance_admin]

    async def state(self, index: int) -> object:
        return await self.admins[index].state()

    async def faults(self, index: int, **switches: bool) -> object:
        return await self.admins[index].faults(**switches)

    async def push(self, index: int, verb: str, **fields: object) -> object:
        return await self.admins[index].push(verb, **fields)

    async def health(self, index: int) -> object:
        return await governance_questions.health(self.targets[index])

    async def capabilities(self, index: int) -> object:
        return await governance_questions.capabilities(self.targets[index], network.NODE_TREE)

    async def stop(self, index: int) -> None:
        await self.admins[index].listening(grpc=False)

    async def start(self, index: int) -> None:
        await self.admins[index].listening(grpc=True)


async def _all(*questions: Awaitable[Any]) -> list[Any]:
    """Every answer; where some fail, the first failure, once all have ended."""
    answers = await asyncio.gather(*questions, return_exceptions=True)
    for one in answers:
        if isinstance(one, BaseException):
            raise one
    return answers


class RemoteDriver(TurnDriver):
    """One world at a time. With ``turns``: in a turn at the chains that lasts as long as the driver."""

    def __init__(
        self,
        settings: Settings,
        keys: ServiceKeys,
        turns: Turns | None = None,
        *,
        metrics_port: int | None = None,
    ) -> None:
        """With ``turns``, waits for its turn and then for the services; raises EnvironmentFailure when either does not come.

        Without, nothing is waited for: a world cannot be opened unless the chains are free and the services up.
        """
        held = None if turns is None else turn.Turn(turns, turn.holder_of("run"))

        def make(info: ScenarioInfo) -> AttachedWorld:
            return RemoteWorld(settings, info, keys, held, metrics_port=metrics_port)

        super().__init__("remote", make, 1, settings.cleanup.cleanup_timeout)
        if held is not None:
            seconds = settings.world.turn_timeout_seconds
            self.wait_for_turn(held, seconds, lambda: _until_up(settings, keys))


async def _until_up(settings: Settings, keys: ServiceKeys) -> None:
    """Wait until every admin port answers; what a service refuses is told at once."""
    known = places(settings.mock_services)
    token = keys.admin_token.reveal().decode()
    limit = asyncio.timeout(settings.world.services_timeout_seconds)
    missing: dict[str, str] = dict.fromkeys(known.admins, "was not asked yet")
    try:
        async with limit:
            await asyncio.gather(*(_answers(url, token, missing) for url in known.admins))
    except TimeoutError:
        named = "; ".join(f"{url}: {reason}" for url, reason in missing.items())
        raise EnvironmentFailure(
            f"services do not answer within {settings.world.services_timeout_seconds} s: {named}"
        ) from None
    except AdminRefused as error:
        raise EnvironmentFailure(
            f"{error}: do runner and services have the same ADMIN_TOKEN?"
        ) from error


async def _answers(url: str, token: str, missing: dict[str, str]) -> None:
    while True:
        try:
            await ServiceAdmin(url, token).state()
        except AdminDown as error:
            missing[url] = error.reason
            await asyncio.sleep(LOOK_SECONDS)
        else:
            del missing[url]
            return


def open_driver(settings: Settings, keys: ServiceKeys, turns: Turns | None = None) -> RemoteDriver:
    """See ``protocol.DriverFactory``; the keys open the services' doors."""
    return RemoteDriver(settings, keys, turns)
