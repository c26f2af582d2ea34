"""What ``alys mock`` is told: the ports, names and secrets of one service, from flags and the environment.

A service has a table of variables; most of them have a flag, which goes over them. Secrets have none, because a command line is
seen by everybody on the machine, and they are shown nowhere. Where nobody but this machine can call, a secret may be left out:
the constants below stand in, which the local world and the remote world know as well.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from alys.config import errors
from alys.config.secrets import Secret

LOCAL_SECRETS = {
    "ADMIN_TOKEN": "local-admin-token",
    "BITCOIN_RPC_PASSWORD": "regtest",
    "BITCOIN_RPC_USER": "alys",
    "ENGINE_JWT_SECRET": "a1" * 32,
    "GOVERNANCE_API_KEY": "local-governance-api-key",
    "GOVERNANCE_TOKEN": "local-governance-token",
}
"""Secrets of no worth, for services that only this machine can reach."""

DELAY_MS_MAX = 60_000
DEV_ACCOUNTS_MAX = 1_000


class Doors(msgspec.Struct, frozen=True, kw_only=True):
    """What every service has: where it listens, and its two ports beside the one that it is there for."""

    host: str
    metrics_port: int
    admin_host: str
    admin_port: int
    admin_token: Secret


class BitcoinService(Doors, frozen=True, kw_only=True):
    """``alys mock bitcoin``."""

    network: str
    rpc_port: int
    p2p_port: int
    connect: tuple[str, ...]
    """Nodes to stay connected to, host:port."""
    data_dir: str
    """Where the chain outlives the process; empty: nowhere."""
    rpc_user: Secret
    rpc_password: Secret
    cookie_file: str
    """Where the password of the user ``__cookie__`` is left for local clients; empty for nowhere."""


class EthereumService(Doors, frozen=True, kw_only=True):
    """``alys mock ethereum``."""

    network: str
    genesis: str
    """Path of a geth-style genesis.json; empty for the development genesis."""
    chain: str
    """Path of the blocks to begin with, in RLP; empty for none."""
    http_rpc_port: int
    ws_rpc_port: int
    engine_port: int
    engine_jwt_secret: Secret
    """32 bytes."""
    dev_methods: bool
    """Whether it mines by itself while nobody drives it, and has evm_, anvil_ and hardhat_ calls."""
    dev_accounts: int
    """How many accounts it holds and funds."""


class GovernanceService(Doors, frozen=True, kw_only=True):
    """``alys mock governance``."""

    node_id: str
    grpc_port: int
    delay_ms: int
    peers: tuple[str, ...]
    """``host:port`` of the other nodes, for the gossip of witnesses; none: no gossip."""
    token: Secret
    api_key: Secret
    """Empty: there is none, and the token is the only way in."""

    @property
    def number(self) -> int:
        """Which of the development federation's keys is this node's before any session: 1, 2 or 3."""
        return int(self.node_id[-1])


class Variable(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a service is told. ``read`` raises ValueError for a text that cannot stand."""

    name: str
    field: str
    read: Callable[[str], object]
    allowed: str
    default: str = ""
    flag: str = ""
    """Empty for a secret."""
    optional: bool = False
    """A secret that may be unset whoever can call: what it opens stays closed then."""


def read(service: str, environment: Mapping[str, str], flags: Mapping[str, str | None]) -> Doors:
    """The settings of a service; ``flags`` by name. Raises ConfigError for a value that cannot stand or a secret that lacks."""
    kind, variables = SERVICES[service]
    plain = [variable for variable in variables if variable.flag]
    found: dict[str, Any] = {one.field: _value(one, environment, flags) for one in plain}
    for variable in variables:
        if not variable.flag:
            host = "admin_host" if variable is _ADMIN_TOKEN else "host"
            found[variable.field] = _secret(variable, environment, found[host])
    return kind(**found)


def secret(name: str, environment: Mapping[str, str], host: str) -> Secret:
    """A secret of a service at ``host``, for its caller; the local constant where it is unset and the host is this machine."""
    return _secret(_SECRETS[name], environment, host)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the host."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def flags() -> dict[str, tuple[str, ...]]:
    """Every flag, with the services that know it."""
    known: dict[str, tuple[str, ...]] = {}
    for service, (_, variables) in SERVICES.items():
        for flag in filter(None, (variable.flag for variable in variables)):
            known[flag] = (*known.get(flag, ()), service)
    return known


