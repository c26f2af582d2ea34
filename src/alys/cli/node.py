"""``alys node``: the node alone, on services that others started, until SIGTERM. With ``--index`` it is one authority among peers."""

import argparse
import re
import signal
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from alys.base import errors
from alys.cli import urls, words

if TYPE_CHECKING:
    from alys.chain.spec import ChainSpec
    from alys.config.settings import Settings
    from alys.worlds.member import Membership
    from alys.worlds.standalone import StandaloneNode

DEFAULT_RPC_PORT = 3000


def add(commands: "words.Commands") -> None:
    """Say what the command takes."""
    node = commands.add_parser(
        "node",
        help="run the node alone, on services by URL",
        description="Run the node and its two co-signers on services that are up already, until SIGTERM. Keys come from the "
        "environment: BITCOIN_RPC_USER, BITCOIN_RPC_PASSWORD, ENGINE_JWT_SECRET, GOVERNANCE_TOKEN. With --index it is one of a "
        "federation's nodes, alone: the others are at --peers.",
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
    node.add_argument("--host", metavar="ADDRESS", help="where RPC and metrics listen (127.0.0.1)")
    node.add_argument(
        "--metrics-port", metavar="PORT", help="/health, /ready and /metrics; not given: nowhere"
    )
    node.add_argument(
        "--index", metavar="N", help="its place among the authorities; a pod's name ends in it"
    )
    node.add_argument(
        "--peers", metavar="ADDRESSES", help="host:port of every authority in order, with commas"
    )
    node.add_argument(
        "--listen", metavar="HOST:PORT", help="where it takes connections of its peers"
    )
    node.add_argument("--data-dir", metavar="DIR", type=Path, help="its store, which outlives it")


def run(arguments: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Serve until SIGTERM, which is the way to end it and exit code 0."""
    settings = _settings(arguments, environment)
    port = words.port("--rpc-port", arguments.rpc_port or str(DEFAULT_RPC_PORT))
    metrics = arguments.metrics_port
    metrics_port = None if metrics is None else words.port("--metrics-port", metrics)
    spec = urls.spec(arguments.spec)
    me = _membership(arguments, spec)
    import asyncio

    from alys.config import keys, logs
    from alys.shells import lease
    from alys.worlds.member import MemberNode
    from alys.worlds.protocol import ScenarioInfo
    from alys.worlds.standalone import StandaloneNode

    logs.set_up(settings.test_environment)
    doors = keys.read(environment, settings.mock_services)
    if me is not None:
        assert spec is not None, "checked with the others"
        member = MemberNode(settings, me, doors, spec, port, metrics_port=metrics_port)
        with lease.sole_user(me.data_dir):
            asyncio.run(_live(member))
        return int(errors.ExitCode.PASS)
    with tempfile.TemporaryDirectory(prefix="alys-node-") as scratch:
        folder = arguments.data_dir or Path(scratch) / "node"
        info = ScenarioInfo(name="node", seed=settings.world.seed, scratch=folder)
        node = StandaloneNode(settings, info, doors, spec, port, metrics_port=metrics_port)
        node.keeps_stores = arguments.data_dir is not None
        with lease.sole_user(folder):
            asyncio.run(_live(node))
    return int(errors.ExitCode.PASS)


async def _live(node: "StandaloneNode") -> None:
    import asyncio

    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    await node.live(over, lambda url: words.out(f"rpc {url}\n"))


def _membership(arguments: argparse.Namespace, spec: "ChainSpec | None") -> "Membership | None":
    """Who it is among peers; None: it is alone. Raises UsageError for half of what is needed."""
    given = {
        "--index": arguments.index,
        "--peers": arguments.peers,
        "--listen": arguments.listen,
    }
    if not any(given.values()):
        return None
    given |= {"--data-dir": arguments.data_dir, "--spec": spec}
    if missing := [flag for flag, value in given.items() if not value]:
        raise errors.UsageError(
            f"{', '.join(missing)} missing: a node among peers needs --index, --peers, --listen, --data-dir and --spec"
        )
    index = re.search(r"(?:^|-)(\d{1,3})$", arguments.index)
    if index is None:
        raise errors.UsageError(
            f"--index {arguments.index!r} cannot stand; allowed: a number, or a name that ends in -NUMBER"
        )
    host, colon, port = arguments.listen.rpartition(":")
    if not colon or not host:
        raise errors.UsageError(f"--listen {arguments.listen!r} cannot stand; allowed: HOST:PORT")
    from alys.worlds.member import Membership

    return Membership(
        index=int(index.group(1)),
        peers=tuple(one.strip() for one in arguments.peers.split(",")),
        listen=(host, words.port("--listen", port)),
        data_dir=arguments.data_dir,
    )


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
        ("world", "host"): ("--host", arguments.host),
    }
    chosen: dict[tuple[str, ...], object] = {
        ("world", "kind"): "remote",
        ("world", "time_scale"): 1.0,
    }
    return loader.load(arguments.config, environment, flags, chosen)
