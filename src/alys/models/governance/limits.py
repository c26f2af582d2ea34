"""What a governance node bears, every bound by its name; tests take smaller ones."""

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The defaults are the protocol's where it states one."""

    message_bytes: int = 16 * 1024 * 1024
    """Of one gRPC message, in and out; the protocol's own bound."""
    streams: int = 10
    """Open at once; the protocol's own bound on connections."""
    streams_of_one: int = 4
    """Registered at once under one node id: one in use, and some that broke and are not known to have."""
    registration_seconds: float = 10.0
    """Wall time from the opening of a stream to an accepted registration; the protocol's own bound."""
    idle_seconds: float = 300.0
    """On the wall's clock and on the node's, without a message from a stream; the protocol's own bound."""
    answers_under_way: int = 1_000
    """Of one stream, to a peer that does not read: beyond it no more is read from the peer either."""
    pushes_under_way: int = 1_000
    """Of one stream, that nobody asked for just now: beyond it the stream ends."""
    name_characters: int = 256
    """Of a request's id and of a node's: both are remembered, thousands of them."""
    waiting_requests: int = 100
    """Signature requests of one stream that wait for more; the protocol's own bound on what is pending."""
