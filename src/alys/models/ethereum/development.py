"""What only a development node does: it mines by itself, goes back in its chain, and sets clocks, balances and code.

All of it ends as soon as a consensus client drives the chain: whoever decides the blocks must be one. Mined blocks are as
valid as any other. What is *set* is the state after the head, under the head's own hash: the next block builds on it and
commits to it, but nobody who only has the blocks can follow such a chain, and a proof of the head's state does not lead to
its header's root. ``snapshot`` keeps head, state, pool and clock; ``revert`` brings all of them back.
"""

from collections.abc import Callable

import msgspec
from ethereum.forks.shanghai.fork_types import Address
from ethereum_types.bytes import Bytes, Bytes32
from ethereum_types.numeric import U256, Uint

from alys.models.ethereum import dev_accounts, execution, impersonation
from alys.models.ethereum.client import Client
from alys.models.ethereum.forks import Rules, State
from alys.models.ethereum.params import SERVER_ERROR
from alys.models.ethereum.pool import Saved
from alys.models.ethereum.tree import Block
from alys.wire.engine import PayloadAttributes
from alys.wire.ethereum import keccak256
from alys.wire.jsonrpc import INVALID_PARAMS, RpcError

SAFE_DEPTH = 32
FINALIZED_DEPTH = 64
"""How far below the head the markers of a chain are that mines by itself, as anvil has them."""

SNAPSHOTS_MAX = 1024
"""The oldest is forgotten first."""


