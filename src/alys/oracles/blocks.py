"""Block production judged from public data: the node's blocks against each other, the execution client's and the clock.

It is given the consensus blocks as the node's RPC shows them, from the genesis on, and the execution client's block of
each height. Signatures are not verified here: who approved is the node's word (the co-signers are the ones who check).
"""

import enum
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from alys.base.errors import AlysError, Inconclusive
from alys.oracles import work
from alys.oracles.claims import number, plain_hex
from alys.oracles.statement import BrokenFeed

Json = Mapping[str, Any]


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What the parties agreed on about production."""

    slot_duration_ms: int
    authorities: int
    max_blocks_without_pow: int
    bits: int
    """Compact target of the first merged-mining proof."""
    aux_chain_id: int
    retarget: work.Retarget | None = None
    """How the target moves; None where it does not."""
    genesis_height: int = 0
    """Of the block that the chain starts from."""
    timestamp_slack_s: int = 0
    """How long after its slot's end a block's time may be, for clocks that are not exact."""
    timestamp_early_s: int = 0
    """How long before its slot a block's time may be, for authors whose clock was set back or who lie: validators allow one slot."""


class Flaw(enum.StrEnum):
    """What a block can have wrong; the value says it in plain words."""

    HEIGHT = "heights do not follow each other"
    PARENT_ROOT = "it does not stand on the block below"
    PAYLOAD_PARENT = "its payload does not stand on the payload below"
    SLOT_ORDER = "its slot is not after its parent's"
    AUTHOR = "the authority whose slot it is has not signed"
    QUORUM = "fewer than two thirds of the authorities approved"
    TIME_ORDER = "its time is not after its parent's"
    TIME_OF_SLOT = "its time is not in its slot"
    EXECUTION = "the execution client has another block at this height"
    EXECUTION_MISSING = "the execution client has no block at this height"
    WORK_OVERDUE = "too many blocks without an AuxPoW"
    WORK_RANGE = "its AuxPoW covers no range right after the last finalised block"
    WORK_PROOF = "its AuxPoW is no proof of work for the range"
    PAYOUTS_WITHOUT_WORK = "it lists signed payouts without an AuxPoW"


class BlockFault(AlysError):
    """A block that should not be there. ``root`` and ``height`` name it."""

    def __init__(self, flaw: Flaw, block: "Seen", expected: object, actual: object) -> None:
        super().__init__(
            f"block {block.height} (0x{block.root}): {flaw.value}: expected {expected}, found {actual}"
        )
        self.flaw = flaw
        self.root = block.root
        self.height = block.height
        self.expected = expected
        self.actual = actual


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """An AuxPoW header as claimed; roots in plain hex."""

    range_start: str
    range_end: str
    bits: int
    chain_id: int
    height: int
    proof: str | None


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One consensus block, reduced to what production is judged by. Hashes in plain hex."""

    root: str
    parent_root: str
    height: int
    slot: int
    payload_number: int
    payload_hash: str
    payload_parent: str
    time: int
    signers: tuple[int, ...]
    work: Work | None
    signed_payouts: int


class Production(msgspec.Struct, frozen=True, kw_only=True):
    """What was found: all faults in block order, and how many things each check looked at (zero proves nothing)."""

    faults: tuple[BlockFault, ...]
    samples: dict[str, int]
    finalised_height: int

    def require(self, *checks: str) -> None:
        """Raise the first fault; raise Inconclusive when one of these checks saw nothing."""
        if self.faults:
            raise self.faults[0]
        empty = [check for check in checks if not self.samples.get(check)]
        if empty:
            raise Inconclusive(f"block production shows no {', '.join(empty)}: nothing was proven")


def examine(blocks: Sequence[Json], executed: Sequence[Json], rules: Rules) -> Production:
    """Judge the node's blocks, genesis first, by the execution client's (``eth_getBlockByNumber``), in any order.

    Raises BrokenFeed when the blocks do not begin with a genesis or one is malformed.
    """
    seen = [read_block(block) for block in blocks]
    if not seen or seen[0].height != rules.genesis_height:
        raise BrokenFeed("consensus", "production is judged from the genesis on")
    known = {number(block["number"]): block for block in executed}
    walk = _Walk(rules, known, seen[0])
    for block in seen[1:]:
        walk.step(block)
    return Production(
        faults=tuple(walk.faults),
        samples=dict(sorted(walk.samples.items())),
        finalised_height=walk.finalised,
    )


def read_block(block: Json) -> Seen:
    """A block of the node's RPC; raises BrokenFeed naming the field that is missing or malformed."""
    try:
        payload, approvals = block["executionPayload"], block["approvals"]
        return Seen(
            root=plain_hex(block["root"]),
            parent_root=plain_hex(block["parentRoot"]),
            height=number(block["height"]),
            slot=number(block["slot"]),
            payload_number=number(payload["blockNumber"]),
            payload_hash=plain_hex(payload["blockHash"]),
            payload_parent=plain_hex(payload["parentHash"]),
            time=number(payload["timestamp"]),
            signers=() if approvals is None else tuple(approvals["indices"]),
            work=_read_work(block["auxpowHeader"]),
            signed_payouts=len(block["finalizedPayouts"]),
        )
    except KeyError as missing:
        raise BrokenFeed("consensus", f"a block without {missing}") from missing
    except (TypeError, ValueError, AttributeError) as bad:
        raise BrokenFeed("consensus", f"a malformed block: {bad}") from bad


def _read_work(header: Json | None) -> Work | None:
    if header is None:
        return None
    return Work(
        range_start=plain_hex(header["rangeStart"]),
        range_end=plain_hex(header["rangeEnd"]),
        bits=int(header["bits"], 16),
        chain_id=header["chainId"],
        height=header["height"],
        proof=header["auxpow"],
    )


