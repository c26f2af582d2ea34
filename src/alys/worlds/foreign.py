"""A world round a node that somebody else started: its services by URL, its own JSON-RPC if it has one, and nothing else of it.

Scenarios that keep to the chains (``suites.conformance``) run here as in any world. The ledger is fed from where the node's
specification says that its chain starts, so it judges everything that the node ever did, what it did before this run included.
"""

from typing import TypeVar

import msgspec
from typing_extensions import override

from alys.actors.system import System
from alys.base.errors import EnvironmentFailure, UsageError
from alys.base.turns import Turns
from alys.chain import spec_document
from alys.chain.spec import ChainSpec, dev_spec
from alys.config.keys import ServiceKeys
from alys.config.settings import Settings
from alys.node.errors import PortDown
from alys.report.conformance import LEDGER
from alys.shells.jsonrpc_client import JsonRpcClient, Jwt
from alys.wire import ethereum
from alys.wire.jsonrpc import METHOD_NOT_FOUND, RpcError
from alys.worlds import addresses, network, real, real_execution, turn
from alys.worlds.attached import AttachedWorld, Endpoints
from alys.worlds.driving import TurnDriver
from alys.worlds.elsewhere import ElsewhereWorld
from alys.worlds.nobody import Nobody
from alys.worlds.nodes import Untouched
from alys.worlds.protocol import GovernanceSide, ScenarioInfo

T = TypeVar("T")


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """The node under test, as far as its owner tells."""

    node_rpc: str = ""
    """The URL of its own JSON-RPC; empty: it is looked at through the chains alone."""
    spec: ChainSpec | None = None
    """None: it is asked of the node."""


class ForeignWorld(ElsewhereWorld):
    """See the module's docstring."""

    name = "foreign"
    wants = "a node of ours: this one was started by somebody else"

    def __init__(
        self, settings: Settings, info: ScenarioInfo, keys: ServiceKeys, subject: Subject
    ) -> None:
        super().__init__(settings, info)
        self._keys = keys
        self._subject = subject
        self.asks_node = bool(subject.node_rpc)

    @override
    async def prepare(self) -> None:
        given, keys = self.settings.mock_services, self._keys
        self._coins = await real.anchor_bitcoin(
            addresses.without_user(given.bitcoin_rpc_url), addresses.basic(keys)
        )
        self._chain = await real_execution.anchor_execution(
            given.ethereum_rpc_url,
            given.engine_api_url,
            Jwt(secret=keys.engine_jwt_secret.reveal()),
        )
        self.random = self.random.fork(f"{self._coins.hash} {self._chain.hash.hex()}")
        self.note(bitcoin_anchor=self._coins.about, execution_anchor=self._chain.about)

    @override
    async def start_services(self) -> None:
        """Clients; an actor system without actors gives this process its clock."""
        await self.prepare()
        self.dispatcher = self.clock(None)
        self.system = System(self.dispatcher, self.random.fork("actors"))
        self.network, endpoints, self.governance = await self.provide()
        self.endpoints = endpoints
        self.bitcoin = self._client(endpoints.bitcoin_url, endpoints.bitcoin)
        self.ethereum = self.public_door(endpoints)
        self.engine = self._client(endpoints.engine_urls[0], endpoints.engine)
        self.node = self._client(self._subject.node_rpc or "http://127.0.0.1:0")
        self.node_sides, self.clients = [self.node], [self.ethereum]
        self.nodes = Untouched(self.node_sides, "nodes of ours: this one is somebody else's")

    @override
    async def provide(self) -> tuple[network.Grounds, Endpoints, GovernanceSide]:
        spec = await specification(self._subject)
        grounds = network.Grounds(
            spec=spec,
            depositor_secret=real.DEPOSITOR_SECRET,
            governance_nodes=0,
            first_height=await _height_of(spec, self._chain.url),
        )
        endpoints = Endpoints(
            bitcoin_url=self._coins.url,
            bitcoin=self._coins.auth,
            ethereum_url=self._chain.url,
            engine_urls=(self._chain.engine_url,),
            engine=self._chain.jwt,
            foreign_execution=True,
            governance_targets=(),
        )
        return grounds, endpoints, Nobody()

    @override
    async def start_node(self) -> None:
        """Somebody else did."""

    # Without the node's own JSON-RPC there is nothing to audit and nobody to mine for

    @override
    async def _watch(self) -> None:
        if self.asks_node:
            await super()._watch()

    @override
    async def _last_audit(self) -> None:
        if self.asks_node:
            with self.proving(LEDGER) as proof:
                await super()._last_audit()
                statement = self.auditor.statement
                assert statement is not None, "a look leaves a statement"
                looked = (f"{count} {name}" for name, count in statement.samples.items() if count)
                proof.evidence = (
                    f"balanced at EVM block {statement.evm_height}: {', '.join(looked)}"
                )


