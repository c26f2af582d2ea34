"""Every withdrawal explained: peg-ins, refunds and re-minted fees, block by block, to the last gwei.

A block may create money for three reasons only. *Peg-ins*: the deposits it lists, each once, deep enough, at 10 gwei per
sat. *Fees*: in a block that carries an AuxPoW, the tips of all blocks from the previous AuxPoW block up to its own parent,
80 % to the miner and the rest in equal parts to the members, each floored to gwei. *Refunds*: the requests of earlier
payloads that cannot be paid, in order, as far as the sixteen addresses reach after the fees. The oracle makes the exact list
from that and compares.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from alys.oracles.bitcoin_side import BitcoinSide, Deposit
from alys.oracles.blame import Blame, Part
from alys.oracles.causes import Cause, Equation
from alys.oracles.claims import AuxPowClaim, Claim, PegInClaim
from alys.oracles.evm_side import EvmBlock, Request
from alys.oracles.handover import Holders
from alys.oracles.losses import Unavailable
from alys.oracles.statement import Violation
from alys.oracles.terms import (
    DUST_SATS,
    GWEI_WEI,
    MINER_PERCENT,
    SAT_GWEI,
    WITHDRAWALS_MAX,
    Terms,
)


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """What Bitcoin looked like when a block was first seen."""

    height: int
    """Of the Bitcoin tip."""


class MintJudge:
    """Walks the canonical blocks once, in order. The public attributes are its result."""

    def __init__(
        self,
        terms: Terms,
        bitcoin: BitcoinSide,
        claims: Mapping[str, Claim],
        sightings: Mapping[str, Sighting],
        holders: Holders,
    ) -> None:
        self._holders = holders
        self._change: dict[tuple[str, int], int] = {}
        self._terms = terms
        self._bitcoin = bitcoin
        self._claims = claims
        self._sightings = sightings
        self._deposits = {deposit.txid: deposit for deposit in bitcoin.deposits()}
        self._batch: list[Request] = []
        self._committed_sats = 0
        self._batches = 0
        self._unavailable = Unavailable(bitcoin)
        self.lost: dict[str, Deposit] = {}
        """Credited deposits that a reorganisation took after they had been deep enough, and that are not back."""
        self.credited: dict[str, tuple[Deposit, str]] = {}
        """Deposit key to the deposit and the EVM block that minted it."""
        self.refunded: dict[str, Request] = {}
        self.refunds_due: list[Request] = []
        self.fee_mints_gwei = 0
        self.pot_wei = 0
        """Tips that the next AuxPoW block mints, those of the last block judged included."""
        self.owed_gwei = 0
        """What sweeps have cost and the members' fees have not paid back."""
        self.kept_wei = 0
        """Of the members' fees, kept back for that."""
        self.floored_wei = 0
        """Tips that the floors of past splits left to nobody."""
        self.violations: list[Violation] = []
        self.samples: Counter[str] = Counter()
        self._blame = Blame(self._deposits, self.credited, self.refunded)

    def run(self, blocks: Sequence[EvmBlock]) -> None:
        """Judge the blocks, from the first one on."""
        for block in blocks:
            if block.number > self._terms.evm_genesis_number:
                self._judge(block)
            self.pot_wei += block.tips_wei
            self._take_requests(block.requests)

    def _judge(self, block: EvmBlock) -> None:
        claim = self._claims.get(block.hash)
        if claim is None:
            self._complain(
                Cause.CLAIM_MISSING, f"a consensus block for {block.hash}", "none", block.hash
            )
            return
        parts: dict[str, list[Part]] = {}
        if claim.auxpow is not None:
            self._expect_fees(claim.auxpow, block, parts)
        self._expect_refunds(parts)
        credited_before = sum(deposit.sats for deposit, _ in self.credited.values())
        for pegin in claim.pegins:
            self._expect_pegin(pegin, block, parts)
        self._note_costs(claim)
        self._check_form(block)
        for cause, expected, actual, culprit in self._unavailable.take(claim, self.credited):
            self._complain(cause, expected, actual, culprit, block=block.hash)
        self._accept_refunds_for_want_of_funds(block, parts, credited_before)
        self._compare(block, parts)

    def _expect_fees(
        self, auxpow: AuxPowClaim, block: EvmBlock, parts: dict[str, list[Part]]
    ) -> None:
        """The split of the pot; what the floors cut off is nobody's."""
        self.samples["auxpow_blocks"] += 1
        miner = self.pot_wei * MINER_PERCENT // 100
        members = self._terms.fee_members
        shares = [(auxpow.fee_recipient, miner)]
        kept = min(self.owed_gwei, (self.pot_wei - miner) // GWEI_WEI) * GWEI_WEI
        self.owed_gwei -= kept // GWEI_WEI
        self.kept_wei += kept
        if members:
            each = (self.pot_wei - miner - kept) // len(members)
            shares.extend((member, each) for member in members)
        minted = 0
        for address, wei in shares:
            gwei = wei // GWEI_WEI
            minted += gwei
            if gwei:
                part = Part(kind="fee", culprit=f"AuxPoW in {block.hash}", gwei=gwei)
                parts.setdefault(address, []).append(part)
        if minted:
            self.samples["fee_mints"] += 1
        self.fee_mints_gwei += minted
        self.floored_wei += self.pot_wei - kept - minted * GWEI_WEI
        self.pot_wei = 0

    def _note_costs(self, claim: Claim) -> None:
        """What the block's sweep costs: its inputs as Bitcoin has them, or as payouts before it will make them."""
        if claim.sweep is not None:
            spent = (
                self._bitcoin.sats_of(*place) or self._change.get(place, 0)
                for place in ((i.outpoint.txid, i.outpoint.vout) for i in claim.sweep.inputs)
            )
            left = sum(output.value for output in claim.sweep.outputs)
            self.owed_gwei += (sum(spent) - left) * SAT_GWEI
        for tx in (claim.sweep, claim.proposal):
            if tx is not None:
                made = {(tx.txid, vout): output.value for vout, output in enumerate(tx.outputs)}
                self._change.update(made)

    def _expect_refunds(self, parts: dict[str, list[Part]]) -> None:
        addresses = set(parts)
        while self.refunds_due:
            request = self.refunds_due[0]
            addresses.add(request.caller)
            if len(addresses) > WITHDRAWALS_MAX:
                return
            self._expect_refund(self.refunds_due.pop(0), parts)

    def _expect_refund(self, request: Request, parts: dict[str, list[Part]]) -> None:
        self.samples["refunds"] += 1
        self.refunded[request.key] = request
        part = Part(kind="refund", culprit=request.key, gwei=request.wei // GWEI_WEI)
        parts.setdefault(request.caller, []).append(part)

    def _expect_pegin(
        self, claim: PegInClaim, block: EvmBlock, parts: dict[str, list[Part]]
    ) -> None:
        self.samples["mints"] += 1
        deposit = self._deposits.get(claim.txid)
        former = self._formerly_deep(claim, block)
        if deposit is None:
            if former is None:
                self._deposit_not_there(claim)
                return
            deposit = former
            self.lost[claim.key] = former
        if claim.key in self.credited:
            first = self.credited[claim.key][1]
            self._complain(
                Cause.DOUBLE_MINT, "one mint", "a second", claim.key, first=first, second=block.hash
            )
            self._expect_credit(deposit, parts)
            return
        taken = self._holders.takes(deposit.script, block.number)
        if deposit.evm_address is None or claim.vout != deposit.vout or not taken:
            self._complain(
                Cause.MINT_OF_UNCLAIMABLE, "no mint", "a mint", claim.key, block=block.hash
            )
            return
        if claim.block_hash != deposit.block_hash and former is None:
            self._complain(
                Cause.PEGIN_REFERENCE_WRONG, deposit.block_hash, claim.block_hash, claim.key
            )
        self._check_depth(former or deposit, block)
        self.credited[claim.key] = (deposit, block.hash)
        self._expect_credit(deposit, parts)

    def _expect_credit(self, deposit: Deposit, parts: dict[str, list[Part]]) -> None:
        address = deposit.evm_address
        if address is not None:
            part = Part(kind="pegin", culprit=deposit.key, gwei=deposit.sats * SAT_GWEI)
            parts.setdefault(address, []).append(part)

    def _formerly_deep(self, claim: PegInClaim, block: EvmBlock) -> Deposit | None:
        """The deposit as it stood in the Bitcoin block that is named, if that has left the best chain, deep as it was by then."""
        former = self._bitcoin.former_deposit(claim.txid, claim.block_hash)
        sighting = self._sightings.get(block.hash)
        if former is None or sighting is None:
            return former
        deep = sighting.height - former.height + 1 >= self._terms.confirmations
        return former if deep else None

    def _deposit_not_there(self, claim: PegInClaim) -> None:
        cause = Cause.MINT_WITHOUT_DEPOSIT
        if self._bitcoin.unwound_deposit(claim.txid) is not None:
            cause = Cause.DEPOSIT_REORGED
        self._complain(cause, "a deposit on the best chain", "none", claim.key)

    def _check_depth(self, deposit: Deposit, block: EvmBlock) -> None:
        sighting = self._sightings.get(block.hash)
        if sighting is None:
            return
        self.samples["confirmations"] += 1
        seen = sighting.height - deposit.height + 1
        if seen < self._terms.confirmations:
            self._complain(
                Cause.MINT_BEFORE_CONFIRMATIONS,
                f"{self._terms.confirmations} confirmations",
                max(seen, 0),
                deposit.key,
                block=block.hash,
            )

    def _take_requests(self, requests: Sequence[Request]) -> None:
        """What this block's payload asks for; the next block answers."""
        self._batch = [request for request in requests if request.script is not None]
        self._batches += bool(self._batch)
        self._committed_sats += sum(request.sats for request in self._batch)
        self.refunds_due.extend(request for request in requests if request.script is None)

    def _accept_refunds_for_want_of_funds(
        self, block: EvmBlock, parts: dict[str, list[Part]], credited_sats: int
    ) -> None:
        """The last requests of a batch are refunded, not paid, if the credited deposits cannot cover the batch.

        What is lost, or waits for the version of a payout that is mined, covers nothing. Dust given to payees is what may have made the federation short; nothing else excuses such a refund.
        """
        available = credited_sats - DUST_SATS * max(self._batches - 1, 0) - self._unavailable.sats
        actual = _by_address(block)
        for request in reversed(self._batch):
            expected = sum(part.gwei for part in parts.get(request.caller, ()))
            surplus = actual.get(request.caller, 0) - expected
            if self._committed_sats <= available or surplus < request.wei // GWEI_WEI:
                return
            self._committed_sats -= request.sats
            self._expect_refund(request, parts)

    def _check_form(self, block: EvmBlock) -> None:
        """One withdrawal per address, ascending, sixteen at the most."""
        addresses = [address for address, _ in block.withdrawals]
        if addresses != sorted(set(addresses)) or len(addresses) > WITHDRAWALS_MAX:
            self._complain(
                Cause.WITHDRAWALS_NOT_CANONICAL,
                f"at most {WITHDRAWALS_MAX} addresses, ascending, each once",
                ", ".join(addresses),
                block.hash,
            )

    def _compare(self, block: EvmBlock, parts: dict[str, list[Part]]) -> None:
        actual = _by_address(block)
        for address in sorted({*actual, *parts}):
            self.samples["withdrawals"] += 1
            due = parts.get(address, [])
            expected = sum(part.gwei for part in due)
            found = actual.get(address, 0)
            if found != expected or (address in actual and not due):
                self.violations.append(self._blame.name(block, address, due, found, self._batch))

    def _complain(
        self, cause: Cause, expected: object, actual: object, culprit: str, **items: str
    ) -> None:
        self.violations.append(
            Violation(
                cause,
                Equation.PEG,
                expected=expected,
                actual=actual,
                culprit=culprit,
                items=items,
            )
        )


def _by_address(block: EvmBlock) -> dict[str, int]:
    totals: dict[str, int] = {}
    for address, gwei in block.withdrawals:
        totals[address] = totals.get(address, 0) + gwei
    return totals
