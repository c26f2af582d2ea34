"""Good bytes with some of them changed, by a seeded generator: what nobody thought of."""

import random

import msgspec

from alys.models.bitcoin import mining
from alys.wire import bitcoin
from alys.wire.bitcoin import Block
from tests.models.bitcoin import spends
from tests.models.bitcoin.spends import LOCKS
from tests.parity.stage import Stage, rebuilt

SEED = 20261127
TRANSACTIONS = 200
BLOCKS = 120


def transactions(stage: Stage) -> dict[str, bytes]:
    """Transactions that spend one to three coins, a byte or two changed."""
    chance = random.Random(SEED)
    found = {}
    for number in range(TRANSACTIONS):
        locks = chance.sample(LOCKS, chance.randint(1, 3))
        tx = spends.spending([stage.coins[lock.name] for lock in locks])
        found[f"rubbish transaction {number}"] = _changed(chance, tx.serialize())
    return found


def blocks(stage: Stage) -> dict[str, bytes]:
    """Blocks whose transactions have a byte or two changed; where they can still be read, root and work are true again."""
    chance = random.Random(SEED + 1)
    found = {}
    for number in range(1, BLOCKS + 1):
        locks = chance.sample(LOCKS, 2)
        txs = [spends.spending((stage.coins[lock.name],)) for lock in locks]
        block = mining.mined(stage.block(*txs, number=20_000 + number))
        data = block.serialize()
        found[f"rubbish block {number}"] = _worked(data[:80], _changed(chance, data[80:]))
    return found


def _changed(chance: random.Random, data: bytes) -> bytes:
    made = bytearray(data)
    for _ in range(chance.randint(1, 2)):
        at = chance.randrange(len(made))
        match chance.randrange(4):
            case 0:
                made[at] = chance.randrange(256)
            case 1:
                made[at] ^= 1 << chance.randrange(8)
            case 2:
                del made[at]
            case _:
                made.insert(at, chance.randrange(256))
    return bytes(made)


def _worked(header: bytes, body: bytes) -> bytes:
    try:
        reader = bitcoin.Reader(body, "block")
        txs = reader.many(bitcoin.read_tx)
    except bitcoin.MalformedBitcoin:
        return header + body
    if not txs or any(not tx.inputs for tx in txs):
        return header + body
    block = rebuilt(Block(header=bitcoin.parse_header(header), txs=()), *txs)
    root = mining.mined(msgspec.structs.replace(block, txs=()))
    return root.header.serialize() + body
