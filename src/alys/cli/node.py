"""``alys node``: the node alone, on services that others started, until SIGTERM."""

import argparse
import signal
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from alys.base import errors
from alys.cli import urls, words

if TYPE_CHECKING:
    from alys.config.settings import Settings
    from alys.worlds.standalone import StandaloneNode

DEFAULT_RPC_PORT = 3000


def add(commands: "words.Commands") -> None:
    """Say what the command takes."""
    node = commands.add_parser(
        "node",
        help="run the node alone, on services by URL",
        description="Run the node and its two co-signers on services that are up already, until SIGTERM. Keys come from the "
        "environment: BITCOIN_RPC_USER, BITCOIN_RPC_PASSWORD, ENGINE_JWT_SECRET, GOVERNANCE_TOKEN.",
        allow_abbrev=False,
    )
    urls.add(node)
    node.add_argument(
        "--governance",
        metavar="URLS",
        help="the governance nodes, with commas (GOVERNANCE_ENDPOINTS)",
    )
    node.add_argument(
        "--rpc-port",
        metavar="PORT",
        help=f"of its own JSON-RPC ({DEFAULT_RPC_PORT}; 0 is a free one)",
    )


def run(arguments: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Serve until SIGTERM, which is the way to end it and exit code 0."""
    settings = _settings(arguments, environment)
    port = words.port("--rpc-port", arguments.rpc_port or str(DEFAULT_RPC_PORT))
    spec = urls.spec(arguments.spec)
    import asyncio

    from alys.config import keys, logs
    from alys.worlds.protocol import ScenarioInfo
    from alys.worlds.standalone import StandaloneNode

    logs.set_up(settings.test_environment)
    doors = keys.read(environment, settings.mock_services)
    with tempfile.TemporaryDirectory(prefix="alys-node-") as scratch:
        info = ScenarioInfo(name="node", seed=settings.world.seed, scratch=Path(scratch) / "node")
        asyncio.run(_live(StandaloneNode(settings, info, doors, spec, port)))
    return int(errors.ExitCode.PASS)


async def _live(node: "StandaloneNode") -> None:
    import asyncio

    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    await node.live(over, lambda url: words.out(f"rpc {url}\n"))


def _settings(arguments: argparse.Namespace, environment: Mapping[str, str]) -> "Settings":
    from alys.config import loader

    if arguments.config is None:
        for flag, value, variable in (
            ("--bitcoin", arguments.bitcoin, "BITCOIN_RPC_URL"),
            ("--ethereum", arguments.ethereum, "ETHEREUM_RPC_URL"),
            ("--engine", arguments.engine, "ENGINE_API_URL"),
            ("--governance", arguments.governance, "GOVERNANCE_ENDPOINTS"),
        ):
            if not value and not environment.get(variable):
                raise errors.UsageError(
                    f"{flag} ({variable}) is missing: the node starts no services of its own"
                )
    nodes = arguments.governance
    listed = None if nodes is None else [one.strip() for one in nodes.split(",") if one.strip()]
    flags: loader.Flags = {
        **urls.flags(arguments),
        ("mock_services", "governance_nodes"): ("--governance", listed),
    }
    chosen: dict[tuple[str, ...], object] = {
        ("world", "kind"): "remote",
        ("world", "time_scale"): 1.0,
    }
    return loader.load(arguments.config, environment, flags, chosen)
