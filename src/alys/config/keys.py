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
    """The keys for these services. Raises ConfigError for one that is missing, unless all of them are on this machine."""
    urls = (given.bitcoin_rpc_url, given.ethereum_rpc_url, given.engine_api_url)
    hosts = [urlsplit(url).hostname or "" for url in (*urls, *given.governance_nodes)]
    elsewhere = [host for host in hosts if not services.is_loopback(host)]
    host = elsewhere[0] if elsewhere else "localhost"

    inside = urlsplit(given.bitcoin_rpc_url)
    variables = dict(environment)
    if inside.username is not None:  # bitcoind's users write both into the URL
        variables["BITCOIN_RPC_USER"] = unquote(inside.username)
        variables["BITCOIN_RPC_PASSWORD"] = unquote(inside.password or "")

    def secret(name: str) -> Secret:
        return services.secret(name, variables, host)

    return ServiceKeys(
        bitcoin_user=secret("BITCOIN_RPC_USER"),
        bitcoin_password=secret("BITCOIN_RPC_PASSWORD"),
        engine_jwt_secret=secret("ENGINE_JWT_SECRET"),
        governance_token=secret("GOVERNANCE_TOKEN"),
        admin_token=secret("ADMIN_TOKEN"),
    )
