"""What the EVM chain says, read from blocks, receipts and balances as JSON-RPC shows them.

Per block: what the base fee destroyed, what the tips brought to the burn address, what withdrawals created, and which
peg-outs were requested. Whether a request can be paid is judged here from its address text alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from alys.oracles.causes import Cause, Equation
from alys.oracles.statement import BrokenFeed, Violation
from alys.oracles.terms import BURN_ADDRESS, SAT_WEI, Terms
from alys.wire import bitcoin
from alys.wire.ethereum import decode_request_peg_out, from_quantity, is_request_peg_out

Json = Mapping[str, Any]


class Balances(msgspec.Struct, frozen=True, kw_only=True):
    """All the ether there is after a block, and the part that lies on the burn address; both may be relative to the anchor."""

    total_wei: int
    burn_wei: int


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One RequestPegOut event."""

    key: str
    """``txhash:logindex``."""
    block_number: int
    caller: str
    wei: int
    sats: int
    """Whole sats; the rest of the wei is nobody's."""
    script: bytes | None
    """Where to pay; None when it cannot be paid and must be refunded."""


class EvmBlock(msgspec.Struct, frozen=True, kw_only=True):
    """One block, reduced to what touches money. Hashes and addresses are lower case with 0x."""

    number: int
    hash: str
    parent: str
    base_fees_wei: int
    tips_wei: int
    direct_burns_wei: int
    """Value that transactions themselves sent to the burn address."""
    withdrawals: tuple[tuple[str, int], ...]
    """Address and gwei, in the block's order."""
    requests: tuple[Request, ...]
    balances: Balances | None
    complaints: tuple[Violation, ...]
    """What is wrong with the block by itself."""


def balances_of_dump(dump: Json) -> Balances:
    """The sums of a ``debug_dumpBlock`` answer; balances may be decimal text (as geth has them) or hex."""
    total = burn = 0
    for address, account in dump["accounts"].items():
        wei = int(str(account["balance"]), 0)
        total += wei
        if address.lower() == BURN_ADDRESS:
            burn = wei
    return Balances(total_wei=total, burn_wei=burn)


def read_block(
    block: Json, receipts: Sequence[Json], balances: Balances | None, terms: Terms
) -> EvmBlock:
    """The money in one block; ``block`` must carry whole transactions, ``receipts`` one per transaction."""
    number = from_quantity(block["number"])
    base_fee = from_quantity(block.get("baseFeePerGas", "0x0"))
    transactions: Sequence[Json] = block["transactions"]
    tips = [
        _tip(tx, receipt, base_fee) for tx, receipt in zip(transactions, receipts, strict=False)
    ]
    return EvmBlock(
        number=number,
        hash=block["hash"].lower(),
        parent=block["parentHash"].lower(),
        base_fees_wei=base_fee * from_quantity(block["gasUsed"]),
        tips_wei=sum(tips),
        direct_burns_wei=sum(
            from_quantity(tx["value"])
            for tx, receipt in zip(transactions, receipts, strict=False)
            if (tx.get("to") or "").lower() == BURN_ADDRESS and _succeeded(receipt)
        ),
        withdrawals=tuple(
            (entry["address"].lower(), from_quantity(entry["amount"]))
            for entry in block.get("withdrawals") or ()
        ),
        requests=tuple(_requests(number, receipts, terms)),
        balances=balances,
        complaints=tuple(_complaints(block, transactions, receipts, base_fee, sum(tips))),
    )


def _tip(tx: Json, receipt: Json, base_fee: int) -> int:
    """What the transaction paid above the base fee: gas used x min(tip cap, fee cap - base fee) (EIP-1559)."""
    if "maxFeePerGas" in tx:
        headroom = from_quantity(tx["maxFeePerGas"]) - base_fee
        per_gas = min(from_quantity(tx["maxPriorityFeePerGas"]), headroom)
    else:
        per_gas = from_quantity(tx["gasPrice"]) - base_fee
    return per_gas * from_quantity(receipt["gasUsed"])


def _succeeded(receipt: Json) -> bool:
    return from_quantity(receipt["status"]) == 1


def _requests(number: int, receipts: Sequence[Json], terms: Terms) -> Iterator[Request]:
    for receipt in receipts:
        for log in receipt["logs"]:
            if not is_request_peg_out(log, terms.bridge_address):
                continue
            event = decode_request_peg_out(log, terms.bridge_address)
            sats = event.wei // SAT_WEI
            yield Request(
                key=f"{event.tx_hash.lower()}:{event.log_index}",
                block_number=number,
                caller="0x" + event.caller.hex(),
                wei=event.wei,
                sats=sats,
                script=_payable_script(event.address, sats, terms),
            )