async def specification(subject: Subject) -> ChainSpec:
    """What was given, or what the node says, or the development chain to the address that the node has its deposits paid to.

    Raises UsageError when none of these can be had, EnvironmentFailure for a node that does not answer.
    """
    if subject.spec is not None:
        return subject.spec
    if not subject.node_rpc:
        raise UsageError(
            "a node without --node-rpc is checked with --spec: whom do deposits go to?"
        )
    async with JsonRpcClient(subject.node_rpc) as node:
        try:
            return spec_document.read(await node.call("alys_spec"))
        except RpcError as error:
            if error.code != METHOD_NOT_FOUND:
                raise
        except PortDown as error:
            raise EnvironmentFailure(f"the node: {error}: is it up?") from error
        address = str(await node.call("getdepositaddress"))
    own = dev_spec(bytes(32))
    if own.federation.address(own.network) != address:
        raise UsageError(
            f"the node at {subject.node_rpc} has deposits paid to {address} and does not tell its "
            "specification (alys_spec): give it with --spec FILE"
        )
    return own


async def _height_of(spec: ChainSpec, url: str) -> int:
    """Of the block that the chain starts from; one that says none starts at the genesis."""
    if spec.genesis_execution_hash == bytes(32):
        return 0
    async with JsonRpcClient(url) as client:
        wanted = ethereum.to_data(spec.genesis_execution_hash)
        block = await client.call("eth_getBlockByHash", wanted, False)
    if block is None:
        raise EnvironmentFailure(
            f"the execution client at {url} has no block {wanted}, where the specification starts: "
            "is it the node's client?"
        )
    return ethereum.from_quantity(block["number"])


class ForeignDriver(TurnDriver):
    """One scenario at a time, in a turn at the chains that lasts as long as the driver."""

    def __init__(
        self, settings: Settings, keys: ServiceKeys, subject: Subject, turns: Turns
    ) -> None:
        """Waits for its turn; raises EnvironmentFailure for a node or a service that is not there, before any scenario."""

        def make(info: ScenarioInfo) -> AttachedWorld:
            return ForeignWorld(settings, info, keys, subject)

        super().__init__("foreign", make, 1, settings.cleanup.cleanup_timeout)
        held = turn.Turn(turns, turn.holder_of("check"))
        seconds = settings.world.turn_timeout_seconds
        self.wait_for_turn(held, seconds, lambda: _are_there(settings, keys, subject))


async def _are_there(settings: Settings, keys: ServiceKeys, subject: Subject) -> None:
    """Every door is knocked at, the node's first."""
    spec = await specification(subject)
    if subject.node_rpc:
        async with JsonRpcClient(subject.node_rpc) as node:
            try:
                await node.call("getheadblock")
            except PortDown as error:
                raise EnvironmentFailure(f"the node: {error}: is it up?") from error
    given = settings.mock_services
    await real.anchor_bitcoin(
        addresses.without_user(given.bitcoin_rpc_url), addresses.basic(keys), fund=False
    )
    jwt = Jwt(secret=keys.engine_jwt_secret.reveal())
    await real_execution.anchor_execution(given.ethereum_rpc_url, given.engine_api_url, jwt)
    await _height_of(spec, given.ethereum_rpc_url)
