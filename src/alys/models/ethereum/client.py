"""The execution client below its RPC: fork tree, pool, payloads under construction. What each call means is said here.

Rules that clients have been caught breaking, and that this one keeps: a block's hash is computed before a known block is
believed; a refused block leaves nothing behind; making a canonical ancestor of the head the head builds and moves nothing;
a payload's id follows from what was asked, so asking twice gives one payload.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, cast

import msgspec

from alys.models.ethereum import execution
from alys.models.ethereum.forks import Fork, Header, Rules
from alys.models.ethereum.genesis import Genesis
from alys.models.ethereum.light import Light
from alys.models.ethereum.pool import PoolRefusal, TransactionPool
from alys.models.ethereum.run import InvalidPayload
from alys.models.ethereum.transactions import (
    BadTransaction,
    SignedTransaction,
    decode,
    versioned_hashes,
)
from alys.models.ethereum.tree import Block, BlockTree
from alys.wire.engine import (
    ExecutionPayload,
    ForkchoiceAnswer,
    ForkchoiceState,
    PayloadAttributes,
    PayloadStatus,
    Status,
)
from alys.wire.ethereum import ZERO_HASH
from alys.wire.jsonrpc import RpcError

UNKNOWN_PAYLOAD = -38001
INVALID_FORKCHOICE = -38002
INVALID_ATTRIBUTES = -38003

PAYLOADS_MAX = 64
"""Payloads under construction that are kept; the oldest is forgotten first."""

WAITING_MAX = 64
"""Payloads kept that came before their parents; the oldest is forgotten first."""


Hashes = Callable[[], Sequence[bytes]]
"""Those before a block, where they are asked for."""


class _Build(msgspec.Struct, kw_only=True):
    """A payload that was asked for; made when it is fetched, so that late transactions are in it."""

    parent: Block
    attributes: PayloadAttributes
    block: Block | None = None


class Executor(Protocol):
    """What lies between a parent and a block's state: the module ``execution``, or ``light.Light``."""

    @property
    def genesis_block(self) -> Callable[[Genesis], Block]:
        """See ``execution``, here and below."""
        ...

    @property
    def header_of(self) -> Callable[[ExecutionPayload, bytes], Header]:
        """Of a payload."""
        ...

    @property
    def import_payload(self) -> Callable[[ExecutionPayload, Any, Block, Genesis, Hashes], Block]:
        """A payload that somebody made."""
        ...

    @property
    def build(
        self,
    ) -> Callable[
        [Block, PayloadAttributes, Iterable[SignedTransaction], Genesis, Sequence[bytes]], Block
    ]:
        """A block of one's own."""
        ...


FULL = cast(Executor, execution)
"""By the specification."""


