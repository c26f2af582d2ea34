"""Random lives of a node: blocks on any branch, good and bad, payments that contradict each other, blocks declared invalid and
taken back. Two nodes that are told the same must stand where the other stands after every step.
"""

import random
from collections.abc import Callable
from typing import Any

import msgspec

from alys.models.bitcoin import mining, rules
from alys.wire import bitcoin
from alys.wire.bitcoin import Block, Header, Tx
from alys.wire.jsonrpc import RpcError
from tests.models.bitcoin import spends
from tests.models.bitcoin.spends import P2WPKH, Coin
from tests.parity.stage import Stage

Ask = Callable[..., Any]
BLOCK_VERSION = 0x20000000


class Step(msgspec.Struct, frozen=True):
    """One call."""

    method: str
    params: tuple[Any, ...]


class History:
    """Makes up the next call, knowing what was said so far and nothing of any node."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self.chance = random.Random(seed)
        base = stage.blocks[-1]
        self.heights = {base.hash: stage.height - 1}
        self.times = {base.hash: base.header.time}
        self.blocks = [base.hash]
        self.coins = [*stage.coins.values(), *stage.young.values(), *stage.spare]
        self.coins = [coin for coin in self.coins if coin.lock.name in _SIMPLE]
        self.payments: list[Tx] = []

    def next(self) -> Step:
        """The next call."""
        kind = self.chance.choices(
            ("block", "payment", "invalidate", "reconsider"), weights=(50, 30, 10, 10)
        )[0]
        if kind == "payment":
            return Step("sendrawtransaction", (self._payment().serialize().hex(), 0))
        if kind == "block" or len(self.blocks) < 2:
            return Step("submitblock", (self._block().serialize().hex(),))
        name = self.chance.choice(self.blocks[1:])
        return Step(f"{kind}block", (name,))

    def _payment(self) -> Tx:
        coins: list[Coin] = list(self.coins)
        for tx in self.payments[-8:]:
            coins += spends.coins_of(tx)
        coin = self.chance.choice(coins)
        fee = self.chance.choice((200, 2_000, 20_000, 60_000))
        sequence = self.chance.choice((0xFFFFFFFE, 0xFFFFFFFE, 3))
        tx = spends.spending((coin,), fee=fee, sequence=sequence)
        self.payments.append(tx)
        return tx

    def _block(self) -> Block:
        """On one of the latest blocks, with some of the latest payments; now and then it takes too much."""
        parent = self.chance.choice(self.blocks[-6:])
        height = self.heights[parent] + 1
        txs = list(
            dict.fromkeys(self.chance.choices(self.payments[-12:] or [self._payment()], k=2))
        )
        txs = txs[: self.chance.randint(0, 2)]
        reward = rules.subsidy(height) + (1 if self.chance.random() < 0.1 else 0)
        first = mining.committed(
            mining.coinbase(height, reward, P2WPKH.script, len(self.blocks)), txs
        )
        every = (first, *txs)
        time = self.times[parent] + 1
        header = Header(
            version=BLOCK_VERSION,
            previous=parent,
            merkle_root=bitcoin.merkle_root([tx.txid for tx in every]),
            time=time,
            bits=rules.REGTEST_BITS,
            nonce=0,
        )
        block = mining.mined(Block(header=header, txs=every))
        self.heights[block.hash], self.times[block.hash] = height, time
        self.blocks.append(block.hash)
        return block


_SIMPLE = ("p2pkh", "p2wpkh", "p2tr-key", "p2tr-script")


def answer(ask: Ask, step: Step) -> str:
    """What a node says to a call, in a word."""
    try:
        told = ask(step.method, *step.params)
    except RpcError as error:
        return f"{error.code} {error.message.split(',')[0]}"
    return "null" if told is None else str(told)


def stands(ask: Ask) -> tuple[str, str, list[str], list[tuple[str, int, str]]]:
    """Where a node stands: its tip, its coins, what waits, its branches."""
    tips = [(tip["hash"], tip["branchlen"], tip["status"]) for tip in ask("getchaintips")]
    coins = ask("gettxoutsetinfo", "none")
    there = f"{coins['txouts']} coins of {coins['total_amount']}"
    return ask("getbestblockhash"), there, sorted(ask("getrawmempool")), sorted(tips)
