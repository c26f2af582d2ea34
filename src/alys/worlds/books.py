"""How much ether there is after each block, relative to the block that the chain starts from.

A client that lists all accounts is asked for the list (``debug_dumpBlock``). Of any other the accounts that the blocks name are
followed one by one (``oracles.touched``).
"""

from typing import Any

from alys.oracles import touched
from alys.oracles.evm_side import Balances, balances_of_dump
from alys.oracles.terms import BURN_ADDRESS
from alys.wire.ethereum import from_quantity
from alys.wire.jsonrpc import METHOD_NOT_FOUND, RpcError
from alys.worlds.protocol import EthereumSide


class Books:
    """Reads one client, block by block upwards, beginning with the one that the chain starts from."""

    def __init__(self, client: EthereumSide) -> None:
        self._client = client
        self._genesis = ""
        self._at_genesis: Balances | None = None
        """Where the client lists all accounts."""
        self._followed: dict[str, int] = {}

    async def after(self, block: Any, receipts: Any) -> Balances:
        """The balances after a block (as ``eth_getBlockByNumber`` shows it whole); raises RpcError."""
        if not self._genesis:
            self._genesis = block["number"]
            self._at_genesis = await self._listed(self._genesis)
            return Balances(total_wei=0, burn_wei=0)
        if self._at_genesis is None:
            return await self._sum(block, receipts)
        found = await self._dump(block["number"])
        return Balances(
            total_wei=found.total_wei - self._at_genesis.total_wei,
            burn_wei=found.burn_wei - self._at_genesis.burn_wei,
        )

    async def _listed(self, tag: str) -> Balances | None:
        try:
            return await self._dump(tag)
        except RpcError as error:
            if error.code != METHOD_NOT_FOUND:
                raise
            return None

    async def _dump(self, tag: str) -> Balances:
        dump: Any = await self._client.call("debug_dumpBlock", tag)
        return balances_of_dump(dump)

    async def _sum(self, block: Any, receipts: Any) -> Balances:
        for address in sorted({BURN_ADDRESS, *touched.addresses(block, receipts)}):
            if address not in self._followed:
                self._followed[address] = await self._balance(address, self._genesis)
        total = burn = 0
        for address, before in self._followed.items():
            moved = await self._balance(address, block["number"]) - before
            total += moved
            if address == BURN_ADDRESS:
                burn = moved
        return Balances(total_wei=total, burn_wei=burn)

    async def _balance(self, address: str, tag: str) -> int:
        return from_quantity(await self._client.call("eth_getBalance", address, tag))
