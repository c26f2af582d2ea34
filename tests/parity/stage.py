"""What the cases of the comparison with bitcoind stand on: one chain, its coins, and what waits in the mempool.

Everything is a function of nothing: fixed keys, fixed times, so that the same bytes go to our node and to bitcoind, whose clock
(``-mocktime``) shows the stage's time.
"""

import msgspec

from alys.models.bitcoin import mining
from alys.models.bitcoin.genesis import REGTEST_TIME
from alys.models.bitcoin.node import BitcoinNode
from alys.wire import bitcoin
from alys.wire.bitcoin import Block, OutPoint, Tx, TxOut
from tests.models.bitcoin import spends
from tests.models.bitcoin.builders import Clock
from tests.models.bitcoin.spends import Coin, Lock
from tests.parity.programs import PROGRAMS

SPACING_SECONDS = 600
BLOCKS = 130
FEE = 10_000
COIN = 100_000_000


class Stage:
    """A node with a chain of ``BLOCKS`` and two more; ``coins`` by the name of what locks them."""

    def __init__(self) -> None:
        self.clock = Clock(REGTEST_TIME)
        self.node = BitcoinNode(self.clock)
        self._mine(BLOCKS)
        funds = [self.coinbase(height) for height in range(1, 11)]
        fan = spends.fanned_out(funds[0])
        scripts = [program.script for program in PROGRAMS]
        each = (sum(coin.output.value for coin in funds[1:3]) - FEE) // len(scripts)
        outputs = tuple(TxOut(value=each, script=script) for script in scripts)
        programs = spends.spending(funds[1:3], outputs)
        self._mine(1, fan, programs)
        #: One coin for every lock, ten blocks or more deep.
        self.coins: dict[str, Coin] = {coin.lock.name: coin for coin in spends.coins_of(fan)}
        for vout, program in enumerate(PROGRAMS):
            self.coins[program.name] = Coin(
                place=OutPoint(txid=programs.txid, vout=vout),
                output=programs.outputs[vout],
                lock=Lock(name=program.name, script=program.script, sign=program.sign),
            )
        self._mine(20)
        young = spends.fanned_out(funds[3])
        self._mine(1, young)
        #: Coins of the last block.
        self.young: dict[str, Coin] = {coin.lock.name: coin for coin in spends.coins_of(young)}
        self.spare = funds[4:]
        self.waiting = self._waiting()

    @property
    def height(self) -> int:
        """Of the next block."""
        return self.node.chain.tip.height + 1

    @property
    def median_time(self) -> int:
        """Of the tip: what lock times are compared with."""
        return self.node.chain.median_time(self.node.chain.tip)

    @property
    def blocks(self) -> list[Block]:
        """The chain without its genesis block."""
        return [entry.block for entry in self.node.chain.active[1:]]

    def coinbase(self, height: int) -> Coin:
        """The coin that a block made."""
        return spends.coins_of(self.node.chain.active[height].block.txs[0])[0]

    def block(self, *txs: Tx, fees: int = 0, number: int = 0) -> Block:
        """The next block, not mined yet. ``number`` keeps it apart from others."""
        made = mining.make_block(
            self.node.chain, txs, fees, spends.P2WPKH.script, self.clock.seconds
        )
        if not number:
            return made
        first = made.txs[0]
        script = first.inputs[0].script_sig + bitcoin.push(number.to_bytes(4, "little"))
        txin = msgspec.structs.replace(first.inputs[0], script_sig=script)
        return rebuilt(made, msgspec.structs.replace(first, inputs=(txin,)), *made.txs[1:])

    def _mine(self, count: int, *txs: Tx) -> None:
        for _ in range(count):
            self.clock.seconds += SPACING_SECONDS
            self.node.chain.accept(mining.mined(self.block(*txs)))

    def _waiting(self) -> dict[str, Tx]:
        """What waits in the mempool on this stage, by what it is for."""
        one, two, three, four, five, six = self.spare
        chain = [spends.spending((one,))]
        while len(chain) < 25:
            chain.append(spends.spending(spends.coins_of(chain[-1])))
        replaceable = spends.spending((two,), fee=20_000)
        truc = spends.spending((three,), version=3)
        coin = TxOut(value=COIN, script=spends.P2WPKH.script)
        family = spends.spending((six,), (coin,) * 26)
        children = [spends.spending((one,)) for one in spends.coins_of(family)[:24]]
        return {
            "family": family,
            **{f"family's child {n}": tx for n, tx in enumerate(children)},
            "replaceable": replaceable,
            "replaceable's child": spends.spending(spends.coins_of(replaceable)),
            "version 3": truc,
            "alone": spends.spending((four,)),
            "version 3 parent": (parent := spends.fanned_out(five, version=3)),
            "version 3 child": spends.spending(spends.coins_of(parent)[:1], version=3),
            **{f"chain {n}": tx for n, tx in enumerate(chain, 1)},
        }


def rebuilt(block: Block, *txs: Tx) -> Block:
    """The block with these transactions, its merkle root true; the witness commitment is left alone."""
    root = bitcoin.merkle_root([tx.txid for tx in txs])
    return Block(header=msgspec.structs.replace(block.header, merkle_root=root), txs=txs)


def with_header(block: Block, **changes: object) -> Block:
    """The block with another header."""
    return Block(header=msgspec.structs.replace(block.header, **changes), txs=block.txs)


def with_coinbase(block: Block, **changes: object) -> Block:
    """The block with another coinbase."""
    return rebuilt(block, msgspec.structs.replace(block.txs[0], **changes), *block.txs[1:])


def with_coinbase_input(block: Block, **changes: object) -> Block:
    """The block with another input of its coinbase."""
    txin = msgspec.structs.replace(block.txs[0].inputs[0], **changes)
    return with_coinbase(block, inputs=(txin,))
