"""Unspent outputs and the rules for spending them: maturity, amounts, age (BIP68)."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from alys.models.bitcoin import rules
from alys.models.bitcoin.rules import Missing, Rejected
from alys.wire.bitcoin import OutPoint, Tx, TxOut

SEQUENCE_NO_LOCK = 1 << 31
SEQUENCE_IS_TIME = 1 << 22
SEQUENCE_MASK = 0xFFFF
SECONDS_PER_UNIT = 512
LOCKS_FROM_VERSION = 2


class Coin(msgspec.Struct, frozen=True, kw_only=True):
    """An unspent output, and what decides whether it may be spent."""

    output: TxOut
    height: int
    coinbase: bool


class Spending(msgspec.Struct, frozen=True, kw_only=True):
    """The coins of a transaction's inputs, in order, and the fee in sats that it leaves."""

    coins: tuple[Coin, ...]
    fee: int

    @property
    def outputs(self) -> list[TxOut]:
        """The outputs that are spent."""
        return [coin.output for coin in self.coins]


def spend(tx: Tx, view: Mapping[OutPoint, Coin], height: int) -> Spending:
    """What a transaction in a block of this height spends; raises Missing or Rejected."""
    coins = []
    for txin in tx.inputs:
        coin = view.get(txin.outpoint)
        if coin is None:
            raise Missing(f"CheckTxInputs: inputs missing/spent in transaction {tx.txid}")
        depth = height - coin.height
        if coin.coinbase and depth < rules.COINBASE_MATURITY:
            raise Rejected(
                "bad-txns-premature-spend-of-coinbase",
                f"tried to spend coinbase at depth {depth}",
            )
        coins.append(coin)
    paid_in = sum(coin.output.value for coin in coins)
    paid_out = sum(output.value for output in tx.outputs)
    if paid_in < paid_out:
        raise Rejected(
            "bad-txns-in-belowout", f"value in ({paid_in} sats) < value out ({paid_out} sats)"
        )
    return Spending(coins=tuple(coins), fee=paid_in - paid_out)


def locked_by_age(
    tx: Tx,
    coins: Sequence[Coin],
    height: int,
    median_time: int,
    median_time_before: Callable[[Coin], int],
) -> bool:
    """Whether an input's coin is too young for its sequence number (BIP68) in a block of this height.

    ``median_time`` is of the block's parent, ``median_time_before`` of the block under a coin's own.
    """
    if tx.version < LOCKS_FROM_VERSION:
        return False
    for txin, coin in zip(tx.inputs, coins, strict=True):
        if txin.sequence & SEQUENCE_NO_LOCK:
            continue
        age = txin.sequence & SEQUENCE_MASK
        if txin.sequence & SEQUENCE_IS_TIME:
            if median_time < median_time_before(coin) + age * SECONDS_PER_UNIT:
                return True
        elif height < coin.height + age:
            return True
    return False