class Client:
    """The chain of one execution client; ``light``: it executes no opcodes."""

    def __init__(
        self, genesis: Genesis, now: Callable[[], float], light: Light | None = None
    ) -> None:
        self._light = light
        self._executor: Executor = FULL if light is None else light
        genesis.schedule.load()
        self.genesis = genesis
        self.chain_id = genesis.chain_id
        self.tree = BlockTree(self._executor.genesis_block(genesis))
        self.pool = TransactionPool()
        self.listeners: list[Callable[[Block], None]] = []
        self.now = now
        self._builds: dict[bytes, _Build] = {}
        self._waiting: dict[bytes, tuple[ExecutionPayload, Header]] = {}

    def rules_at(self, number: int, timestamp: int) -> Rules:
        """The rules of a block of the canonical branch, or of one that would be on its head."""
        parent = self.tree.at(number - 1) or self.tree.head
        return self.genesis.schedule.rules_at(number, timestamp, parent.total_difficulty)

    def rules_ahead(self) -> Rules:
        """The rules of a block that is made now on the head: what the pool judges by."""
        head = self.tree.head
        time = max(int(self.now()), int(head.header.timestamp) + 1)
        return execution.rules_after(head, time, self.genesis.schedule)

    def read_transaction(self, raw: bytes) -> SignedTransaction:
        """A transaction for a block that is made now; raises BadTransaction, for one with blobs too: none are kept."""
        fork = self.rules_ahead().fork
        if raw[:1] == b"\x03" and fork >= Fork.CANCUN:
            raise BadTransaction(
                "blob transactions are not taken: this pool keeps no blobs, give the block by engine_newPayloadV3"
            )
        transaction = decode(raw, self.chain_id, fork)
        if self._light is not None:
            self._light.require(transaction, self.tree.head)
        return transaction

    # Engine API

    def new_payload(
        self,
        payload: ExecutionPayload,
        blob_hashes: tuple[bytes, ...] = (),
        parent_beacon_block_root: bytes = ZERO_HASH,
    ) -> PayloadStatus:
        """Judge and keep a payload; the head does not move. ``blob_hashes`` are those of its blobs, in order (EIP-4844).

        One whose parent is unknown waits for it, and is judged when it comes again or when it is to be the head.
        """
        try:
            header = self._executor.header_of(payload, parent_beacon_block_root)
            found_hashes = blob_hashes_of(payload) if payload.version >= 3 else ()
        except (InvalidPayload, OverflowError, ValueError) as error:
            return _status(Status.INVALID, None, str(error))
        if found_hashes != blob_hashes:
            return _status(Status.INVALID, None, "the versioned hashes are not those expected")
        found = execution.hash_of(header)
        if found != payload.block_hash:
            why = f"blockhash mismatch, want {payload.block_hash.hex()}, got {found.hex()}"
            return _status(Status.INVALID, None, why)
        if self.tree.get(found) is not None:
            return _status(Status.VALID, found)
        refused = self.tree.last_valid_of_refused(found)
        if refused is not None:
            return _status(Status.INVALID, refused, "it was refused before")
        return self._import(payload, header)

    def _import(self, payload: ExecutionPayload, header: Header) -> PayloadStatus:
        parent = self.tree.get(payload.parent_hash)
        if parent is None:
            last_valid = self.tree.last_valid_of_refused(payload.parent_hash)
            if last_valid is None:
                self._wait(payload, header)
                return _status(Status.SYNCING, None)
            self.tree.refuse(payload.block_hash, last_valid)
            return _status(Status.INVALID, last_valid, "links to previously rejected block")
        self._waiting.pop(payload.block_hash, None)
        try:
            block = self._executor.import_payload(
                payload, header, parent, self.genesis, lambda: self.tree.hashes_before(parent)
            )
        except InvalidPayload as error:
            # A block made by work is no payload, so it is not named (Paris, payload validation).
            last_valid = ZERO_HASH if int(parent.header.difficulty) else parent.hash
            self.tree.refuse(payload.block_hash, last_valid)
            return _status(Status.INVALID, last_valid, error.reason)
        self.tree.insert(block)
        return _status(Status.VALID, block.hash)

    def _wait(self, payload: ExecutionPayload, header: Header) -> None:
        self._waiting[payload.block_hash] = (payload, header)
        if len(self._waiting) > WAITING_MAX:
            del self._waiting[next(iter(self._waiting))]

    def _catch_up(self, head_hash: bytes) -> PayloadStatus | None:
        """Judge what waited, up to a block that is to be the head; None when it did not wait or its ancestors are missing."""
        branch: list[tuple[ExecutionPayload, Header]] = []
        wanted = head_hash
        while wanted in self._waiting:
            branch.append(self._waiting[wanted])
            wanted = branch[-1][0].parent_hash
        if not branch or (
            self.tree.get(wanted) is None and self.tree.last_valid_of_refused(wanted) is None
        ):
            return None
        status = _status(Status.SYNCING, None)
        for payload, header in reversed(branch):
            status = self._import(payload, header)
        return status

    def forkchoice_updated(
        self,
        state: ForkchoiceState,
        attributes: PayloadAttributes | None,
        check: Callable[[], None] = lambda: None,
    ) -> ForkchoiceAnswer:
        """Move the head, and begin a payload when there are attributes. Raises RpcError -38002 and -38003.

        ``check`` is asked before a payload is begun; what it raises does not bring the head back.
        """
        if self.tree.get(state.head_block_hash) is None:
            caught_up = self._catch_up(state.head_block_hash)
            if caught_up is not None and caught_up.status is not Status.VALID:
                return ForkchoiceAnswer(payload_status=caught_up)
        head = self.tree.get(state.head_block_hash)
        if head is None:
            return ForkchoiceAnswer(payload_status=self._unknown_head(state.head_block_hash))
        if not self._may_lead(head):
            why = "the head is made by work and not the last of its kind"
            return ForkchoiceAnswer(payload_status=_status(Status.INVALID, ZERO_HASH, why))
        valid = _status(Status.VALID, head.hash)
        if self.tree.is_canonical(head) and head is not self.tree.head:
            return ForkchoiceAnswer(payload_status=valid)
        safe = self._ancestor(head, state.safe_block_hash, "safe")
        finalized = self._ancestor(head, state.finalized_block_hash, "finalized")
        self.tree.safe = safe
        self.tree.finalized = finalized
        self.adopt(head)
        if attributes is None:
            return ForkchoiceAnswer(payload_status=valid)
        check()
        return ForkchoiceAnswer(payload_status=valid, payload_id=self._begin(head, attributes))

    def _may_lead(self, head: Block) -> bool:
        """Whether a consensus client may build on the block: it is merged, or the terminal block made by work."""
        terminal = self.genesis.schedule.terminal_total_difficulty
        return terminal is not None and head.total_difficulty >= terminal

    def adopt(self, head: Block) -> None:
        """Make a block of the tree the head, without a consensus client's word, and tell the listeners."""
        if head is self.tree.head:
            return
        self._move(head)
        for listener in list(self.listeners):
            listener(head)

    def _unknown_head(self, head_hash: bytes) -> PayloadStatus:
        if head_hash == ZERO_HASH:
            return _status(Status.INVALID, None, "forkchoice head is the zero hash")
        refused = self.tree.last_valid_of_refused(head_hash)
        if refused is not None:
            return _status(Status.INVALID, refused, "links to previously rejected block")
        return _status(Status.SYNCING, None)

    def _ancestor(self, head: Block, block_hash: bytes, name: str) -> Block | None:
        if block_hash == ZERO_HASH:
            return None
        block = self.tree.get(block_hash)
        if block is None or not self.tree.descends(head, block):
            raise RpcError(
                INVALID_FORKCHOICE,
                "Invalid forkchoice state",
                {"err": f"{name} block not in chain"},
            )
        return block

    def _move(self, head: Block) -> None:
        change = self.tree.set_head(head)
        self.pool.prune(head.state, self.now())
        for block in reversed(change.removed):
            for transaction in block.transactions:
                self._take_back(transaction, head)

    def _take_back(self, transaction: SignedTransaction, head: Block) -> None:
        try:
            self.pool.add(transaction, head.state, int(head.header.gas_limit), self.now())
        except PoolRefusal:
            return  # the new branch has it too, or cannot pay it: geth forgets it as well

    def _begin(self, head: Block, attributes: PayloadAttributes) -> bytes:
        if attributes.timestamp <= int(head.header.timestamp):
            raise RpcError(
                INVALID_ATTRIBUTES,
                "Invalid payload attributes",
                {"err": f"timestamp {attributes.timestamp} is not above the head's"},
            )
        asked = head.hash + msgspec.json.encode(attributes.to_json())
        payload_id = hashlib.sha256(asked).digest()[:8]
        if payload_id not in self._builds:
            self._builds[payload_id] = _Build(parent=head, attributes=attributes)
            if len(self._builds) > PAYLOADS_MAX:
                del self._builds[next(iter(self._builds))]
        return payload_id

    def get_payload(
        self, payload_id: bytes, check: Callable[[Fork], None] = lambda fork: None
    ) -> Block:
        """The payload that was asked for; raises RpcError -38001. ``check`` is asked about its fork before it is made."""
        build = self._builds.get(payload_id)
        if build is None:
            raise RpcError(UNKNOWN_PAYLOAD, "Unknown payload")
        check(self.genesis.schedule.merged_fork_at(build.attributes.timestamp))
        if build.block is None:
            build.block = self.build(build.parent, build.attributes)
        return build.block

    def build(self, parent: Block, attributes: PayloadAttributes) -> Block:
        """A valid block on ``parent`` with what the pool has for it; it is not kept."""
        base_fee = execution.next_base_fee(parent.header)
        return self._executor.build(
            parent,
            attributes,
            self.pool.in_order(base_fee),
            self.genesis,
            () if self._light else self.tree.hashes_before(parent),
        )

    def jump(self, head: Block) -> None:
        """Make any block of the tree the head, an ancestor too, as a development node does that nobody drives."""
        self.tree.set_head(head)
        self.pool.prune(head.state, self.now())
        for listener in list(self.listeners):
            listener(head)


def _status(status: Status, latest: bytes | None, error: str | None = None) -> PayloadStatus:
    return PayloadStatus(status=status, latest_valid_hash=latest, validation_error=error)


def blob_hashes_of(payload: ExecutionPayload) -> tuple[bytes, ...]:
    """The versioned hashes of a payload's blob transactions, in order; raises InvalidPayload for one that is none."""
    hashes: list[bytes] = []
    for index, raw in enumerate(payload.transactions):
        if raw[:1] != b"\x03":
            continue
        try:
            hashes += versioned_hashes(raw)
        except BadTransaction as error:
            raise InvalidPayload(f"transaction {index}: {error.reason}") from error
    return tuple(hashes)


def tips_paid(block: Block) -> int:
    """What the block's transactions paid above the base fee, in wei (getPayload's blockValue)."""
    base_fee = int(block.header.base_fee_per_gas)
    used, total = 0, 0
    for transaction, receipt in zip(block.transactions, block.receipts, strict=True):
        total += (int(receipt.cumulative_gas_used) - used) * transaction.tip(base_fee)
        used = int(receipt.cumulative_gas_used)
    return total
