"""What opens the doors of services elsewhere: read from the environment, kept out of the settings, never shown."""

from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

import msgspec

from alys.config import services
from alys.config.secrets import Secret
from alys.config.settings import MockServices


class ServiceKeys(msgspec.Struct, frozen=True, kw_only=True):
    """One secret per kind of door."""

    bitcoin_user: Secret
    bitcoin_password: Secret
    engine_jwt_secret: Secret
    """32 bytes."""
    governance_token: Secret
    admin_token: Secret


def read(environment: Mapping[str, str], given: MockServices) -> ServiceKeys:
    """The keys for these services. Raises ConfigError for one that is missing, unless all of them are on this machine.

    Without governance nodes these are real nodes for the local world: each has its own key, and none an admin port.
    """
    coin, engine = _host(given.bitcoin_rpc_url), _host(given.engine_api_url)
    members = [_host(url) for url in given.governance_nodes]
    everyone = [coin, engine, _host(given.ethereum_rpc_url), *members] if members else []

    inside = urlsplit(given.bitcoin_rpc_url)
    variables = dict(environment)
    if inside.username is not None:  # bitcoind's users write both into the URL
        variables["BITCOIN_RPC_USER"] = unquote(inside.username)
        variables["BITCOIN_RPC_PASSWORD"] = unquote(inside.password or "")

    def secret(name: str, *hosts: str) -> Secret:
        elsewhere = (host for host in (*hosts, *everyone) if not services.is_loopback(host))
        return services.secret(name, variables, next(elsewhere, "localhost"))

    return ServiceKeys(
        bitcoin_user=secret("BITCOIN_RPC_USER", coin),
        bitcoin_password=secret("BITCOIN_RPC_PASSWORD", coin),
        engine_jwt_secret=secret("ENGINE_JWT_SECRET", engine),
        governance_token=secret("GOVERNANCE_TOKEN"),
        admin_token=secret("ADMIN_TOKEN"),
    )


def _host(url: str) -> str:
    """Of a URL; nobody's service is this machine's."""
    return urlsplit(url).hostname or "localhost"
