"""The supervision trees: a whole node, and a co-signing authority, which has no bridge.

    node        storage     storage
                network     network, peer, sync
                bridge      stream, bridge
                consensus   engine, chain
    cosigner-n  storage, network, consensus

Under the node's supervisor stand four domain supervisors, the boundaries of fault isolation. They start in this order and stop
in the reverse: Chain speaks to all others from its first breath, so they are up before it, and it is the first to fall silent.
(The sources disagree on where Bridge and Network stand; this order loses no message at a start.)

Actors find each other by registered name, ``<tree>/<actor>``; the ports are registered by the world before the tree starts:
``<tree>/ports/bitcoin``, ``engine``, ``store``, ``governance``, ``wire``. Mailboxes are those of the domain's per-actor table;
intensities and back-off those of its table of supervisors.
"""

from collections.abc import Callable

import msgspec

from alys.actors.actor import Actor
from alys.actors.supervision import Backoff, ChildSpec, Intensity
from alys.actors.supervisor import Supervisor
from alys.chain.approvals import Signer, Verifier
from alys.chain.spec import ChainSpec
from alys.node.bridge import Bridge
from alys.node.chain import Chain
from alys.node.engine import Engine
from alys.node.names import BridgeNames, ChainNames
from alys.node.network import Network, NetworkNames
from alys.node.peers import KnownPeer, PeerNames, Peers
from alys.node.storage import Storage
from alys.node.stream import Stream, StreamNames
from alys.node.stream_figures import FIGURES, StreamFigures
from alys.node.sync import Sync, SyncNames

INTENSITY = Intensity(restarts=5, period_seconds=60.0)
"""Of every domain supervisor, and of the node's over them."""
STOP_SECONDS = 10.0


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
) -> ChildSpec:
    """A whole node, which produces in its slots."""
    names = _names(me.tree)
    stream = _child(
        me.tree,
        "stream",
        5_000,
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
    bridge = _child(
        me.tree,
        "bridge",
        25_000,
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
    return _tree(
        me.tree,
        _domain("storage", _storage(me.tree)),
        _domain("network", *_network(spec, me)),
        _domain("bridge", stream, bridge),
        _domain(
            "consensus",
            _engine(me.tree, bridge=names["bridge"]),
            _chain(spec, me, produces=True, bridge=names["bridge"], stream=names["stream"]),
        ),
    )


def cosigner_tree(spec: ChainSpec, me: Authority) -> ChildSpec:
    """A co-signing authority: it checks and approves, and never produces."""
    return _tree(
        me.tree,
        _domain("storage", _storage(me.tree)),
        _domain("network", *_network(spec, me)),
        _domain(
            "consensus",
            _engine(me.tree, bridge=None),
            _chain(spec, me, produces=False, bridge=None, stream=None),
        ),
    )


def _names(tree: str) -> dict[str, str]:
    names = ("storage", "engine", "stream", "bridge", "chain", "network")
    return {name: f"{tree}/{name}" for name in names}


def _tree(name: str, *domains: ChildSpec) -> ChildSpec:
    return _domain(name, *domains)


def _domain(name: str, *children: ChildSpec) -> ChildSpec:
    """A supervisor over these."""
    return ChildSpec(name=name, factory=lambda: Supervisor(children, INTENSITY), supervisor=True)


def _child(tree: str, name: str, mailbox: int, factory: Callable[[], Actor]) -> ChildSpec:
    return ChildSpec(
        name=name,
        factory=factory,
        register=f"{tree}/{name}",
        mailbox_messages_max=mailbox,
        shutdown_seconds=STOP_SECONDS,
        backoff=Backoff(min_seconds=0.1, max_seconds=30.0),
    )


def _storage(tree: str) -> ChildSpec:
    return _child(tree, "storage", 10_000, lambda: Storage(f"{tree}/ports/store"))


def _network(spec: ChainSpec, me: Authority) -> tuple[ChildSpec, ...]:
    tree = me.tree
    chain, network, peer, sync, storage = (
        f"{tree}/{name}" for name in ("chain", "network", "peer", "sync", "storage")
    )
    names = NetworkNames(chain=chain, wire=f"{tree}/ports/wire", peer=peer, sync=sync)
    known = PeerNames(network=network, sync=sync, storage=storage)
    followed = SyncNames(chain=chain, network=network, peer=peer, storage=storage)
    pace = spec.slot_duration_ms
    return (
        _child(tree, "network", 10_000, lambda: Network(names)),
        _child(tree, "peer", 10_000, lambda: Peers(me.peers, known)),
        _child(tree, "sync", 10_000, lambda: Sync(followed, slot_duration_ms=pace)),
    )


def _engine(tree: str, bridge: str | None) -> ChildSpec:
    return _child(tree, "engine", 50_000, lambda: Engine(f"{tree}/ports/engine", bridge))


def _chain(
    spec: ChainSpec, me: Authority, *, produces: bool, bridge: str | None, stream: str | None
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
    return _child(
        me.tree,
        "chain",
        100_000,
        lambda: Chain(
            spec,
            names,
            authority_index=me.index,
            signer=me.signer,
            verifier=me.verifier,
            produces=produces,
        ),
    )
