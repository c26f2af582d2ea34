"""Feeds the ledger from the services' public interfaces, look by look, and says what it found.

One look: Bitcoin's height, then the node's and the client's new blocks, then Bitcoin's height again. Bitcoin is fed up to
the first height, so whatever was paid there had been decided in the blocks read after it; the second height is the most
that Bitcoin can have had when those blocks were made, so a mint is called early only if it surely was. When Bitcoin moved
as far as a deposit needs to ripen in between, the look begins again.
"""

from typing import Any

from alys.oracles.blocks import Production, Rules, examine
from alys.oracles.ledger import Ledger
from alys.oracles.statement import LedgerStatement
from alys.oracles.terms import Terms
from alys.wire import bitcoin
from alys.wire.ethereum import from_quantity, to_quantity
from alys.worlds.books import Books
from alys.worlds.protocol import BitcoinSide, EthereumSide, NodeSide


class Auditor:
    """Owns a ledger and reads for it. Looks must not overlap."""

    def __init__(
        self, terms: Terms, coins: BitcoinSide, ethereum: EthereumSide, node: NodeSide
    ) -> None:
        self.ledger = Ledger(terms)
        self.looks = 0
        self.statement: LedgerStatement | None = None
        self._terms = terms
        self._bitcoin = coins
        self._ethereum = ethereum
        self._node = node
        self._books = Books(ethereum)
        self._fed: dict[int, str] = {}
        """Hashes of the Bitcoin blocks that the ledger has, by height."""
        self._consensus: list[Any] = []
        self._executed: list[Any] = []

    async def look(self) -> LedgerStatement:
        """Read what is new and judge everything; raises Violation."""
        while True:
            before = await self._bitcoin_height()
            fresh = await self._read_evm()
            after = await self._bitcoin_height()
            await self._feed_bitcoin(before)
            for block, receipts, balances, consensus in fresh:
                self.ledger.feed_evm_block(block, receipts, balances, bitcoin_height=after)
                self.ledger.feed_consensus_block(consensus)
                self._consensus.append(consensus)
                self._executed.append(block)
            if after - before < self._terms.confirmations:
                break
        self.looks += 1
        self.statement = self.ledger.check()
        return self.statement

    def production(self, rules: Rules) -> Production:
        """Judge the production of all blocks read so far; raises BlockFault."""
        found = examine(self._consensus, self._executed, rules)
        found.require()
        return found

    async def _bitcoin_height(self) -> int:
        return int(str(await self._bitcoin.call("getblockcount")))

    async def _read_evm(self) -> list[tuple[Any, Any, Any, Any]]:
        head: Any = await self._node.call("getheadblock")
        executed: Any = await self._ethereum.call("eth_blockNumber")  # may lag behind for a moment
        last = min(head["height"], from_quantity(executed))
        fresh = []
        for number in range(self._terms.evm_genesis_number + len(self._executed), last + 1):
            tag = to_quantity(number)
            block = await self._ethereum.call("eth_getBlockByNumber", tag, True)
            receipts = await self._ethereum.call("eth_getBlockReceipts", tag)
            balances = await self._books.after(block, receipts)
            consensus = await self._node.call("getblockbyheight", number)
            fresh.append((block, receipts, balances, consensus))
        return fresh

    async def _feed_bitcoin(self, height: int) -> None:
        """Up to a height; blocks that left the best chain are taken off first."""
        if height < self.ledger.bitcoin_height:
            await self._step_back(height)
        while self.ledger.bitcoin_height < height:
            number = self.ledger.bitcoin_height + 1
            digest, raw, previous = await self._bitcoin_block(number)
            if previous != self._fed.get(number - 1, previous):
                await self._step_back(number - 1)
                continue
            self.ledger.feed_bitcoin_block(number, raw)
            self._fed[number] = digest

    async def _bitcoin_block(self, number: int) -> tuple[str, str, str]:
        """Hash, raw block, and the hash of the block before it."""
        digest = str(await self._bitcoin.call("getblockhash", number))
        raw = str(await self._bitcoin.call("getblock", digest, 0))
        return digest, raw, bitcoin.parse_block(bytes.fromhex(raw)).header.previous

    async def _step_back(self, height: int) -> None:
        """Take off what is above a height, and below it what is no longer on the best chain."""
        for number in sorted(self._fed, reverse=True):
            if number <= height:
                found = await self._bitcoin.call("getblockhash", number)
                if found == self._fed[number]:
                    return
            self.ledger.unwind_bitcoin_block(self._fed.pop(number))
