"""The services of a test network, as models: one Bitcoin node, an execution client per authority, the governance nodes.

Every world stands on the same network; it differs in what lies between the services and the node's actors.
"""

import functools
from collections.abc import Callable, Mapping, Sequence

import msgspec

from alys.base.prng import Random
from alys.chain import slots
from alys.chain import spec as chain_spec
from alys.chain.approvals import BlsScheme
from alys.chain.federation import Federation
from alys.chain.light_approvals import LightScheme
from alys.chain.spec import ChainSpec
from alys.config import services
from alys.config.settings import NodeSettings, Profile
from alys.models.bitcoin.node import BitcoinNode
from alys.models.ethereum.genesis import Genesis, dev_genesis
from alys.models.ethereum.light import Light
from alys.models.ethereum.node import EthereumNode
from alys.models.governance.node import GovernanceNode
from alys.node.peers import KnownPeer
from alys.node.tree import Authority
from alys.wire import bitcoin, ethereum

AUTHORITIES = 3
PRODUCER = 0
"""Which authority is the node that scenarios speak to; of the others, as many are whole nodes as the settings say."""

NODE_TREE = "node"

GOVERNANCE_TOKEN = services.LOCAL_SECRETS["GOVERNANCE_TOKEN"]
"""What the governance nodes want to see of whoever opens a stream. A secret of no worth: these networks live for one run."""

SCHEMES: Mapping[Profile, type[BlsScheme] | type[LightScheme]] = {
    "full": BlsScheme,
    "light": LightScheme,
}
"""How authorities sign."""

DEPOSITOR_SECRET = (0x22).to_bytes(32, "big")
"""Of the Bitcoin user who has coins, in simulation: no key there depends on the seed (D11)."""

MINER_SECRET = (0x11).to_bytes(32, "big")
"""Whom the blocks that only confirm pay; nobody spends it."""

BOOTSTRAP_BLOCKS = 110
"""Mined to the depositor before the chain starts: ten coinbases of its own can be spent then (maturity 100)."""


class Grounds(msgspec.Struct, frozen=True, kw_only=True):
    """What the node and the scenarios know of the services, wherever these run: the anchor of the chain (D10)."""

    spec: ChainSpec
    depositor_secret: bytes
    """Of the Bitcoin user who has coins."""
    governance_nodes: int
    first_height: int = 0
    """Of the execution block that the chain starts from: heights count on from there."""
    nodes: int = 1
    """How many authorities are whole nodes; the others co-sign."""
    profile: Profile = "full"
    """Whether authorities sign with BLS or with the light scheme."""

    @property
    def scheme(self) -> BlsScheme | LightScheme:
        """How authorities sign."""
        return SCHEMES[self.profile]()

    def tree(self, index: int) -> str:
        """The registered prefix of an authority's actors."""
        return tree_name(index, self.nodes)

    def authority(self, index: int, addresses: Mapping[int, str] | None = None) -> Authority:
        """Who an authority is, for its tree; ``addresses`` are where the others take connections, as far as that is known."""
        scheme = self.scheme
        return Authority(
            tree=self.tree(index),
            index=index,
            signer=scheme.signer(chain_spec.DEV_SECRETS[index]),
            verifier=scheme,
            peers=tuple(
                KnownPeer(
                    name=self.tree(other),
                    authority=other,
                    address=(addresses or {}).get(other, ""),
                )
                for other in range(AUTHORITIES)
                if other != index
            ),
        )


class Network(Grounds, frozen=True, kw_only=True):
    """The services as well, as models in this process."""

    bitcoin: BitcoinNode
    clients: tuple[EthereumNode, ...]
    """By authority."""
    governance: tuple[GovernanceNode, ...]


def tree_name(index: int, nodes: int = 1) -> str:
    """The registered prefix of an authority's actors, where so many authorities are whole nodes."""
    if index == PRODUCER:
        return NODE_TREE
    return f"{NODE_TREE}-{index}" if index < nodes else f"cosigner-{index}"


