"""``alys mock``: one service as a process of its own, until SIGTERM."""

import argparse
import contextlib
import signal
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NoReturn

from alys.base import errors
from alys.cli import words

if TYPE_CHECKING:
    from alys.config.services import Doors
    from alys.shells.mock_service import Service

_FLAGS = {
    "--host": ("HOST", "where it listens (ALYS_HOST, 127.0.0.1)"),
    "--network": ("NAME", "bitcoin: regtest; ethereum: development"),
    "--rpc-port": ("PORT", "bitcoin: JSON-RPC (RPC_PORT, 18332)"),
    "--cookie-file": (
        "PATH",
        "bitcoin: a password for local clients is left there (BITCOIN_COOKIE_FILE)",
    ),
    "--genesis": ("FILE", "ethereum: a geth-style genesis.json (ETHEREUM_GENESIS)"),
    "--import": ("FILE", "ethereum: blocks in RLP to begin with (ETHEREUM_IMPORT)"),
    "--p2p-port": ("PORT", "bitcoin: peers (P2P_PORT, 18333)"),
    "--connect": (
        "HOST:PORT",
        "bitcoin: nodes to stay connected to, with commas (BITCOIN_CONNECT)",
    ),
    "--data-dir": (
        "FOLDER",
        "bitcoin: where the chain outlives the process (BITCOIN_DATA_DIR, nowhere)",
    ),
    "--http-rpc-port": ("PORT", "ethereum: JSON-RPC (HTTP_RPC_PORT, 8545)"),
    "--ws-rpc-port": ("PORT", "ethereum: JSON-RPC over WebSocket (WS_RPC_PORT, 8546)"),
    "--engine-port": ("PORT", "ethereum: Engine API (ENGINE_PORT, 8551)"),
    "--dev-methods": ("on|off", "ethereum: mine by itself, anvil's calls (DEV_METHODS, on)"),
    "--dev-accounts": ("N", "ethereum: funded accounts that it holds (DEV_ACCOUNTS, 0)"),
    "--node-id": ("NAME", "governance: ends in 1, 2 or 3 (GOVERNANCE_NODE_ID, governance-node-1)"),
    "--grpc-port": ("PORT", "governance: gRPC (GRPC_PORT, 50051)"),
    "--delay-ms": ("MS", "governance: how late each answer is (MOCK_DELAY_MS, 0)"),
    "--peers": ("TARGETS", "governance: host:port,... of the others (GOVERNANCE_PEERS, none)"),
    "--metrics-port": ("PORT", "/health, /ready and /metrics (METRICS_PORT, 9100)"),
    "--admin-host": ("HOST", "where the admin port listens (ADMIN_HOST, 127.0.0.1)"),
    "--admin-port": ("PORT", "sessions and faults (ADMIN_PORT, 9101)"),
}
_LOGGING = ("LOG_LEVEL", "RUST_LOG", "ALYS_LOG_FORMAT")


def add(commands: "words.Commands") -> None:
    """Say what the command takes."""
    mock = commands.add_parser(
        "mock",
        help="run one service: bitcoin, ethereum or governance",
        description="Run one service until SIGTERM. Every flag has a variable, in parentheses with its default; secrets have "
        "variables alone: ADMIN_TOKEN, BITCOIN_RPC_USER, BITCOIN_RPC_PASSWORD, ENGINE_JWT_SECRET, GOVERNANCE_TOKEN, "
        "GOVERNANCE_API_KEY.",
        allow_abbrev=False,
    )
    mock.add_argument("service", metavar="SERVICE", help="bitcoin, ethereum or governance")
    for flag, (metavar, text) in _FLAGS.items():
        mock.add_argument(flag, metavar=metavar, help=text)


def run(arguments: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Serve until SIGTERM, which is the way to end it and exit code 0."""
    with _ends_at_once():  # the imports below take a second, and as process 1 nobody would end us
        settings = _settings(arguments, environment)
        _logging(environment)
        service = _service(settings)
        from alys.shells import mock_service

        mock_service.run(service, settings, words.out)
    return int(errors.ExitCode.PASS)


def _settings(arguments: argparse.Namespace, environment: Mapping[str, str]) -> "Doors":
    """Raises UsageError for a service that there is none of, or a flag that it does not know."""
    from alys.config import services
    from alys.config.errors import nearest_name

    name = arguments.service
    if name not in services.SERVICES:
        near = nearest_name(name, services.SERVICES)
        hint = f"; did you mean {near!r}?" if near else ""
        raise errors.UsageError(
            f"there is no service {name!r}{hint} (services: {', '.join(services.SERVICES)})"
        )
    given = {flag: getattr(arguments, flag[2:].replace("-", "_")) for flag in _FLAGS}
    for flag, known in services.flags().items():
        if given[flag] is not None and name not in known:
            raise errors.UsageError(f"{flag} is nothing for {name}; it is for {', '.join(known)}")
    return services.read(name, environment, given)


def _logging(environment: Mapping[str, str]) -> None:
    from alys.config import environment as variables
    from alys.config import logs
    from alys.config.settings import TestEnvironment

    told = variables.read({name: environment.get(name, "") for name in _LOGGING})
    chosen = {path[-1]: value for path, (value, _) in told.items()}
    logs.set_up(TestEnvironment(**chosen))  # type: ignore[arg-type]  # each was checked by its schema


def _service(settings: "Doors") -> "Service":
    from alys.config import services

    match settings:
        case services.BitcoinService():
            from alys.shells.bitcoin_mock import BitcoinMock

            return BitcoinMock(settings)
        case services.EthereumService():
            from alys.shells.ethereum_mock import EthereumMock

            return EthereumMock(settings)
        case services.GovernanceService():
            from alys.shells.governance_mock import GovernanceMock

            return GovernanceMock(settings)
        case _:
            raise errors.AlysBug(f"no service for {type(settings).__name__}")


@contextlib.contextmanager
def _ends_at_once() -> Iterator[None]:
    """While inside, SIGTERM is the end with exit code 0, until the service has its own way to hear of it."""
    before = signal.signal(signal.SIGTERM, _leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _leave(_number: int, _frame: object) -> NoReturn:
    sys.exit(int(errors.ExitCode.PASS))
