"""``alys up``: a federation on this machine with one command, until Ctrl-C."""

import argparse
import secrets
import signal
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from alys.base import errors
from alys.cli import words

if TYPE_CHECKING:
    from alys.config.settings import Settings

DEFAULT_NODES = 3
DEFAULT_TIME_SCALE = 1.0
"""Whoever looks on sees a block every two seconds."""
STATUS_SECONDS = 10.0


def add(commands: "words.Commands") -> None:
    """Say what the command takes."""
    up = commands.add_parser(
        "up",
        help="keep a federation up on this machine: services, nodes, a miner",
        description="Start a Bitcoin node, execution clients, governance nodes and whole nodes with a process each, mine for them, "
        "and say now and then how they are. A node whose process is killed is started again. Ctrl-C ends all of it; the "
        "exit code is 0 when the ledger balances.",
        allow_abbrev=False,
    )
    up.add_argument(
        "--nodes", metavar="N", help=f"authorities that are whole nodes ({DEFAULT_NODES})"
    )
    up.add_argument("--config", metavar="FILE", type=Path, help="settings, TOML")
    up.add_argument("--time-scale", metavar="X", help="node seconds per wall second (1)")
    up.add_argument(
        "--rpc-port",
        metavar="PORT",
        default="0",
        help="of node 0, the next ones for the others; 0: free ones",
    )
    up.add_argument(
        "--status",
        metavar="SECONDS",
        default=str(STATUS_SECONDS),
        help="between two status lines (10)",
    )
    up.add_argument("--traffic", action="store_true", help="deposits and peg-outs without end")


def run(arguments: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Keep it up until SIGINT or SIGTERM, which are the way to end it."""
    settings = _settings(arguments, environment)
    port = words.port("--rpc-port", arguments.rpc_port)
    seconds = _seconds(arguments.status)
    import asyncio

    from alys.config import logs
    from alys.worlds.federation import Federation
    from alys.worlds.protocol import ScenarioInfo

    logs.set_up(settings.test_environment)

    async def live(scratch: Path) -> None:
        over = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, over.set)
        info = ScenarioInfo(name="up", seed=settings.world.seed, scratch=scratch)
        federation = Federation(settings, info, port)

        def say(line: str) -> None:
            words.out(f"{line}\n")

        await federation.live(over, say, status_seconds=seconds, traffic=arguments.traffic)

    with tempfile.TemporaryDirectory(prefix="alys-up-") as folder:
        asyncio.run(live(Path(folder) / "world"))
    return int(errors.ExitCode.PASS)


def _seconds(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found < float("inf"):
        raise errors.UsageError(f"--status {text!r} cannot stand; allowed: seconds, more than 0")
    return found


def _settings(arguments: argparse.Namespace, environment: Mapping[str, str]) -> "Settings":
    from alys.config import loader

    told = loader.load(
        arguments.config,
        environment,
        {
            ("world", "nodes"): ("--nodes", arguments.nodes),
            ("world", "time_scale"): ("--time-scale", arguments.time_scale),
        },
        chosen={
            ("world", "nodes"): DEFAULT_NODES,
            ("world", "time_scale"): DEFAULT_TIME_SCALE,
            ("world", "seed"): secrets.randbelow(2**32),
        },
    )
    if told.world.kind != "local" or told.mock_services.elsewhere:
        raise errors.UsageError(
            "alys up starts all of its services itself, in world local: alys node joins services that are elsewhere"
        )
    return told