def build(
    settings: NodeSettings,
    now: Callable[[], float],
    random: Random,
    nodes: int = 1,
    profile: Profile = "full",
) -> Network:
    """Fresh services whose chains begin now, with a depositor who has coins to spend."""
    start = int(now())
    depositor = DEPOSITOR_SECRET
    clients = execution_clients(start, now, profile)
    spec = specification(
        settings, genesis_hash(clients[PRODUCER]), BOOTSTRAP_BLOCKS, chain_spec.dev_federation()
    )
    return Network(
        bitcoin=bitcoin_node(start, now, depositor),
        clients=clients,
        governance=governance(spec, chain_spec.DEV_SECRETS, now, random),
        spec=spec,
        depositor_secret=depositor,
        governance_nodes=len(spec.federation.keys),
        nodes=nodes,
        profile=profile,
    )


def bitcoin_node(start: int, now: Callable[[], float], depositor: bytes) -> BitcoinNode:
    """A chain that begins at ``start`` and has paid ``BOOTSTRAP_BLOCKS`` coinbases to the depositor."""
    node = BitcoinNode(now, genesis_time=start)
    first = _first_blocks(start, depositor)
    node.chain.load([(block, True) for block in first], frozenset(), first[-1].hash)
    return node


@functools.lru_cache(maxsize=8)
def _first_blocks(start: int, depositor: bytes) -> tuple[bitcoin.Block, ...]:
    """The blocks to begin with. Values without state, so the networks of one process share them."""
    maker = BitcoinNode(lambda: float(start), genesis_time=start)
    address = bitcoin.script_to_address(bitcoin.p2wpkh_script(bitcoin.pubkey_of(depositor)))
    maker.handle("generatetoaddress", [BOOTSTRAP_BLOCKS, address])
    return tuple(entry.block for entry in maker.chain.active[1:])


def execution_clients(
    start: int, now: Callable[[], float], profile: Profile = "full"
) -> tuple[EthereumNode, ...]:
    """A client per authority, on the development genesis of that time."""
    genesis, light = _genesis(start), Light() if profile == "light" else None
    return tuple(EthereumNode(genesis, now, light=light) for _ in range(AUTHORITIES))


@functools.lru_cache(maxsize=8)
def _genesis(start: int) -> Genesis:
    """With the compiled contract; a value, so the networks of one process share it."""
    return dev_genesis(start)


def genesis_hash(client: EthereumNode) -> bytes:
    """Of the client's block 0."""
    block = client.handle("eth_getBlockByNumber", ["0x0", False])
    return ethereum.from_data(block["hash"], 32)


def specification(
    settings: NodeSettings, anchor: bytes, bitcoin_start_height: int, federation: Federation
) -> ChainSpec:
    """The chain that starts on the execution block ``anchor`` (its hash), pegged to this federation."""
    base = chain_spec.dev_spec(
        anchor,
        bitcoin_start_height=bitcoin_start_height,
        slot_duration_ms=settings.slot_duration_ms,
        required_confirmations=settings.required_confirmations,
        max_blocks_without_pow=settings.max_blocks_without_pow,
    )
    return msgspec.structs.replace(
        base,
        fee_rate_sat_vb=settings.fee_rate_sat_vb,
        fee_rate_max_sat_vb=settings.fee_rate_max_sat_vb,
        payout_confirmations=settings.payout_confirmations,
        old_address_blocks=settings.old_address_blocks,
        federation=federation,
    )


def federation_of(secrets: Sequence[bytes]) -> Federation:
    """Whom these keys make; two thirds must sign."""
    keys = tuple(bitcoin.xonly_of(secret) for secret in secrets)
    return Federation(keys=keys, threshold=slots.quorum(len(keys)))


def fresh_secrets(random: Random) -> tuple[bytes, ...]:
    """A federation's keys that no earlier run had, where ``random`` is of this run alone."""
    return tuple(random.fork(f"federation {number}").randbytes(32) for number in (1, 2, 3))


def governance(
    spec: ChainSpec, secrets: Sequence[bytes], now: Callable[[], float], random: Random
) -> tuple[GovernanceNode, ...]:
    """The nodes that hold the federation's keys, one each."""
    return tuple(
        GovernanceNode(
            f"governance-{number + 1}",
            secret,
            spec.federation.keys,
            spec.federation.threshold,
            now,
            random.fork(f"governance-{number + 1}"),
            spec.network,
            GOVERNANCE_TOKEN,
        )
        for number, secret in enumerate(secrets)
    )


def acquaint(nodes: Sequence[GovernanceNode]) -> None:
    """Let governance nodes pass witnesses to each other, by their names."""
    for node in nodes:
        for other in nodes:
            if other is not node:
                node.peer(other.node_id, there=True)
