"""How services by URL are addressed: the URL without what opens the door, and the way through it."""

from urllib.parse import urlsplit, urlunsplit

from alys.config.keys import ServiceKeys
from alys.shells.jsonrpc_client import Basic


def without_user(url: str) -> str:
    """The URL without user and password, which go into a header."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def basic(keys: ServiceKeys) -> Basic:
    """The Bitcoin node's door."""
    return Basic(
        user=keys.bitcoin_user.reveal().decode(),
        password=keys.bitcoin_password.reveal().decode(),
    )
