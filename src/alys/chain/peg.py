"""The peg's way in, and everything that is minted: deposits, refunds, fees, and the withdrawals that credit them.

Minting is an EIP-4895 withdrawal in a payload. A block mints three kinds of amounts: fees (in blocks with an AuxPoW),
refunds of peg-out requests that cannot be paid, and deposits. Each is brought to whole gwei by itself, then amounts for
one address are added up: one withdrawal per address, addresses ascending, and validators compare the exact list.
"""

import enum
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from alys.base.errors import AlysError
from alys.base.units import Gwei, Sats, Wei, sats_to_gwei, wei_to_gwei_floor
from alys.wire import bitcoin
from alys.wire.engine import Withdrawal
from alys.wire.ethereum import from_quantity

WITHDRAWALS_MAX = 16
"""Per block, fees and refunds included. Ours, borrowed from the consensus layer's preset; the execution layer has no cap."""

PEGINS_MAX = 100
"""Deposits one block may mint, whoever they go to."""

PEGIN_DUST_SATS = 1_000
"""A deposit of less is nobody's: an output of this size costs about as much to spend."""

MINER_SHARE_PERCENT = 80
"""Of the fees, to whoever mined the AuxPoW; the rest is shared by the federation."""

EVM_ADDRESS_BYTES = 20
NOTHING = Wei(0)


class Deposit(msgspec.Struct, frozen=True, kw_only=True):
    """A Bitcoin output to the federation together with whom to credit."""

    txid: str
    vout: int
    sats: Sats
    evm_address: bytes
    script: bytes = b""
    """What it paid to; nothing where there has been one federation only."""

    @property
    def outpoint(self) -> str:
        """``txid:vout``: the deposit's identity, minted at most once for ever."""
        return f"{self.txid}:{self.vout}"


class RefundReason(enum.StrEnum):
    """Why a peg-out request cannot be paid."""

    UNPARSABLE_ADDRESS = "unparsable-address"
    """Not the text of an address of this network."""
    FEDERATION_ADDRESS = "federation-address"
    """It would pay the federation, where payouts could not be told from change."""
    BELOW_MINIMUM = "below-minimum"
    ABOVE_MAXIMUM = "above-maximum"
    FEE_ABOVE_VALUE = "fee-above-value"
    INSUFFICIENT_FUNDS = "insufficient-funds"
    TRANSACTION_TOO_LARGE = "transaction-too-large"


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """What goes back to the caller of a peg-out request that cannot be paid, once."""

    request: str
    """``tx_hash:log_index`` of the request's event."""
    address: bytes
    gwei: Gwei
    reason: RefundReason


class TooManyWithdrawals(AlysError):
    """More addresses to credit than one block may."""

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} addresses to credit, one block takes {WITHDRAWALS_MAX}")
        self.count = count


def find_deposit(tx: bitcoin.Tx, federation_scripts: Collection[bytes]) -> Deposit | None:
    """The deposit that a transaction makes, if any: first output to the federation, first valid OP_RETURN.

    Further outputs to the federation are not credited. A coinbase makes no deposit: it could not be spent for a hundred
    blocks, long after it was minted.
    """
    paid = find_payment(tx, federation_scripts)
    addresses = (evm_address_in(out.script) for out in tx.outputs)
    address = next((found for found in addresses if found is not None), None)
    if paid is None or address is None or paid.sats < PEGIN_DUST_SATS or _is_coinbase(tx):
        return None
    return msgspec.structs.replace(paid, evm_address=address)


def find_payment(tx: bitcoin.Tx, federation_scripts: Collection[bytes]) -> Deposit | None:
    """The first output to the federation, whoever it is for, if there is any; it is for nobody (no address) as far as this tells."""
    paid = next(
        ((n, out) for n, out in enumerate(tx.outputs) if out.script in federation_scripts), None
    )
    if paid is None:
        return None
    vout, output = paid
    return Deposit(
        txid=tx.txid, vout=vout, sats=Sats(output.value), evm_address=b"", script=output.script
    )


def evm_address_in(script: bytes) -> bytes | None:
    """The EVM address in an OP_RETURN script: 20 raw bytes, or its hex in ASCII with or without 0x; else None.

    The length decides, so 20 raw bytes that happen to be readable text are an address like any other.
    """
    data = bitcoin.op_return_data(script)
    if data is None or len(data) == EVM_ADDRESS_BYTES:
        return data
    digits = data[2:] if data[:2] == b"0x" else data
    if len(digits) != 2 * EVM_ADDRESS_BYTES or not digits.isalnum():
        return None
    try:
        return bytes.fromhex(digits.decode("ascii"))
    except ValueError:
        return None


