"""Depositors on chains whose coins are small."""

import asyncio
from typing import Any

import pytest

from alys.models.bitcoin.node import BitcoinNode
from alys.wire import bitcoin
from alys.worlds.users import FEE_SATS, MATURITY, BitcoinUser, NoCoins

COIN_SATS = 5_000_000_000
ELSEWHERE = bitcoin.p2wpkh_script(bitcoin.pubkey_of(bytes([9]) * 32))


class Called:
    """The model as a scenario reaches it."""

    def __init__(self) -> None:
        self._node = BitcoinNode(lambda: 1_767_225_600.0)

    async def call(self, method: str, *params: object) -> Any:
        return self._node.handle(method, list(params))


def mined(own: int) -> tuple[Called, BitcoinUser]:
    """So many coins of the user can be spent, and no more of them."""
    node = Called()
    user = BitcoinUser(bytes([7]) * 32, node)
    other = BitcoinUser(bytes([8]) * 32, node)
    asyncio.run(node.call("generatetoaddress", own, user.address))
    asyncio.run(node.call("generatetoaddress", MATURITY - 1, other.address))
    return node, user


def test_one_coin_pays_where_one_is_enough() -> None:
    node, user = mined(2)
    txid = asyncio.run(user.pay((bitcoin.TxOut(value=COIN_SATS // 2, script=ELSEWHERE),)))
    tx = bitcoin.parse_tx(bytes.fromhex(asyncio.run(node.call("getrawtransaction", txid))))
    assert len(tx.inputs) == 1
    assert sum(out.value for out in tx.outputs) == COIN_SATS - FEE_SATS


def test_several_coins_pay_what_none_of_them_covers() -> None:
    node, user = mined(3)
    assert asyncio.run(user.spendable()) == 3 * COIN_SATS
    txid = asyncio.run(user.pay((bitcoin.TxOut(value=2 * COIN_SATS, script=ELSEWHERE),)))
    tx = bitcoin.parse_tx(bytes.fromhex(asyncio.run(node.call("getrawtransaction", txid))))
    assert len(tx.inputs) == 3
    assert sum(out.value for out in tx.outputs) == 3 * (COIN_SATS - FEE_SATS)
    assert asyncio.run(user.spendable()) == 0
    with pytest.raises(NoCoins, match="do not cover 1000 sats"):
        asyncio.run(user.pay((bitcoin.TxOut(value=1000, script=ELSEWHERE),)))


def test_the_oldest_coin_is_spent_first() -> None:
    """In whichever order the node lists them, which is that of their hashes: a reorganisation reaches the oldest coin last."""
    node, user = mined(6)
    heights = []
    for _ in range(6):
        txid = asyncio.run(user.pay((bitcoin.TxOut(value=1000, script=ELSEWHERE),)))
        tx = bitcoin.parse_tx(bytes.fromhex(asyncio.run(node.call("getrawtransaction", txid))))
        spent = tx.inputs[0].outpoint
        coin = asyncio.run(node.call("gettxout", spent.txid, spent.vout, False))
        heights.append(coin["confirmations"])
    assert heights == sorted(heights, reverse=True)
    assert len(set(heights)) == 6


def test_what_a_reorganisation_made_the_node_forget_is_sent_again() -> None:
    """The coin of the first block becomes too young to be spent, and the payment of it leaves the mempool."""
    node, user = mined(1)
    txid = asyncio.run(user.pay((bitcoin.TxOut(value=1000, script=ELSEWHERE),)))
    best = asyncio.run(node.call("getblockcount"))
    tip = asyncio.run(node.call("getblockhash", best))
    asyncio.run(node.call("invalidateblock", tip))
    assert txid not in asyncio.run(node.call("getrawmempool"))
    assert asyncio.run(user.send_again()) == 0
    asyncio.run(node.call("reconsiderblock", tip))
    assert asyncio.run(user.send_again()) == 1
    assert txid in asyncio.run(node.call("getrawmempool"))