CHECKS = ("auxpows", "authors", "executed", "links", "quorums", "times", "work_due")
"""What is counted in ``samples``."""

Found = Iterator[tuple[Flaw, object, object]]


class _Walk:
    """Up the chain, block by block; ``heights`` and ``roots`` are those walked so far."""

    def __init__(self, rules: Rules, executed: Mapping[int, Json], genesis: Seen) -> None:
        self.faults: list[BlockFault] = []
        self.samples: Counter[str] = Counter(dict.fromkeys(CHECKS, 0))
        self.finalised = rules.genesis_height
        self._rules = rules
        self._executed = executed
        self._parent = genesis
        self._bits = rules.bits
        self._walked = [genesis]
        self._note(genesis, self._execution(genesis))

    def step(self, block: Seen) -> None:
        """Judge one block; the next is judged as its child, whatever was wrong."""
        for check in (self._links, self._time, self._approvals, self._execution, self._work):
            self._note(block, check(block))
        self._walked.append(block)
        self._parent = block

    def _note(self, block: Seen, found: Found) -> None:
        self.faults.extend(BlockFault(flaw, block, wanted, got) for flaw, wanted, got in found)

    def _links(self, block: Seen) -> Found:
        self.samples["links"] += 1
        parent = self._parent
        for height in (block.height, block.payload_number):
            if height != parent.height + 1:
                yield Flaw.HEIGHT, parent.height + 1, height
        if block.parent_root != parent.root:
            yield Flaw.PARENT_ROOT, parent.root, block.parent_root
        if block.payload_parent != parent.payload_hash:
            yield Flaw.PAYLOAD_PARENT, parent.payload_hash, block.payload_parent
        if block.slot <= parent.slot:
            yield Flaw.SLOT_ORDER, f"a slot above {parent.slot}", block.slot

    def _time(self, block: Seen) -> Found:
        """In the slot, in whole seconds; or one second after the parent, if that is later."""
        self.samples["times"] += 1
        earliest = block.slot * self._rules.slot_duration_ms // 1000
        earliest -= self._rules.timestamp_early_s
        last_ms = (block.slot + 1) * self._rules.slot_duration_ms - 1
        latest = max(last_ms // 1000 + self._rules.timestamp_slack_s, self._parent.time + 1)
        if block.time <= self._parent.time:
            yield Flaw.TIME_ORDER, f"later than {self._parent.time}", block.time
        if not earliest <= block.time <= latest:
            yield Flaw.TIME_OF_SLOT, f"{earliest} to {latest} for slot {block.slot}", block.time

    def _approvals(self, block: Seen) -> Found:
        members = self._rules.authorities
        author = block.slot % members
        self.samples["authors"] += 1
        if author not in block.signers:
            yield Flaw.AUTHOR, f"authority {author} for slot {block.slot}", list(block.signers)
        self.samples["quorums"] += 1
        counted = {signer for signer in block.signers if 0 <= signer < members}
        needed = (2 * members + 2) // 3
        if len(counted) < needed:
            yield Flaw.QUORUM, f"{needed} of {members}", list(block.signers)

    def _execution(self, block: Seen) -> Found:
        """The client's block of this height is the payload: same hash, same parent, same time."""
        executed = self._executed.get(block.height)
        if executed is None:
            yield Flaw.EXECUTION_MISSING, f"0x{block.payload_hash}", "none"
            return
        self.samples["executed"] += 1
        theirs = (
            plain_hex(executed["hash"]),
            plain_hex(executed["parentHash"]),
            number(executed["timestamp"]),
        )
        ours = (block.payload_hash, block.payload_parent, block.time)
        if theirs != ours:
            yield Flaw.EXECUTION, ours, theirs

    def _work(self, block: Seen) -> Found:
        if block.work is not None:
            self.samples["auxpows"] += 1
            yield from self._proof(block.work)
            return
        self.samples["work_due"] += 1
        if block.signed_payouts:
            yield Flaw.PAYOUTS_WITHOUT_WORK, 0, block.signed_payouts
        ahead = block.height - self.finalised
        if ahead > self._rules.max_blocks_without_pow:
            wanted = f"at most {self._rules.max_blocks_without_pow} above the last finalised"
            yield Flaw.WORK_OVERDUE, f"{wanted} ({self.finalised})", ahead

    def _proof(self, claimed: Work) -> Found:
        """The range begins right after the last finalised block and ends at an ancestor; nothing is final without proof."""
        above = self._walked[self.finalised - self._rules.genesis_height + 1 :]
        roots = [block.root for block in above]
        if claimed.range_end not in roots or roots[0] != claimed.range_start:
            wanted = f"from {roots[0]}" if roots else "no AuxPoW, nothing is open"
            yield Flaw.WORK_RANGE, wanted, f"{claimed.range_start} to {claimed.range_end}"
            return
        covered = roots[: roots.index(claimed.range_end) + 1]
        end = self.finalised + len(covered)
        bits = work.bits_after(self._bits, len(covered), end, self._rules.retarget)
        ours = (f"{bits:08x}", self._rules.aux_chain_id, end)
        theirs = (f"{claimed.bits:08x}", claimed.chain_id, claimed.height)
        if theirs != ours:
            yield Flaw.WORK_PROOF, f"bits, chain id, height {ours}", theirs
        flaw = work.flaw_of(claimed.proof, covered, bits, self._rules.aux_chain_id)
        if flaw is not None:
            yield Flaw.WORK_PROOF, f"work over {len(covered)} blocks", flaw
            return
        self.finalised, self._bits = end, bits
