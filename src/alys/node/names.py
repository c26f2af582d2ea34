"""Whom the actors of a node know, by registered name."""

import msgspec


class BridgeNames(msgspec.Struct, frozen=True, kw_only=True):
    """Registered names of the actors and ports that Bridge speaks with."""

    chain: str
    stream: str
    storage: str
    bitcoin: str


class ChainNames(msgspec.Struct, frozen=True, kw_only=True):
    """Registered names of the actors and ports that Chain speaks with."""

    engine: str
    storage: str
    bitcoin: str
    bridge: str | None = None
    stream: str | None = None
    network: str
    sync: str | None = None
    """None: this node has nobody to keep up with."""
    peer: str | None = None


class StreamNames(msgspec.Struct, frozen=True, kw_only=True):
    """Registered names of the actors and ports that Stream speaks with."""

    bridge: str
    chain: str
    storage: str
    governance: str
