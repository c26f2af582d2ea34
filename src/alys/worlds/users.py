"""The people at the two ends of the peg: who deposits on Bitcoin, and who burns on the sidechain.

They use public interfaces only and sign for themselves; the nodes hold no wallet.
"""

import contextlib
from typing import Any

from alys.base.errors import AlysError
from alys.wire import bitcoin, ethereum
from alys.wire.jsonrpc import RpcError
from alys.worlds.protocol import BitcoinSide, EthereumSide

FEE_SATS = 1_000
"""What a depositor leaves the Bitcoin miner, for each coin."""

MATURITY = 100
PEGOUT_GAS = 200_000
MAX_FEE_WEI = 4 * 10**9
MAX_TIP_WEI = 10**9
OP_RETURN_20 = b"\x6a\x14"


class NoCoins(AlysError):
    """The user has not enough in coins that are old enough; mine to the user first."""


class BitcoinUser:
    """Holds one P2WPKH key."""

    def __init__(self, secret: bytes, node: BitcoinSide) -> None:
        self._secret = secret
        self._node = node
        self._used: set[str] = set()
        self._sent: list[str] = []
        self.script = bitcoin.p2wpkh_script(bitcoin.pubkey_of(secret))
        address = bitcoin.script_to_address(self.script)
        assert address is not None, "every P2WPKH script has an address"
        self.address = address

    async def deposit(self, federation: str, evm_address: bytes, sats: int) -> str:
        """Pay the federation's address and name an EVM account; returns the txid. Raises NoCoins."""
        outputs = (
            bitcoin.TxOut(value=sats, script=bitcoin.address_to_script(federation)),
            bitcoin.TxOut(value=0, script=OP_RETURN_20 + evm_address),
        )
        return await self.pay(outputs)

    async def pay(self, outputs: tuple[bitcoin.TxOut, ...]) -> str:
        """Send these outputs and take back the change; returns the txid. Raises NoCoins."""
        wanted = sum(output.value for output in outputs)
        coins = await self._coins(wanted)
        change = sum(sats for _, sats in coins) - wanted - len(coins) * FEE_SATS
        tx = bitcoin.Tx(
            inputs=tuple(bitcoin.TxIn(outpoint=place) for place, _ in coins),
            outputs=(*outputs, bitcoin.TxOut(value=change, script=self.script)),
        )
        tx = self.signed(tx, *(sats for _, sats in coins))
        self._used.update(place.label for place, _ in coins)
        raw = tx.serialize().hex()
        txid = str(await self._node.call("sendrawtransaction", raw))
        self._sent.append(raw)
        return txid

    async def send_again(self) -> int:
        """Send all that was sent once more, in its order, as wallets do: a reorganisation may make a node forget (a coin became too
        young, for one). How many it took.
        """
        taken = 0
        for raw in self._sent:
            with contextlib.suppress(RpcError):  # it knows it, or has it in a block
                await self._node.call("sendrawtransaction", raw)
                taken += 1
        return taken

    def signed(self, tx: bitcoin.Tx, *sats: int) -> bitcoin.Tx:
        """The transaction with this user's signature on every input; ``sats`` are the amounts that they spend."""
        for index, amount in enumerate(sats):
            tx = bitcoin.sign_p2wpkh_input(tx, index, self._secret, amount)
        return tx

    async def received(self) -> int:
        """Sats in confirmed unspent outputs."""
        return sum(bitcoin.sats_of(coin["amount"]) for coin in (await self._scan())["unspents"])

    async def _scan(self) -> Any:
        return await self._node.call("scantxoutset", "start", [f"addr({self.address})"])

    async def spendable(self) -> int:
        """Sats in confirmed outputs that can be spent now."""
        return sum(sats for _, sats in await self._ripe())

    async def _ripe(self) -> list[tuple[bitcoin.OutPoint, int]]:
        """The coins that are old enough and that this user has not spent itself, the oldest first: a reorganisation makes those too
        young again last, and a node lists coins by their hashes.
        """
        found = await self._scan()
        unspent = sorted(found["unspents"], key=lambda coin: coin["height"])
        places = (
            (
                bitcoin.OutPoint(txid=coin["txid"], vout=coin["vout"]),
                bitcoin.sats_of(coin["amount"]),
            )
            for coin in unspent
            if not coin["coinbase"] or found["height"] + 1 - coin["height"] >= MATURITY
        )
        return [(place, sats) for place, sats in places if place.label not in self._used]

    async def _coins(self, wanted: int) -> list[tuple[bitcoin.OutPoint, int]]:
        """The first coin that covers it, or as many as do, with ``FEE_SATS`` for each. An old chain's coins are small."""
        ripe = await self._ripe()
        for coin in ripe:
            if coin[1] > wanted + FEE_SATS:
                return [coin]
        taken: list[tuple[bitcoin.OutPoint, int]] = []
        for coin in sorted(ripe, key=lambda one: -one[1]):
            taken.append(coin)
            if sum(sats for _, sats in taken) > wanted + len(taken) * FEE_SATS:
                return taken
        raise NoCoins(f"the coins of {self.address} do not cover {wanted} sats and fees")


class EthereumUser:
    """Holds one account key."""

    def __init__(self, secret: bytes, node: EthereumSide) -> None:
        self._secret = secret
        self._node = node
        self.address = ethereum.address_of(secret)

    async def balance(self, tag: str = "latest") -> int:
        """Wei."""
        return ethereum.from_quantity(
            await self._node.call("eth_getBalance", ethereum.to_data(self.address), tag)
        )

    async def request_peg_out(self, btc_address: str, wei: int) -> str:
        """Burn ``wei`` for a payment to a Bitcoin address; returns the transaction's hash."""
        return await self.send(
            ethereum.BRIDGE_ADDRESS, wei, ethereum.encode_request_peg_out(btc_address), PEGOUT_GAS
        )

    async def send(self, to: bytes, wei: int, data: bytes = b"", gas: int = 21_000) -> str:
        """Sign and send a transaction; returns its hash."""
        chain_id = ethereum.from_quantity(await self._node.call("eth_chainId"))
        nonce = await self._node.call(
            "eth_getTransactionCount", ethereum.to_data(self.address), "pending"
        )
        raw = ethereum.sign_transaction(
            self._secret,
            chain_id=chain_id,
            nonce=ethereum.from_quantity(nonce),
            to=to,
            value=wei,
            data=data,
            gas=gas,
            max_fee=MAX_FEE_WEI,
            max_tip=MAX_TIP_WEI,
        )
        return str(await self._node.call("eth_sendRawTransaction", ethereum.to_data(raw)))