class _Snapshot(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Everything that ``revert`` brings back. ``head`` has the state of that moment, set or not."""

    head: Block
    pool: Saved
    offset: int
    next_time: int | None


class Development:
    """The development side of one client. With ``enabled`` False it mines nothing and its calls are not there."""

    def __init__(self, client: Client, *, enabled: bool, accounts: int) -> None:
        self.client = client
        self.enabled = enabled
        self.automine = enabled
        self.driven = False
        """Whether a consensus client has given a block or moved the head."""
        self.secrets = dev_accounts.secrets(accounts)
        self.impersonated: set[bytes] = set()
        self.impersonate_all = False
        self.coinbase = bytes(20)
        self.mining_interval: int | None = None
        """Seconds of the node's clock between blocks that come by themselves; ``tick`` makes them."""
        self.time_step: int | None = None
        """How far apart the times of blocks are; None: as the clock has it."""
        self.offset = 0
        self._next_time: int | None = None
        self._mined_at = client.now()
        self._genesis = client.tree.genesis
        self._pending: tuple[tuple[object, ...], Block] | None = None
        client.tree.pending = self.pending
        self._snapshots: dict[int, _Snapshot] = {}
        self._count = 0

    # Mining

    def engine_called(self) -> None:
        """A consensus client makes the blocks: from now on it alone does."""
        self.driven = True
        self.automine = False
        self.mining_interval = None

    def undriven(self, what: str) -> None:
        """Raise RpcError when a consensus client drives the chain."""
        if self.driven:
            raise RpcError(
                SERVER_ERROR,
                f"{what} is refused: a consensus client drives this chain (engine_forkchoiceUpdated, engine_newPayload); "
                "take a node that none drives, or begin a new session",
            )

    def sent(self) -> None:
        """A transaction came to the pool: mine it when that is how this node mines."""
        if self.automine:
            block = self._built(self._time_of_next())
            if block.transactions:
                self._adopt(block)

    def mine(self, time: int | None = None) -> Block:
        """A block with what the pool has, now or at ``time`` (seconds); it is the head then. Raises RpcError."""
        if time is not None:
            self.set_next_time(time)
        block = self._built(self._time_of_next())
        self._adopt(block)
        return block

    def pending(self) -> Block:
        """What ``mine`` would make; made anew only when head, pool or clock were changed."""
        pool = self.client.pool
        of = (self.client.tree.head, pool.arrivals, len(pool), self.offset, self._next_time)
        if self._pending is None or self._pending[0] != of:
            self._pending = (of, self._built(self._time_of_next()))
        return self._pending[1]

    def tick(self) -> None:
        """Mine when the interval is over."""
        if self.mining_interval and not self.driven and self.due() <= 0:
            self.mine()

    def due(self) -> float:
        """Seconds of the node's clock until the next block comes by itself."""
        assert self.mining_interval
        return self._mined_at + self.mining_interval - self.client.now()

    def mine_every(self, seconds: int | None) -> None:
        """From now on; None: no more."""
        self.mining_interval = seconds or None
        self._mined_at = self.client.now()

    def _built(self, time: int) -> Block:
        head = self.client.tree.head
        rules = execution.rules_after(head, time, self.client.genesis.schedule)
        with impersonation.allowed(rules):
            return self.client.build(self.client.tree.head, self._attributes(time))

    def _attributes(self, time: int) -> PayloadAttributes:
        return PayloadAttributes(
            timestamp=time,
            prev_randao=keccak256(self.client.tree.head.hash),
            suggested_fee_recipient=self.coinbase,
            withdrawals=(),
        )

    def _adopt(self, block: Block) -> None:
        tree = self.client.tree
        tree.insert(block)
        self._next_time = None
        self._mined_at = self.client.now()
        self.client.jump(block)
        tree.safe = tree.at(max(0, block.number - SAFE_DEPTH))
        tree.finalized = tree.at(max(0, block.number - FINALIZED_DEPTH))

    # Time

    def time(self) -> int:
        """What the clock of this chain shows, in seconds."""
        return int(self.client.now()) + self.offset

    def set_next_time(self, time: int) -> None:
        """The time of the next block; later ones go on from there. Raises RpcError when it is not above the head's."""
        head = int(self.client.tree.head.header.timestamp)
        if time <= head:
            raise RpcError(
                INVALID_PARAMS,
                f"Timestamp {time} is lower than or equal to previous block's timestamp {head}",
            )
        if time >= 1 << 64:
            raise RpcError(INVALID_PARAMS, f"Timestamp {time} does not fit in 64 bits")
        self._next_time = time
        self.offset = time - int(self.client.now())

    def set_time(self, time: int) -> int:
        """What the clock shows from now on; how far that is from the real one."""
        self.offset = time - int(self.client.now())
        return self.offset

    def _time_of_next(self) -> int:
        head = int(self.client.tree.head.header.timestamp)
        if self._next_time is not None and self._next_time > head:
            return self._next_time
        if self.time_step is not None:
            return head + self.time_step
        return max(head + 1, self.time())

    # State under the head

    def set_account(
        self,
        address: bytes,
        *,
        balance: int | None = None,
        nonce: int | None = None,
        code: bytes | None = None,
    ) -> None:
        """Change an account in the state after the head. Raises RpcError when all ether together would not fit in 256 bits.

        As long as it does, no payment can overflow the balance of who gets it.
        """
        if balance is not None:
            self._check_supply(address, balance)

        def change(rules: Rules, state: State) -> None:
            old = rules.state.get_account(state, Address(address))
            account = rules.fork_types.Account(
                nonce=old.nonce if nonce is None else Uint(nonce),
                balance=old.balance if balance is None else U256(balance),
                code=old.code if code is None else Bytes(code),
            )
            rules.state.set_account(state, Address(address), account)

        self._change(change)

    def _check_supply(self, address: bytes, balance: int) -> None:
        accounts = self.client.tree.head.state.accounts()
        others = sum(int(account.balance) for where, account in accounts if where != address)
        most = (1 << 256) - 1 - others
        if balance > most:
            raise RpcError(
                INVALID_PARAMS,
                f"balance {balance} is too much: with what others have, at most {most} fits in 256 bits",
            )

    def set_storage(self, address: bytes, key: bytes, value: int) -> None:
        """Change a slot in the state after the head."""

        def change(rules: Rules, state: State) -> None:
            at = Address(address)
            # storage needs an account to belong to
            rules.state.set_account(state, at, rules.state.get_account(state, at))
            rules.state.set_storage(state, at, Bytes32(key), U256(value))

        self._change(change)

    def _change(self, change: Callable[[Rules, State], None]) -> None:
        head = self.client.tree.head
        state = head.state.fork(head.rules)
        change(head.rules, state)
        self.client.tree.replace(msgspec.structs.replace(head, state=head.state.seal(state)))

    # Going back

    def snapshot(self) -> int:
        """Remember where everything stands; the snapshot's number."""
        self._count += 1
        self._snapshots[self._count] = _Snapshot(
            head=self.client.tree.head,
            pool=self.client.pool.saved(),
            offset=self.offset,
            next_time=self._next_time,
        )
        if len(self._snapshots) > SNAPSHOTS_MAX:
            del self._snapshots[next(iter(self._snapshots))]
        return self._count

    def revert(self, number: int) -> bool:
        """Go back to a snapshot, which is used up with all later ones; False when there is none of that number."""
        found = self._snapshots.get(number)
        if found is None:
            return False
        for later in [one for one in self._snapshots if one >= number]:
            del self._snapshots[later]
        self._go_to(found)
        return True

    def reset(self) -> None:
        """Back to the genesis block, as if the node were new."""
        self._snapshots.clear()
        self.impersonated.clear()
        self.impersonate_all = False
        self.time_step = None
        self._go_to(_Snapshot(head=self._genesis, pool=Saved(), offset=0, next_time=None))

    def _go_to(self, target: _Snapshot) -> None:
        tree = self.client.tree
        tree.replace(target.head)
        if tree.head is not target.head:
            self.client.jump(target.head)
        self.client.pool.restore(target.pool)
        self.offset = target.offset
        self._next_time = target.next_time