def _value(
    variable: Variable, environment: Mapping[str, str], flags: Mapping[str, str | None]
) -> object:
    text, where = flags.get(variable.flag), variable.flag
    if text is None:
        text, where = environment.get(variable.name, ""), f"environment variable {variable.name}"
        text = text.strip() or variable.default
    try:
        return variable.read(text.strip())
    except ValueError:
        raise errors.ConfigError(
            f"{variable.name} = {text!r} cannot stand",
            key=variable.name,
            where=where,
            allowed=variable.allowed,
        ) from None


def _secret(variable: Variable, environment: Mapping[str, str], host: str) -> Secret:
    where = f"environment variable {variable.name}"
    text = environment.get(variable.name, "").strip()
    if not text:
        if not is_loopback(host):
            if variable.optional:
                return Secret(b"")
            raise errors.ConfigError(
                f"{variable.name} is not set, and others than this machine reach {host}",
                key=variable.name,
                where=where,
                allowed=variable.allowed,
            )
        text = LOCAL_SECRETS[variable.name]
    try:
        return Secret(_bytes(variable.read(text)))
    except ValueError:
        raise errors.ConfigError(
            f"{variable.name} cannot stand (its value is not shown)",
            key=variable.name,
            where=where,
            allowed=variable.allowed,
        ) from None


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def _matching(pattern: str) -> Callable[[str], str]:
    whole = re.compile(pattern)

    def matched(text: str) -> str:
        if not whole.fullmatch(text):
            raise ValueError
        return text

    return matched


def _port(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) > 65535:
        raise ValueError
    return int(text)


def _delay(text: str) -> int:
    return _count(text, DELAY_MS_MAX)


def _accounts(text: str) -> int:
    return _count(text, DEV_ACCOUNTS_MAX)


def _count(text: str, most: int) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) > most:
        raise ValueError
    return int(text)


def _switch(text: str) -> bool:
    if text not in ("on", "off"):
        raise ValueError
    return text == "on"


def _nodes(text: str) -> tuple[str, ...]:
    nodes = tuple(filter(None, (part.strip() for part in text.split(","))))
    for node in nodes:
        host, _, port = node.rpartition(":")
        if not re.fullmatch(r"[0-9A-Za-z._-]+|\[[0-9A-Fa-f:.]+\]", host) or not _port(port):
            raise ValueError
    return nodes


def _peers(text: str) -> tuple[str, ...]:
    found = _nodes(text)
    if len(set(found)) != len(found):
        raise ValueError
    return found


def _jwt_secret(text: str) -> bytes:
    digits = text.removeprefix("0x")
    if not re.fullmatch(r"[0-9a-fA-F]{64}", digits):
        raise ValueError
    return bytes.fromhex(digits)


def _host_variable(name: str, field: str, flag: str) -> Variable:
    allowed = "a name or an address of this machine, such as 127.0.0.1 or 0.0.0.0"
    pattern = r"[0-9A-Za-z._-]+|[0-9A-Fa-f:.]+"
    return Variable(
        name=name,
        field=field,
        read=_matching(pattern),
        allowed=allowed,
        default="127.0.0.1",
        flag=flag,
    )


def _port_variable(name: str, default: int, field: str = "") -> Variable:
    return Variable(
        name=name,
        field=field or name.lower(),
        read=_port,
        allowed="a port, 0 to 65535 (0 takes a free one)",
        default=str(default),
        flag="--" + name.lower().replace("_", "-"),
    )


def _network_variable(name: str, only: str) -> Variable:
    return Variable(
        name=name,
        field="network",
        read=_matching(only),
        allowed=only,
        default=only,
        flag="--network",
    )


def _file_variable(name: str, field: str, flag: str) -> Variable:
    return Variable(name=name, field=field, read=str, allowed="the path of a file", flag=flag)


def _text_secret(name: str, field: str, pattern: str, allowed: str) -> Variable:
    return Variable(name=name, field=field, read=_matching(pattern), allowed=allowed)


_TOKEN_WORDS = "printable ASCII without spaces"
_ADMIN_TOKEN = _text_secret("ADMIN_TOKEN", "admin_token", r"[!-~]+", _TOKEN_WORDS)

