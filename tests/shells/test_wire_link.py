"""One connection: what its end is called. What it carries, and what it survives, is in ``test_wire_gateway``."""

import asyncio
import errno
import os
import ssl

import pytest

from alys.shells.wire_link import LinkBroken, words


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (asyncio.IncompleteReadError(b"", 5), "closed by the peer"),
        (TimeoutError(), "no answer in time"),
        (LinkBroken("did not greet"), "did not greet"),
        (ssl.SSLError(1, "x"), "shows no key of a peer, or does not take ours"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed"), "connection refused"),
        (OSError(errno.ENETDOWN, os.strerror(errno.ENETDOWN)), "Network is down"),
        (ValueError("no port"), "ValueError: no port"),
    ],
)
def test_the_end_of_a_connection_has_words(error: Exception, said: str) -> None:
    assert words(error) == said
