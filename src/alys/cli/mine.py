"""``alys mine``: a merged miner for a node, with a Bitcoin node's blocks or without."""

import argparse
import signal
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from alys.base import errors
from alys.cli import words

if TYPE_CHECKING:
    from alys.shells.auxpow_miner import AuxPowMiner
    from alys.shells.jsonrpc_client import JsonRpcClient

NODE_URL = "http://127.0.0.1:3000"
EVERY_SECONDS = 5.0
NETWORKS = {"main": "mainnet", "test": "testnet", "testnet4": "testnet"}
"""getblockchaininfo's names, where they are not ours."""


def add(commands: "words.Commands") -> None:
    """Say what the command takes."""
    mine = commands.add_parser(
        "mine",
        help="mine for a node: AuxPoW proofs, and Bitcoin's blocks along with them",
        description="Take work from a node, put its hash into the coinbase of a Bitcoin block, find a nonce, and hand the block to the "
        "Bitcoin node and the proof to the node; again and again until SIGTERM. The Bitcoin node's keys come from the environment: "
        "BITCOIN_RPC_USER, BITCOIN_RPC_PASSWORD. Exit codes of --once: 1 a refused proof; 3 a node is away; 4 no work.",
        allow_abbrev=False,
    )
    mine.add_argument("--node", metavar="URL", default=NODE_URL, help=f"JSON-RPC; {NODE_URL}")
    mine.add_argument(
        "--bitcoin", metavar="URL", help="the Bitcoin node's JSON-RPC (BITCOIN_RPC_URL)"
    )
    mine.add_argument(
        "--internal", action="store_true", help="no Bitcoin node: proofs over blocks of no chain"
    )
    mine.add_argument("--fees-to", metavar="ADDRESS", help="EVM address for the proof's fees")
    mine.add_argument(
        "--coins-to",
        metavar="ADDRESS",
        help="Bitcoin address for the block's coins; a new one of the node's wallet",
    )
    mine.add_argument(
        "--every", metavar="S", type=float, default=EVERY_SECONDS, help="seconds between rounds; 5"
    )
    mine.add_argument("--once", action="store_true", help="one round, and end")


def run(arguments: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Mine until SIGTERM or, with ``--once``, one proof."""
    bitcoin_url = arguments.bitcoin or environment.get("BITCOIN_RPC_URL") or None
    if arguments.internal and arguments.bitcoin:
        raise errors.UsageError("--internal and --bitcoin exclude each other")
    if bitcoin_url is None and not arguments.internal:
        raise errors.UsageError(
            "--bitcoin (BITCOIN_RPC_URL) is missing: name the Bitcoin node, or say --internal to mine without one"
        )
    if not arguments.every > 0:
        raise errors.UsageError(f"--every {arguments.every} cannot stand; allowed: above 0")
    fees_to = _fees_to(arguments.fees_to)
    for flag, url in (("--node", arguments.node), ("--bitcoin", bitcoin_url)):
        if url is not None and urlsplit(url).scheme not in ("http", "https"):
            raise errors.UsageError(f"{flag} {url!r} is no URL: http://HOST:PORT")
    import asyncio

    chosen = None if arguments.internal else bitcoin_url
    return asyncio.run(_live(arguments, fees_to, chosen, environment))


async def _live(
    arguments: argparse.Namespace,
    fees_to: str,
    bitcoin_url: str | None,
    environment: Mapping[str, str],
) -> int:
    from alys.shells.auxpow_miner import ANYONE, AuxPowMiner
    from alys.shells.jsonrpc_client import JsonRpcClient

    async with JsonRpcClient(arguments.node) as node:
        if bitcoin_url is None:
            miner = AuxPowMiner(node, None, fees_to=fees_to, script=ANYONE)
            return await _mine(arguments, miner)
        async with _bitcoin(bitcoin_url, environment) as parent:
            script = await _script(parent, arguments.coins_to)
            miner = AuxPowMiner(node, parent, fees_to=fees_to, script=script)
            return await _mine(arguments, miner)


async def _mine(arguments: argparse.Namespace, miner: "AuxPowMiner") -> int:
    import asyncio

    from alys.node.errors import PortDown
    from alys.shells import auxpow_miner

    def tell(text: str) -> None:
        words.out(text + "\n")

    if arguments.once:
        try:
            mined = await miner.mine()
        except PortDown as error:
            raise errors.EnvironmentFailure(str(error)) from error
        if mined is None:
            raise errors.Inconclusive(
                "no nonce was found in time: the target is too hard for this miner"
            )
        tell(mined.line())
        return int(errors.ExitCode.PASS)
    over = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    await auxpow_miner.keep_mining(miner, arguments.every, over, tell)
    return int(errors.ExitCode.PASS)


def _fees_to(text: str | None) -> str:
    from alys.wire import ethereum

    if text is None:
        raise errors.UsageError(
            "--fees-to is missing: the EVM address that the node pays for proofs"
        )
    try:
        return ethereum.to_data(ethereum.from_data(text, 20, "address"))
    except ethereum.BadEthereumData as error:
        raise errors.UsageError(f"--fees-to {text!r} cannot stand: {error}") from error


def _bitcoin(url: str, environment: Mapping[str, str]) -> "JsonRpcClient":
    """The Bitcoin node's client; user and password may stand in the URL, and are said to nobody."""
    from alys.config import keys
    from alys.config.settings import MockServices
    from alys.shells.jsonrpc_client import Basic, JsonRpcClient

    found = keys.read(environment, MockServices(bitcoin_rpc_url=url, governance_nodes=()))
    parts = urlsplit(url)
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    door = Basic(
        user=found.bitcoin_user.reveal().decode(),
        password=found.bitcoin_password.reveal().decode(),
    )
    return JsonRpcClient(bare, door)


async def _script(parent: "JsonRpcClient", address: str | None) -> bytes:
    """Who gets the coins of Bitcoin's blocks. Raises UsageError for an address of another network, or where a wallet is missing."""
    from alys.node.errors import PortDown
    from alys.wire import bitcoin
    from alys.wire.jsonrpc import RpcError

    try:
        about: Any = await parent.call("getblockchaininfo")
        if address is None:
            address = str(await parent.call("getnewaddress"))
    except PortDown as error:
        raise errors.EnvironmentFailure(f"the Bitcoin node: {error}") from error
    except RpcError as error:
        raise errors.UsageError(
            f"--coins-to is missing, and the Bitcoin node has no wallet to ask for an address: {error}"
        ) from error
    network = NETWORKS.get(about["chain"], about["chain"])
    try:
        return bitcoin.address_to_script(address, network)
    except bitcoin.BadAddress as error:
        raise errors.UsageError(f"--coins-to {address!r} cannot stand: {error}") from error
