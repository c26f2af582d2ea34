"""Real nodes in the place of ours: services that know no sessions, so that a chain begins where they stand (D10, the anchor).

A Bitcoin node must mine on request (any regtest node does). Its chain may be old and have seen other runs: whoever attaches
takes its tip as the anchor, and keys that were never used there.
"""

from typing import Any

import msgspec

from alys.base.errors import EnvironmentFailure, UsageError
from alys.node.errors import PortDown
from alys.shells.jsonrpc_client import Basic, JsonRpcClient
from alys.wire.jsonrpc import METHOD_NOT_FOUND, RpcError
from alys.worlds.users import MATURITY, BitcoinUser

DEPOSITOR_SECRET = (0x12).to_bytes(32, "big")
"""Who has the coins on a real regtest node. One key for all runs: what one leaves over, the next spends."""

FUNDS_SATS = 5_000_000_000
"""What the depositor shall have at the beginning, in coins that can be spent."""

FUNDING_ROUNDS_MAX = 5
"""Regtest halves its subsidy every 150 blocks: an old chain needs more of them, and a very old one pays nothing."""


class CoinDoor(msgspec.Struct, frozen=True, kw_only=True):
    """Where a Bitcoin node is, and what opens it."""

    url: str
    auth: Basic


class CoinAnchor(CoinDoor, frozen=True, kw_only=True):
    """A Bitcoin node as it was found, its depositor provided with coins."""

    height: int
    hash: str
    software: str
    """What the node calls itself."""

    @property
    def about(self) -> dict[str, object]:
        """For the report."""
        return {
            "url": self.url,
            "software": self.software,
            "height": self.height,
            "hash": self.hash,
        }


async def anchor_bitcoin(url: str, auth: Basic, *, fund: bool = True) -> CoinAnchor:
    """Look at the node; mine until the depositor has coins, if wanted. Raises UsageError for any network but regtest.

    Raises EnvironmentFailure for a node that does not answer, lets us not in, and for one that cannot fund the depositor: it has no
    transaction index, or pays no subsidy.
    """
    async with JsonRpcClient(url, auth) as client:
        try:
            await _require_regtest(client)
            if fund:
                await _require_index(client)
                await _fund(client)
            height = int(await client.call("getblockcount"))
            return CoinAnchor(
                url=url,
                auth=auth,
                height=height,
                hash=str(await client.call("getblockhash", height)),
                software=str((await client.call("getnetworkinfo"))["subversion"]),
            )
        except PortDown as error:
            hint = (
                "are BITCOIN_RPC_USER and BITCOIN_RPC_PASSWORD those of the node?"
                if error.reason.startswith("HTTP 401")
                else "is the node up?"
            )
            raise EnvironmentFailure(f"the Bitcoin node: {error}: {hint}") from error
        except RpcError as error:
            raise EnvironmentFailure(f"the Bitcoin node at {url} refused: {error}") from error


async def _require_regtest(client: JsonRpcClient) -> None:
    about: Any = await client.call("getblockchaininfo")
    if about["chain"] != "regtest":
        raise UsageError(
            f"the Bitcoin node at {client.url} is on {about['chain']}: a run mines and spends, "
            "so it needs a node that was started with -regtest"
        )


async def _require_index(client: JsonRpcClient) -> None:
    """Scenarios look up confirmed transactions by their txid alone."""
    try:
        indexes: Any = await client.call("getindexinfo")
    except RpcError as error:
        if error.code == METHOD_NOT_FOUND:
            return  # not bitcoind, whose indexes are a choice
        raise
    if "txindex" not in indexes:
        raise EnvironmentFailure(
            f"the Bitcoin node at {client.url} has no transaction index: start it with -txindex=1"
        )


async def _fund(client: JsonRpcClient) -> None:
    depositor = BitcoinUser(DEPOSITOR_SECRET, client)
    for _ in range(FUNDING_ROUNDS_MAX):
        if await depositor.spendable() >= FUNDS_SATS:
            # What an interrupted run left in the mempool is confirmed now, and spends no coin under our hands.
            await client.call("generatetoaddress", 1, depositor.address)
            return
        await client.call("generatetoaddress", MATURITY + 10, depositor.address)
    if await depositor.spendable() < FUNDS_SATS:
        height = await client.call("getblockcount")
        raise EnvironmentFailure(
            f"the Bitcoin node at {client.url} pays too little for a block at height {height}: "
            "begin a new regtest chain (an empty data directory)"
        )
