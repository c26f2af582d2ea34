"""The supervision trees of first light: a whole node, and a co-signing authority.

    node        storage, engine, stream, bridge, chain   under one supervisor, in this order
    cosigner-n  storage, engine, chain

Start order is dependencies first, stop is the reverse. Actors find each other by registered name, ``<tree>/<actor>``; the
ports are registered by the world before the tree starts: ``<tree>/ports/bitcoin``, ``engine``, ``store``, ``governance``.
Mailboxes are those of the domain's per-actor table; the intensity is its default policy, 5 restarts in 60 s.
"""

from collections.abc import Callable

import msgspec

from alys.actors.actor import Actor
from alys.actors.supervision import Backoff, ChildSpec, Intensity
from alys.actors.supervisor import Supervisor
from alys.chain.approvals import Signer, Verifier
from alys.chain.spec import ChainSpec
from alys.node.bridge import Bridge, BridgeNames
from alys.node.chain import Chain, ChainNames
from alys.node.engine import Engine
from alys.node.storage import Storage
from alys.node.stream import Stream, StreamNames

INTENSITY = Intensity(restarts=5, period_seconds=60.0)
STOP_SECONDS = 10.0


class Authority(msgspec.Struct, frozen=True, kw_only=True):
    """Who an authority is."""

    tree: str
    """First step of its actors' registered names."""
    index: int
    """Its place in the chain specification's list."""
    signer: Signer
    verifier: Verifier
    peers: tuple[str, ...]
    """Trees of the other authorities."""


def node_tree(
    spec: ChainSpec, me: Authority, *, governance_nodes: int, token: str | None
) -> ChildSpec:
    """The producing node: five actors."""
    names = _names(me.tree)
    children = (
        _storage(me.tree),
        _engine(me.tree, bridge=names["bridge"]),
        _child(
            me.tree,
            "stream",
            5_000,
            lambda: Stream(
                spec.federation,
                StreamNames(bridge=names["bridge"], governance=f"{me.tree}/ports/governance"),
                endpoints=governance_nodes,
                node_id=me.tree,
                token=token,
            ),
        ),
        _child(
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
        ),
        _chain(spec, me, produces=True, bridge=names["bridge"], stream=names["stream"]),
    )
    return _tree(me.tree, children)


def cosigner_tree(spec: ChainSpec, me: Authority) -> ChildSpec:
    """A co-signing authority: it checks and approves, and never produces."""
    children = (
        _storage(me.tree),
        _engine(me.tree, bridge=None),
        _chain(spec, me, produces=False, bridge=None, stream=None),
    )
    return _tree(me.tree, children)


def _names(tree: str) -> dict[str, str]:
    return {name: f"{tree}/{name}" for name in ("storage", "engine", "stream", "bridge", "chain")}


def _tree(name: str, children: tuple[ChildSpec, ...]) -> ChildSpec:
    return ChildSpec(
        name=name,
        factory=lambda: Supervisor(children, INTENSITY),
        shutdown_seconds=STOP_SECONDS * len(children),
    )


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
        peers=tuple(f"{peer}/chain" for peer in me.peers),
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