def mint_amount(sats: Sats) -> Gwei:
    """What a deposit is worth in a withdrawal."""
    return sats_to_gwei(sats)


def deep_enough(confirmations: int, required: int) -> bool:
    """Whether a deposit may be minted; the block that holds it counts as one."""
    return confirmations >= required


def split_fees(
    fees: Wei, fee_recipient: bytes, members: Sequence[bytes], kept_back: Wei = NOTHING
) -> tuple[tuple[bytes, Wei], ...]:
    """Four fifths to the miner, the rest equally to the members, each floored to whole gwei; empty for no fees.

    What flooring leaves over is minted to nobody, and of the members' part what ``kept_back`` says (see ``paying_back``).
    """
    miner = fees * MINER_SHARE_PERCENT // 100
    each = (fees - miner - kept_back) // len(members)
    shares = ((fee_recipient, miner), *((member, each) for member in members))
    floored = ((address, Wei(wei // 10**9 * 10**9)) for address, wei in shares)
    return tuple((address, wei) for address, wei in floored if wei)


def paying_back(fees: Wei, owed: Wei) -> Wei:
    """How much of the members' part of these fees goes towards what they owe, in whole gwei."""
    members = fees - fees * MINER_SHARE_PERCENT // 100
    return Wei(min(owed, members) // 10**9 * 10**9)


def block_tips(receipts: Iterable[Mapping[str, Any]], base_fee_per_gas: int) -> Wei:
    """What a block's transactions paid above the base fee, from its receipts as JSON-RPC shows them."""
    return Wei(
        sum(
            from_quantity(receipt.get("gasUsed"), "gasUsed")
            * (
                from_quantity(receipt.get("effectiveGasPrice"), "effectiveGasPrice")
                - base_fee_per_gas
            )
            for receipt in receipts
        )
    )


def expected_withdrawals(
    fees: Sequence[tuple[bytes, Wei]], pegins: Sequence[Deposit], refunds: Sequence[Refund]
) -> tuple[Withdrawal, ...]:
    """The exact list a payload must carry; raises TooManyWithdrawals above sixteen addresses.

    Index and validator index are always zero, amounts in gwei; nothing is listed for an address that gets zero.
    """
    amounts: dict[bytes, int] = {}
    for address, gwei in _credits(fees, pegins, refunds):
        amounts[address] = amounts.get(address, 0) + gwei
    credited = sorted((address, gwei) for address, gwei in amounts.items() if gwei > 0)
    if len(credited) > WITHDRAWALS_MAX:
        raise TooManyWithdrawals(len(credited))
    return tuple(
        Withdrawal(index=0, validator_index=0, address=address, amount_gwei=gwei)
        for address, gwei in credited
    )


def fit_pegins(taken: Collection[bytes], deposits: Iterable[Deposit]) -> tuple[Deposit, ...]:
    """The deposits, in order, that fit into a block that credits ``taken`` already; what is left waits for the next."""
    addresses = set(taken)
    chosen: list[Deposit] = []
    for deposit in deposits:
        if len(chosen) == PEGINS_MAX:
            break
        if deposit.evm_address not in addresses and len(addresses) >= WITHDRAWALS_MAX:
            continue
        addresses.add(deposit.evm_address)
        chosen.append(deposit)
    return tuple(chosen)


def fit_refunds(
    taken: Collection[bytes], refunds: Sequence[Refund]
) -> tuple[tuple[Refund, ...], tuple[Refund, ...]]:
    """Refunds to pay now and refunds to pay later; strictly in order, so the first that does not fit ends the list."""
    addresses = set(taken)
    for position, refund in enumerate(refunds):
        addresses.add(refund.address)
        if len(addresses) > WITHDRAWALS_MAX:
            return tuple(refunds[:position]), tuple(refunds[position:])
    return tuple(refunds), ()


def _credits(
    fees: Sequence[tuple[bytes, Wei]], pegins: Sequence[Deposit], refunds: Sequence[Refund]
) -> Iterable[tuple[bytes, int]]:
    yield from ((address, wei_to_gwei_floor(wei)) for address, wei in fees)
    yield from ((refund.address, refund.gwei) for refund in refunds)
    yield from ((deposit.evm_address, mint_amount(deposit.sats)) for deposit in pegins)


def _is_coinbase(tx: bitcoin.Tx) -> bool:
    return len(tx.inputs) == 1 and tx.inputs[0].outpoint.txid == "00" * 32
