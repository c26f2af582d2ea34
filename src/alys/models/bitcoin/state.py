"""What the calls of the RPC work on: a chain, the mempool that follows it, the clock; and the error codes they raise."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from alys.models.bitcoin.chainstate import BlockEvent, ChainState, Entry
from alys.models.bitcoin.genesis import REGTEST_TIME
from alys.models.bitcoin.kept import Kept
from alys.models.bitcoin.mempool import Mempool
from alys.models.bitcoin.peers import Peers
from alys.wire.bitcoin import Tx
from alys.wire.jsonrpc import RpcError

if TYPE_CHECKING:
    from alys.models.bitcoin.wallets import Wallets

MISC_ERROR = -1
TYPE_ERROR = -3
NOT_FOUND = -5
INVALID_PARAMETER = -8
DATABASE_ERROR = -20
DESERIALIZATION_ERROR = -22
VERIFY_ERROR = -25
VERIFY_REJECTED = -26
ALREADY_IN_UTXO_SET = -27

LOG_CATEGORIES = (
    "addrman", "bench", "blockstorage", "cmpctblock", "coindb", "estimatefee", "http", "i2p", "ipc", "leveldb",
    "libevent", "mempool", "mempoolrej", "net", "proxy", "prune", "qt", "rand", "reindex", "rpc", "scan", "selectcoins",
    "tor", "txpackages", "txreconciliation", "validation", "walletdb", "zmq",
)  # fmt: skip
"""What bitcoind can be told to log; here it is remembered, and nothing more is written."""


class NodeState:
    """One node. ``now`` is the Unix time in seconds; ``stop_requested`` is set by the call ``stop``, the owner acts on it.

    ``mock_time`` is what ``setmocktime`` put in the clock's place, 0 for nothing.
    """

    wallets: "Wallets"

    def __init__(self, now: Callable[[], float], genesis_time: int = REGTEST_TIME) -> None:
        self.mock_time = 0
        #: What ``prioritisetransaction`` adds to fees, in sats by txid.
        self.priorities: dict[str, int] = {}
        #: Transactions that a caller sent and that no peer has asked for yet.
        self.unbroadcast: set[str] = set()
        self.stop_requested = False
        #: Weight and number of transactions of the block that was put together last.
        self.assembled: tuple[int, int] | None = None
        self.logged: dict[str, bool] = dict.fromkeys(LOG_CATEGORIES, False)
        self._clock = now
        self._started = now()
        self.chain = ChainState(self.now, genesis_time)
        self.mempool = Mempool(self.chain)
        self.chain.listeners.append(self._follow)
        #: What outlives the process, where the node's owner keeps a journal.
        self.kept = Kept()
        self.peers = Peers(self.chain, self.mempool, self.now)

    def now(self) -> float:
        """Unix time in seconds: the clock's, or what ``setmocktime`` said."""
        return self.mock_time or self._clock()

    @property
    def uptime_seconds(self) -> int:
        """Whole seconds since the node came up."""
        return int(self._clock() - self._started)

    def entry(self, block_hash: str) -> Entry:
        """A block of any branch; raises RpcError -5 as bitcoind does."""
        found = self.chain.index.get(block_hash)
        if found is None:
            raise RpcError(NOT_FOUND, "Block not found")
        return found

    def find(self, txid: str) -> tuple[Tx, Entry | None] | None:
        """A transaction of the mempool, or of the best chain with its block."""
        waiting = self.mempool.waiting.get(txid)
        if waiting is not None:
            return waiting.tx, None
        entry = self.chain.transactions.get(txid)
        if entry is None:
            return None
        return next(tx for tx in entry.block.txs if tx.txid == txid), entry

    def _follow(self, event: BlockEvent) -> None:
        self.mempool.on_block(event, int(self.now()))