def _payable_script(text: bytes, sats: int, terms: Terms) -> bytes | None:
    """Where a request pays to; None for text that is no address of our network, for too little or too much, for the federation.

    A payment to the federation could not be told from change.
    """
    if not terms.pegout_minimum_sats <= sats <= terms.pegout_maximum_sats:
        return None
    try:
        script = bitcoin.address_to_script(text.decode("ascii"), terms.network)
    except (UnicodeDecodeError, bitcoin.BadAddress):
        return None
    return None if script in terms.federation_scripts else script


def _complaints(
    block: Json, transactions: Sequence[Json], receipts: Sequence[Json], base_fee: int, tips: int
) -> Iterator[Violation]:
    culprit = block["hash"].lower()
    hashes = [tx["hash"].lower() for tx in transactions]
    receipt_hashes = [receipt["transactionHash"].lower() for receipt in receipts]
    if hashes != receipt_hashes:
        yield _receipts_wrong(len(hashes), len(receipts), "transactions against receipts", culprit)
        return
    gas = sum(from_quantity(receipt["gasUsed"]) for receipt in receipts)
    if gas != from_quantity(block["gasUsed"]):
        yield _receipts_wrong(from_quantity(block["gasUsed"]), gas, "gas", culprit)
    priced = sum(
        (from_quantity(r["effectiveGasPrice"]) - base_fee) * from_quantity(r["gasUsed"])
        for r in receipts
    )
    if priced != tips:
        yield _receipts_wrong(tips, priced, "tips by transaction against receipt", culprit)
    if from_quantity(block["number"]) > 0 and block["miner"].lower() != BURN_ADDRESS:
        yield Violation(
            Cause.FEE_RECIPIENT_WRONG,
            Equation.EVM,
            expected=BURN_ADDRESS,
            actual=block["miner"].lower(),
            culprit=culprit,
        )


def _receipts_wrong(expected: int, actual: int, what: str, culprit: str) -> Violation:
    return Violation(
        Cause.RECEIPTS_WRONG,
        Equation.EVM,
        expected=expected,
        actual=actual,
        culprit=culprit,
        items={"compared": what},
    )


def _anchor(facts: EvmBlock) -> EvmBlock:
    """The block that the chain starts from, without what an earlier chain did in it."""
    return msgspec.structs.replace(
        facts,
        base_fees_wei=0,
        tips_wei=0,
        direct_burns_wei=0,
        withdrawals=(),
        requests=(),
        complaints=(),
    )


class EvmSide:
    """The canonical chain as fed. Blocks must link; a block on an older parent unwinds what stands above it."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        """Replaced when another federation becomes known: nobody is paid to it in the blocks fed from then on."""
        self._blocks: list[EvmBlock] = []
        self._positions: dict[str, int] = {}

    @property
    def blocks(self) -> Sequence[EvmBlock]:
        """From the first block fed to the head."""
        return self._blocks

    @property
    def height(self) -> int:
        """The head's number; -1 before the first block."""
        return self._blocks[-1].number if self._blocks else -1

    def knows(self, block_hash: str) -> bool:
        """Whether the block is canonical."""
        return block_hash in self._positions

    def feed(
        self, block: Json, receipts: Sequence[Json], balances: Balances | None
    ) -> list[EvmBlock]:
        """Append a block; returns the blocks that it pushed off. Raises BrokenFeed on a gap."""
        facts = read_block(block, receipts, balances, self.terms)
        if facts.number == self.terms.evm_genesis_number:
            facts = _anchor(facts)
        if facts.hash in self._positions:
            self._replace(facts)
            return []
        gone = self._make_room(facts)
        self._positions[facts.hash] = len(self._blocks)
        self._blocks.append(facts)
        return gone

    def unwind(self, block_hash: str) -> list[EvmBlock]:
        """Take the block and all above it off; returns them. Raises BrokenFeed when it is not canonical."""
        if block_hash not in self._positions:
            raise BrokenFeed("evm", f"cannot unwind {block_hash}: not canonical")
        return self._cut(self._positions[block_hash])

    def _replace(self, facts: EvmBlock) -> None:
        """The same block again, maybe with balances that were not there the first time."""
        if facts.balances is not None:
            self._blocks[self._positions[facts.hash]] = facts

    def _make_room(self, facts: EvmBlock) -> list[EvmBlock]:
        if not self._blocks:
            if facts.number > self.terms.evm_genesis_number + 1:
                raise BrokenFeed("evm", f"starts at block {facts.number}, not at the genesis")
            return []
        if facts.parent not in self._positions:
            raise BrokenFeed("evm", f"block {facts.number} stands on unknown {facts.parent}")
        gone = self._cut(self._positions[facts.parent] + 1)
        if facts.number != self.height + 1:
            raise BrokenFeed("evm", f"number {facts.number} does not follow {self.height}")
        return gone

    def _cut(self, position: int) -> list[EvmBlock]:
        gone = self._blocks[position:]
        del self._blocks[position:]
        for block in gone:
            del self._positions[block.hash]
        return gone