_DOORS = (
    _host_variable("ALYS_HOST", "host", "--host"),
    _port_variable("METRICS_PORT", 9100),
    _host_variable("ADMIN_HOST", "admin_host", "--admin-host"),
    _port_variable("ADMIN_PORT", 9101),
    _ADMIN_TOKEN,
)

SERVICES: dict[str, tuple[type[Doors], tuple[Variable, ...]]] = {
    "bitcoin": (
        BitcoinService,
        (
            _network_variable("BITCOIN_NETWORK", "regtest"),
            _port_variable("RPC_PORT", 18332),
            _port_variable("P2P_PORT", 18333),
            Variable(
                name="BITCOIN_CONNECT",
                field="connect",
                read=_nodes,
                allowed="host:port of the nodes to stay connected to, with commas between them",
                flag="--connect",
            ),
            Variable(
                name="BITCOIN_COOKIE_FILE",
                field="cookie_file",
                read=_matching(r"[^\0]*"),
                allowed="a path, such as ~/.bitcoin/regtest/.cookie",
                flag="--cookie-file",
            ),
            Variable(
                name="BITCOIN_DATA_DIR",
                field="data_dir",
                read=str,
                allowed="a folder",
                flag="--data-dir",
            ),
            _text_secret(
                "BITCOIN_RPC_USER", "rpc_user", r"[!-9;-~]+", f"{_TOKEN_WORDS} and colons"
            ),
            _text_secret("BITCOIN_RPC_PASSWORD", "rpc_password", r"[!-~]+", _TOKEN_WORDS),
            *_DOORS,
        ),
    ),
    "ethereum": (
        EthereumService,
        (
            _network_variable("ETHEREUM_NETWORK", "development"),
            _file_variable("ETHEREUM_GENESIS", "genesis", "--genesis"),
            _file_variable("ETHEREUM_IMPORT", "chain", "--import"),
            _port_variable("HTTP_RPC_PORT", 8545),
            _port_variable("WS_RPC_PORT", 8546),
            _port_variable("ENGINE_PORT", 8551),
            Variable(
                name="ENGINE_JWT_SECRET",
                field="engine_jwt_secret",
                read=_jwt_secret,
                allowed="64 hexadecimal digits, 0x in front or not",
            ),
            Variable(
                name="DEV_METHODS",
                field="dev_methods",
                read=_switch,
                allowed="on or off",
                default="on",
                flag="--dev-methods",
            ),
            Variable(
                name="DEV_ACCOUNTS",
                field="dev_accounts",
                read=_accounts,
                allowed=f"a whole number, 0 to {DEV_ACCOUNTS_MAX}",
                default="0",
                flag="--dev-accounts",
            ),
            *_DOORS,
        ),
    ),
    "governance": (
        GovernanceService,
        (
            Variable(
                name="GOVERNANCE_NODE_ID",
                field="node_id",
                read=_matching(r"([0-9A-Za-z._-]*[A-Za-z._-])?[123]"),
                allowed="a name of letters, digits and -._ that ends in the node's number: 1, 2 or 3",
                default="governance-node-1",
                flag="--node-id",
            ),
            _port_variable("GRPC_PORT", 50051),
            Variable(
                name="MOCK_DELAY_MS",
                field="delay_ms",
                read=_delay,
                allowed=f"whole milliseconds, 0 to {DELAY_MS_MAX}",
                default="0",
                flag="--delay-ms",
            ),
            Variable(
                name="GOVERNANCE_PEERS",
                field="peers",
                read=_peers,
                allowed="host:port of each other governance node, with commas between them, none twice",
                flag="--peers",
            ),
            _text_secret("GOVERNANCE_TOKEN", "token", r"[!-~]+", _TOKEN_WORDS),
            Variable(
                name="GOVERNANCE_API_KEY",
                field="api_key",
                read=_matching(r"[0-9A-Za-z_-]{16,}"),
                allowed="16 or more letters, digits, _ and -",
                optional=True,
            ),
            *_DOORS,
        ),
    ),
}
"""By the word that ``alys mock`` takes: the settings' type, and the variables that fill it."""

_SECRETS = {
    variable.name: variable
    for _, variables in SERVICES.values()
    for variable in variables
    if not variable.flag
}
