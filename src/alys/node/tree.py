"""The supervision trees: a whole node, and a co-signing authority, which has no bridge.

    node        storage     storage
                network     network, peer, sync
                bridge      stream, bridge
                consensus   engine, chain
                health
    cosigner-n  storage, network, consensus, health

Under the node's supervisor stand four domain supervisors, the boundaries of fault isolation, and who checks all others. They start in this order and stop
in the reverse: Chain speaks to all others from its first breath, so they are up before it, and it is the first to fall silent.
(The sources disagree on where Bridge and Network stand; this order loses no message at a start.)

Actors find each other by registered name, ``<tree>/<actor>``; the ports are registered by the world before the tree starts:
``<tree>/ports/bitcoin``, ``engine``, ``store``, ``governance``, ``wire``. How each is run, and what becomes of it
when it fails, is the table of ``policies``.
"""

import msgspec

from alys.actors.supervision import ChildSpec
from alys.chain.approvals import Signer, Verifier
from alys.chain.spec import ChainSpec
from alys.config.policies import Policies
from alys.node import policies
from alys.node.bridge import Bridge
from alys.node.chain import Chain
from alys.node.engine import Engine
from alys.node.health import HealthActor, HealthNames
from alys.node.names import BridgeNames, ChainNames
from alys.node.network import Network, NetworkNames
from alys.node.peers import KnownPeer, PeerNames, Peers
from alys.node.storage import Storage
from alys.node.stream import Stream, StreamNames
from alys.node.stream_figures import FIGURES, StreamFigures
from alys.node.sync import Sync, SyncNames

COSIGNING = ("storage", "network", "peer", "sync", "engine", "chain")
WHOLE = (*COSIGNING, "stream", "bridge")
"""Whose health is checked."""


class Authority(msgspec.Struct, frozen=True, kw_only=True):
    """Who an authority is."""

    tree: str
    """First step of its actors' registered names."""
    index: int
    """Its place in the chain specification's list."""
    signer: Signer
    verifier: Verifier
    peers: tuple[KnownPeer, ...] = ()
    """The others of its federation."""


def node_tree(
    spec: ChainSpec,
    me: Authority,
    *,
    governance_nodes: int,
    token: str | None,
    figures: StreamFigures = FIGURES,
    table: Policies = policies.DEFAULT,
) -> ChildSpec:
    """A whole node, which produces in its slots."""
    names = _names(me.tree)
    stream = policies.child(
        table,
        me.tree,
        "bridge",
        "stream",
        lambda: Stream(
            spec.federation,
            StreamNames(
                bridge=names["bridge"],
                chain=names["chain"],
                storage=names["storage"],
                governance=f"{me.tree}/ports/governance",
            ),
            endpoints=governance_nodes,
            node_id=me.tree,
            token=token,
            figures=figures,
        ),
    )
    bridge = policies.child(
        table,
        me.tree,
        "bridge",
        "bridge",
        lambda: Bridge(
            spec,
            BridgeNames(
                chain=names["chain"],
                stream=names["stream"],
                storage=names["storage"],
                bitcoin=f"{me.tree}/ports/bitcoin",
            ),
        ),
    )
    return policies.root(
        table,
        me.tree,
        policies.domain(table, "storage", _storage(table, me.tree)),
        policies.domain(table, "network", *_network(table, spec, me)),
        policies.domain(table, "bridge", stream, bridge),
        policies.domain(
            table,
            "consensus",
            _engine(table, me.tree, bridge=names["bridge"]),
            _chain(table, spec, me, produces=True, bridge=names["bridge"], stream=names["stream"]),
        ),
        _health(table, spec, me, WHOLE, produces=True),
    )


def cosigner_tree(spec: ChainSpec, me: Authority, table: Policies = policies.DEFAULT) -> ChildSpec:
    """A co-signing authority: it checks and approves, and never produces."""
    return policies.root(
        table,
        me.tree,
        policies.domain(table, "storage", _storage(table, me.tree)),
        policies.domain(table, "network", *_network(table, spec, me)),
        policies.domain(
            table,
            "consensus",
            _engine(table, me.tree, bridge=None),
            _chain(table, spec, me, produces=False, bridge=None, stream=None),
        ),
        _health(table, spec, me, COSIGNING, produces=False),
    )


def _names(tree: str) -> dict[str, str]:
    names = ("storage", "engine", "stream", "bridge", "chain", "network")
    return {name: f"{tree}/{name}" for name in names}


def _storage(table: Policies, tree: str) -> ChildSpec:
    return policies.child(table, tree, "storage", "storage", lambda: Storage(f"{tree}/ports/store"))


def _network(table: Policies, spec: ChainSpec, me: Authority) -> tuple[ChildSpec, ...]:
    tree = me.tree
    chain, network, peer, sync, storage = (
        f"{tree}/{name}" for name in ("chain", "network", "peer", "sync", "storage")
    )
    names = NetworkNames(chain=chain, wire=f"{tree}/ports/wire", peer=peer, sync=sync)
    known = PeerNames(network=network, sync=sync, storage=storage)
    followed = SyncNames(chain=chain, network=network, peer=peer, storage=storage)
    pace = spec.slot_duration_ms
    return (
        policies.child(table, tree, "network", "network", lambda: Network(names)),
        policies.child(table, tree, "network", "peer", lambda: Peers(me.peers, known)),
        policies.child(
            table, tree, "network", "sync", lambda: Sync(followed, slot_duration_ms=pace)
        ),
    )


def _engine(table: Policies, tree: str, bridge: str | None) -> ChildSpec:
    return policies.child(
        table, tree, "consensus", "engine", lambda: Engine(f"{tree}/ports/engine", bridge)
    )


def _chain(
    table: Policies,
    spec: ChainSpec,
    me: Authority,
    *,
    produces: bool,
    bridge: str | None,
    stream: str | None,
) -> ChildSpec:
    names = ChainNames(
        engine=f"{me.tree}/engine",
        storage=f"{me.tree}/storage",
        bitcoin=f"{me.tree}/ports/bitcoin",
        bridge=bridge,
        stream=stream,
        network=f"{me.tree}/network",
        sync=f"{me.tree}/sync",
        peer=f"{me.tree}/peer",
    )
    return policies.child(
        table,
        me.tree,
        "consensus",
        "chain",
        lambda: Chain(
            spec,
            names,
            authority_index=me.index,
            signer=me.signer,
            verifier=me.verifier,
            produces=produces,
        ),
    )


def _health(
    table: Policies, spec: ChainSpec, me: Authority, actors: tuple[str, ...], *, produces: bool
) -> ChildSpec:
    names = HealthNames(
        tree=me.tree, checks={name: policies.actor_of(table, name) for name in actors}
    )
    signatures = spec.federation.threshold
    return policies.child(
        table,
        me.tree,
        "root",
        "health",
        lambda: HealthActor(names, signatures=signatures, produces=produces),
    )
