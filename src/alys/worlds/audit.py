"""Feeds the ledger from the services' public interfaces, look by look, and says what it found.

One look: Bitcoin's height, then the node's and the client's new blocks, then Bitcoin's height again. Bitcoin is fed up to
the first height, so whatever was paid there had been decided in the blocks read after it; the second height is the most
that Bitcoin can have had when those blocks were made, so a mint is called early only if it surely was. When Bitcoin moved
as far as a deposit needs to ripen in between, the look begins again.

The node may change to another branch, and who looks may go over to another node: blocks that are no longer its own are read
anew. When that happens in the middle of reading, what was read does not link, and is read again.
"""

from collections.abc import Sequence
from typing import Any

from alys.oracles.blocks import Production, Rules, examine
from alys.oracles.claims import Claim, read_claim
from alys.oracles.ledger import Ledger
from alys.oracles.statement import LedgerStatement
from alys.oracles.terms import Terms
from alys.wire import bitcoin
from alys.wire.ethereum import from_quantity, to_quantity
from alys.worlds.books import Books
from alys.worlds.protocol import BitcoinSide, EthereumSide, NodeSide

JUDGED_SHARE = 24
"""The ledger is judged from the start, so an old chain is judged anew only when it has grown by one in so many blocks."""

READINGS_MAX = 3
"""Of blocks that do not link: whatever is read then is for the oracles to judge."""
ASTRAY_LOOKS_MAX = 15
"""In a row, at a client that may be on a branch of its own: its node brings it back with the next block."""

Fresh = tuple[Any, Any, Any, Any]
"""A block of the execution client, its receipts, the balances after it, and the consensus block that carries it."""


class Auditor:
    """Owns a ledger and reads for it. Looks must not overlap."""

    def __init__(
        self, terms: Terms, coins: BitcoinSide, ethereum: EthereumSide, node: NodeSide
    ) -> None:
        self.ledger = Ledger(terms)
        self.looks = 0
        self.statement: LedgerStatement | None = None
        #: Whether an execution client was told to go astray: then a look may pass over what does not link, but not for ever.
        self.patient = False
        self._astray = 0
        self._terms = terms
        self._bitcoin = coins
        self._ethereum = ethereum
        self._node = node
        self._books = Books(ethereum)
        self._fed: dict[int, str] = {}
        """Hashes of the Bitcoin blocks that the ledger has, by height."""
        self._consensus: list[Any] = []
        self._executed: list[Any] = []
        self._fresh = 0
        """Blocks of both chains that were read since the ledger was judged last."""

    async def look(self, *, whole: bool = True) -> LedgerStatement:
        """Read what is new and judge everything; raises Violation.

        Without ``whole`` the judgement of a long chain may wait until it has grown enough; the statement is then the last one.
        """
        while True:
            before = await self._bitcoin_height()
            fresh = await self._read_evm()
            if fresh is None:
                break  # what Bitcoin has by now may stand on blocks that cannot be read yet
            after = await self._bitcoin_height()
            await self._feed_bitcoin(before)
            for block, receipts, balances, consensus in fresh:
                self.ledger.feed_consensus_block(consensus)
                self.ledger.feed_evm_block(block, receipts, balances, bitcoin_height=after)
                self._fresh += 1
                self._consensus.append(consensus)
                self._executed.append(block)
            if after - before < self._terms.confirmations:
                break
        self.looks += 1
        known = len(self._executed) + len(self._fed)
        if whole or self.statement is None or self._fresh * JUDGED_SHARE >= known:
            self.statement = self.ledger.check()
            self._fresh = 0
        return self.statement

    def production(self, rules: Rules) -> Production:
        """Judge the production of all blocks read so far; raises BlockFault."""
        found = examine(self._consensus, self._executed, rules)
        found.require()
        return found

    def claims(self) -> list[Claim]:
        """What the consensus blocks that were read say, on the branch that the node has."""
        return [read_claim(block) for block in self._consensus]

    async def _bitcoin_height(self) -> int:
        return int(str(await self._bitcoin.call("getblockcount")))

    async def _read_evm(self) -> list[Fresh] | None:
        """What is new since the last block that the node still has; None while a client may be on its way back from a branch of its own."""
        fresh: list[Fresh] = []
        for _ in range(READINGS_MAX):
            head: Any = await self._node.call("getheadblock")
            executed: Any = await self._ethereum.call("eth_blockNumber")  # may lag for a moment
            last = min(head["height"], from_quantity(executed))
            if not self._stands_on_known(head):
                await self._drop_what_left(last)
            first = self._terms.evm_genesis_number + len(self._executed)
            fresh = [await self._read(number) for number in range(first, last + 1)]
            if self._linked(fresh) == len(fresh) and await self._stayed(fresh):
                self._astray = 0
                return fresh
        if self.patient and self._astray < ASTRAY_LOOKS_MAX:
            self._astray += 1
            return None
        return fresh

    async def _read(self, number: int) -> Fresh:
        tag = to_quantity(number)
        block: Any = await self._ethereum.call("eth_getBlockByNumber", tag, True)
        receipts = await self._ethereum.call("eth_getBlockReceipts", tag)
        balances = await self._books.after(block, receipts)
        return block, receipts, balances, await self._node.call("getblockbyheight", number)

    async def _stayed(self, fresh: Sequence[Fresh]) -> bool:
        """Whether a client that may go astray has the blocks still: else what was read by their numbers may be of others."""
        for block, *_ in fresh if self.patient else ():
            now: Any = await self._ethereum.call("eth_getBlockByNumber", block["number"], False)
            if now is None or now["hash"] != block["hash"]:
                return False
        return True

    def _stands_on_known(self, head: Any) -> bool:
        """Whether the node's head is the last block that is known, or its child: then nothing has left."""
        return bool(self._consensus) and self._consensus[-1]["root"] in (
            head["root"],
            head["parentRoot"],
        )

    async def _drop_what_left(self, last: int) -> None:
        """Forget blocks, from the top, that the node has replaced. One that is merely behind has replaced nothing."""
        index = min(last - self._terms.evm_genesis_number, len(self._consensus) - 1)
        while index >= 0:
            known = self._consensus[index]
            found: Any = await self._node.call("getblockbyheight", known["height"])
            if found["root"] == known["root"]:
                return
            self._fresh += len(self._fed) + len(self._executed)
            del self._consensus[index:], self._executed[index:]
            index -= 1

    def _linked(self, fresh: Sequence[Fresh]) -> int:
        """How many, from the first, stand each on the one before it, where both chains are of one branch."""
        before = self._consensus[-1] if self._consensus else None
        for index, (block, _, _, consensus) in enumerate(fresh):
            if consensus["executionPayload"]["blockHash"] != block["hash"]:
                return index
            if before is not None and consensus["parentRoot"] != before["root"]:
                return index
            before = consensus
        return len(fresh)

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
            self._fresh += 1

    async def _bitcoin_block(self, number: int) -> tuple[str, str, str]:
        """Hash, raw block, and the hash of the block before it."""
        digest = str(await self._bitcoin.call("getblockhash", number))
        raw = str(await self._bitcoin.call("getblock", digest, 0))
        return digest, raw, bitcoin.parse_block(bytes.fromhex(raw)).header.previous

    async def _step_back(self, height: int) -> None:
        """Take off what is above a height, and below it what is no longer on the best chain."""
        self._fresh += len(self._fed) + len(self._executed)
        for number in sorted(self._fed, reverse=True):
            if number <= height:
                found = await self._bitcoin.call("getblockhash", number)
                if found == self._fed[number]:
                    return
            self.ledger.unwind_bitcoin_block(self._fed.pop(number))
