"""Two little chains and the node's word about them: honest by default, and able to tell every lie that the oracles look for.

Nothing here is shared with the oracles: amounts are worked out by ``Town`` step by step, as a bookkeeper would.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from alys.oracles.evm_side import Balances
from alys.oracles.ledger import Ledger
from alys.oracles.statement import LedgerStatement, Violation
from alys.oracles.terms import Terms
from alys.wire import bitcoin
from alys.wire.ethereum import BRIDGE_ADDRESS, REQUEST_PEG_OUT_TOPIC

Json = dict[str, Any]

SECRETS = tuple(n.to_bytes(32, "big") for n in (1, 2, 3))
KEYS = tuple(bitcoin.xonly_of(secret) for secret in SECRETS)
NUMS = bytes.fromhex("50929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0")

MINER = "0x" + "aa" * 20
MEMBERS = ("0x" + "f1" * 20, "0x" + "f2" * 20, "0x" + "f3" * 20)
ALICE = "0x" + "a1" * 20
BOB = "0x" + "b0" * 20
DEAD = "0x000000000000000000000000000000000000dead"
COIN = 100_000_000
ETHER = 10**18
BASE_FEE = 1_000_000_007
GAS = 50_000
TIP = 3
"""Wei per gas: so little that floors to gwei leave something over."""


class Federation(msgspec.Struct, frozen=True):
    """Keys in order and a threshold; the script as the specification draws it."""

    keys: tuple[bytes, ...] = KEYS
    threshold: int = 2

    @property
    def leaf(self) -> bytes:
        parts = [b"\x20" + key + (b"\xba" if n else b"\xac") for n, key in enumerate(self.keys)]
        return b"".join(parts) + bytes((0x50 + self.threshold, 0xA2))

    @property
    def script(self) -> bytes:
        return b"\x51\x20" + bitcoin.taproot_output(NUMS, self.leaf)[0]

    @property
    def control(self) -> bytes:
        return bytes((0xC0 | bitcoin.taproot_output(NUMS, self.leaf)[1],)) + NUMS


FEDERATION = Federation()
RETIRED = Federation(keys=KEYS[::-1])
TERMS = Terms(
    federation_scripts=(RETIRED.script, FEDERATION.script),
    bridge_address=BRIDGE_ADDRESS,
    genesis_wei=0,
    bitcoin_genesis_height=0,
    confirmations=6,
    fee_members=MEMBERS,
    network="regtest",
    pegout_minimum_sats=1_000_000,
    fee_rate_sat_vb=2,
)


def digest(*what: object) -> str:
    """32 bytes in hex, different for different things."""
    return hashlib.sha256(repr(what).encode()).hexdigest()


def payee(n: int) -> bytes:
    """The script of a Bitcoin user."""
    return bitcoin.p2wpkh_script(bitcoin.pubkey_of((1000 + n).to_bytes(32, "big")))


def address(script: bytes) -> str:
    """Its regtest address."""
    text = bitcoin.script_to_address(script, "regtest")
    assert text is not None
    return text


def op_return(data: bytes) -> bytes:
    return b"\x6a" + bytes((len(data),)) + data


# Bitcoin


def deposit_tx(
    sats: int,
    note: bytes | None = bytes.fromhex(ALICE[2:]),
    *,
    script: bytes = FEDERATION.script,
    more: Sequence[bitcoin.TxOut] = (),
    salt: int = 0,
) -> bitcoin.Tx:
    """A user pays the federation; ``note`` goes into an OP_RETURN."""
    outpoint = bitcoin.OutPoint(txid=digest("wallet", sats, note, salt), vout=0)
    outputs = [bitcoin.TxOut(value=sats, script=script)]
    if note is not None:
        outputs.append(bitcoin.TxOut(value=0, script=op_return(note)))
    return bitcoin.Tx(inputs=(bitcoin.TxIn(outpoint=outpoint),), outputs=(*outputs, *more))


def block_hex(previous: str, txs: Sequence[bitcoin.Tx], nonce: int) -> str:
    """A raw block, with a coinbase of its own; nobody mined it."""
    null = bitcoin.OutPoint(txid=bitcoin.NULL_HASH, vout=bitcoin.NULL_VOUT)
    coinbase = bitcoin.Tx(
        inputs=(bitcoin.TxIn(outpoint=null, script_sig=nonce.to_bytes(4, "big")),),
        outputs=(bitcoin.TxOut(value=50 * COIN, script=payee(0)),),
    )
    header = bitcoin.Header(
        version=0x20000000,
        previous=previous,
        merkle_root=bitcoin.merkle_root([tx.txid for tx in (coinbase, *txs)]),
        time=1_767_225_600 + nonce,
        bits=0x207FFFFF,
        nonce=nonce,
    )
    return bitcoin.Block(header=header, txs=(coinbase, *txs)).serialize().hex()


class Coin(msgspec.Struct, frozen=True, kw_only=True):
    """An unspent output of the federation."""

    txid: str
    vout: int
    sats: int
    script: bytes = FEDERATION.script


def sign(
    tx: bitcoin.Tx,
    coins: Sequence[Coin],
    signers: Sequence[int] = (0, 1),
    *,
    federation: Federation = FEDERATION,
    spoil: bool = False,
) -> bitcoin.Tx:
    """The transaction with these members' signatures on every input; ``spoil`` flips a bit in the first signature."""
    prevouts = [bitcoin.TxOut(value=coin.sats, script=coin.script) for coin in coins]
    inputs = []
    for index, entry in enumerate(tx.inputs):
        message = bitcoin.taproot_script_path_sighash(tx, index, prevouts, federation.leaf)
        given = {}
        for signer in signers:
            key = federation.keys[signer]
            secret = SECRETS[KEYS.index(key)]
            given[signer] = bitcoin.schnorr_sign(secret, message, bytes(32))
        if spoil:
            first = given[signers[0]]
            given[signers[0]] = first[:-1] + bytes((first[-1] ^ 1,))
        stack = [given.get(n, b"") for n in reversed(range(len(federation.keys)))]
        witness = (*stack, federation.leaf, federation.control)
        inputs.append(msgspec.structs.replace(entry, witness=witness))
    return msgspec.structs.replace(tx, inputs=tuple(inputs))


def unsigned(coins: Sequence[Coin], outputs: Sequence[tuple[bytes, int]]) -> bitcoin.Tx:
    """A payout as proposed: replaceable inputs, version 2."""
    return bitcoin.Tx(
        inputs=tuple(
            bitcoin.TxIn(
                outpoint=bitcoin.OutPoint(txid=coin.txid, vout=coin.vout), sequence=0xFFFFFFFD
            )
            for coin in coins
        ),
        outputs=tuple(bitcoin.TxOut(value=sats, script=script) for script, sats in outputs),
    )


def payout(
    coins: Sequence[Coin],
    asked: Sequence[tuple[bytes, int]],
    *,
    fee_times: int = 1,
    change_less: int = 0,
    pay_more: int = 0,
) -> bitcoin.Tx:
    """The unsigned payout of these amounts, payees bearing the fee; the knobs make it a wrong one.

    ``fee_times`` the honest fee is borne by the payees, ``change_less`` sats are taken from the change for the miner,
    ``pay_more`` sats from the change for the first payee.
    """
    left = sum(coin.sats for coin in coins) - sum(sats for _, sats in asked)
    change = [(FEDERATION.script, left - change_less - pay_more)] if left > 546 else []
    gift = 0 if change else left
    shape = sign(unsigned(coins, [*asked, *change]), coins)
    burden = -(-shape.weight // 4) * 2 * fee_times - gift
    share, rest = divmod(burden, len(asked))
    paid = [(script, sats - share) for script, sats in asked]
    paid[0] = (paid[0][0], paid[0][1] - rest + pay_more)
    return unsigned(coins, [*paid, *change])


# Ethereum


class EvmTx(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction with its receipt, and what it does to balances."""

    json: Json
    receipt: Json
    gas: int
    tip: int
    burnt: int


def evm_tx(
    name: object,
    *,
    to: str = BOB,
    value: int = 0,
    gas: int = GAS,
    tip: int = TIP,
    logs: Sequence[Json] = (),
    status: int = 1,
) -> EvmTx:
    """A dynamic-fee transaction that tips ``tip`` wei per gas. Value to the burn address is counted as burnt."""
    tx_hash = "0x" + digest("evm", name)
    bound = [{**log, "transactionHash": tx_hash, "logIndex": hex(n)} for n, log in enumerate(logs)]
    gone = sum(int(log["data"][66:130], 16) for log in bound) if logs else value * (to == DEAD)
    return EvmTx(
        json={
            "hash": tx_hash,
            "to": to,
            "value": hex(value),
            "maxFeePerGas": hex(2 * BASE_FEE),
            "maxPriorityFeePerGas": hex(tip),
        },
        receipt={
            "transactionHash": tx_hash,
            "gasUsed": hex(gas),
            "effectiveGasPrice": hex(BASE_FEE + tip),
            "status": hex(status),
            "logs": bound,
        },
        gas=gas,
        tip=tip,
        burnt=gone if status else 0,
    )


def request(name: object, wei: int, text: str, caller: str = ALICE, tip: int = TIP) -> EvmTx:
    """A call of requestPegOut, with the event that the contract emits."""
    raw = text.encode()
    data = b"".join(
        (
            (64).to_bytes(32, "big"),
            wei.to_bytes(32, "big"),
            len(raw).to_bytes(32, "big"),
            raw + bytes(-len(raw) % 32),
        )
    )
    log = {
        "address": "0x" + BRIDGE_ADDRESS.hex(),
        "topics": [REQUEST_PEG_OUT_TOPIC, "0x" + "00" * 12 + caller[2:]],
        "data": "0x" + data.hex(),
    }
    return evm_tx(name, to="0x" + BRIDGE_ADDRESS.hex(), value=wei, tip=tip, logs=[log])


def key_of(tx: EvmTx) -> str:
    """How the ledger names the request in this transaction."""
    return f"{tx.json['hash']}:0"


class Town:
    """The chains, fed block by block to a ledger; amounts as an honest node would have them unless told otherwise."""

    def __init__(self, terms: Terms = TERMS) -> None:
        self.ledger = Ledger(terms)
        self.bitcoin_height = 0
        self.bitcoin_hashes = [bitcoin.NULL_HASH]
        self.coins: dict[str, Coin] = {}
        self.deposits: dict[str, tuple[str, str, int]] = {}
        """Key to Bitcoin block hash, EVM address and sats."""
        self.height = -1
        self.hashes: list[str] = []
        self.roots: list[str] = []
        self.total = terms.genesis_wei
        self.burnt = 0
        self.pot = 0
        self._nonce = 0
        self.block()

    def mine(self, *txs: bitcoin.Tx, more: int = 0) -> str:
        """One Bitcoin block with these transactions and ``more`` empty ones above; returns the first one's hash."""
        self._nonce += 1
        raw = block_hex(self.bitcoin_hashes[-1], txs, self._nonce)
        self.bitcoin_height += 1
        self.ledger.feed_bitcoin_block(self.bitcoin_height, raw)
        first = bitcoin.parse_block(bytes.fromhex(raw)).hash
        self.bitcoin_hashes.append(first)
        for tx in txs:
            self._book(tx)
        for _ in range(more):
            self.mine()
        return first

    def _book(self, tx: bitcoin.Tx) -> None:
        for entry in tx.inputs:
            self.coins.pop(entry.outpoint.label, None)
        scripts = {RETIRED.script, FEDERATION.script}
        for vout, output in enumerate(tx.outputs):
            if output.script in scripts:
                coin = Coin(txid=tx.txid, vout=vout, sats=output.value, script=output.script)
                self.coins[f"{tx.txid}:{vout}"] = coin

    def reorganise(self, depth: int, *txs: bitcoin.Tx) -> None:
        """The last blocks lose to a branch that is one longer, whose first block has these transactions."""
        self.ledger.unwind_bitcoin_block(self.bitcoin_hashes[-depth])
        del self.bitcoin_hashes[-depth:]
        self.bitcoin_height -= depth
        self.mine(*txs, more=depth)

    def deposit(self, sats: int, to: str = ALICE, *, depth: int = 6, salt: int = 0) -> str:
        """A deposit with ``depth`` confirmations; returns its key."""
        tx = deposit_tx(sats, bytes.fromhex(to[2:]), salt=salt)
        found = self.mine(tx, more=depth - 1)
        key = f"{tx.txid}:0"
        self.deposits[key] = (found, to, sats)
        return key

    def block(
        self,
        *txs: EvmTx,
        mints: Sequence[str] = (),
        extra: Sequence[tuple[str, int]] = (),
        proposal: bitcoin.Tx | None = None,
        auxpow: int | None = None,
        signed: Sequence[bitcoin.Tx] = (),
        claimed: bool = True,
        stray_wei: int = 0,
        said: dict[str, Any] | None = None,
    ) -> str:
        """An EVM block and the consensus block around it; returns its hash.

        ``mints`` are deposits to list and credit; ``extra`` gwei by address that nothing explains (negative takes away);
        ``auxpow`` the height that a proof finalises; ``stray_wei`` appear from nowhere; ``said`` is what the block says of Bitcoin.
        """
        credits: dict[str, int] = {}
        for to, gwei in (*self._minted(mints), *self._fees(auxpow), *extra):
            credits[to] = credits.get(to, 0) + gwei
        self.height += 1
        self.total += sum(credits.values()) * 10**9 + stray_wei
        self.total -= sum(tx.gas for tx in txs) * BASE_FEE
        self.burnt += sum(tx.gas * tx.tip + tx.burnt for tx in txs) + credits.get(DEAD, 0) * 10**9
        self.pot += sum(tx.gas * tx.tip for tx in txs)
        parent = self.hashes[-1] if self.hashes else "0x" + "00" * 32
        name = "0x" + digest("block", parent, [tx.json["hash"] for tx in txs], credits)
        block = {
            "number": hex(self.height),
            "hash": name,
            "parentHash": parent,
            "baseFeePerGas": hex(BASE_FEE),
            "gasUsed": hex(sum(tx.gas for tx in txs)),
            "miner": DEAD,
            "timestamp": hex(1_767_225_600 + 2 * self.height),
            "transactions": [tx.json for tx in txs],
            "withdrawals": [
                {"address": to, "amount": hex(gwei)} for to, gwei in sorted(credits.items()) if gwei
            ],
        }
        self.ledger.feed_evm_block(
            block,
            [tx.receipt for tx in txs],
            Balances(total_wei=self.total, burn_wei=self.burnt),
            bitcoin_height=self.bitcoin_height,
        )
        self.hashes.append(name)
        self.roots.append("0x" + digest("root", name))
        if claimed:
            self.claim(mints=mints, proposal=proposal, auxpow=auxpow, signed=signed, said=said)
        return name

    def claim(
        self,
        *,
        mints: Sequence[str] = (),
        proposal: bitcoin.Tx | None = None,
        auxpow: int | None = None,
        signed: Sequence[bitcoin.Tx] = (),
        said: dict[str, Any] | None = None,
    ) -> None:
        """Feed the node's word about the head."""
        self.ledger.feed_consensus_block(
            {
                "root": self.roots[-1],
                "executionPayload": {"blockNumber": hex(self.height), "blockHash": self.hashes[-1]},
                "auxpowHeader": None
                if auxpow is None
                else {"rangeEnd": self.roots[auxpow], "feeRecipient": MINER},
                "pegins": [
                    {
                        "txid": key.partition(":")[0],
                        "vout": int(key.partition(":")[2]),
                        "blockHash": self.deposits[key][0] if key in self.deposits else "cc" * 32,
                    }
                    for key in mints
                ],
                "payoutProposal": None
                if proposal is None
                else proposal.serialize(witness=False).hex(),
                "finalizedPayouts": [tx.serialize().hex() for tx in signed],
                "bitcoin": said or {},
            }
        )

    def _minted(self, mints: Sequence[str]) -> list[tuple[str, int]]:
        return [
            (self.deposits[key][1], self.deposits[key][2] * 10)
            for key in mints
            if key in self.deposits
        ]

    def _fees(self, auxpow: int | None) -> list[tuple[str, int]]:
        """Four fifths to the miner, the rest in three parts, all in whole gwei."""
        if auxpow is None:
            return []
        pot, self.pot = self.pot, 0
        miner = pot * 4 // 5
        return [(MINER, miner // 10**9), *((m, (pot - miner) // 3 // 10**9) for m in MEMBERS)]

    def check(self) -> LedgerStatement:
        """The ledger's statement, which must be green."""
        return self.ledger.check()

    def first(self) -> Violation:
        """The first thing that the ledger finds wrong; there must be one."""
        statement = self.ledger.judge()
        assert statement.violations, "the lie went unnoticed"
        assert [v.finding for v in self.ledger.violations] == list(statement.violations)
        return self.ledger.violations[0]


def funded_town(sats: int = 2 * COIN) -> Town:
    """A deposit of Alice's, six deep and minted in block 1."""
    town = Town()
    key = town.deposit(sats)
    town.block(mints=[key])
    return town


class PegOut(msgspec.Struct, frozen=True, kw_only=True):
    """A town in which Alice asked for a payout in block 2."""

    town: Town
    ask: EvmTx
    script: bytes
    sats: int

    @property
    def key(self) -> str:
        return key_of(self.ask)

    @property
    def coins(self) -> list[Coin]:
        return list(self.town.coins.values())

    def honest(self) -> bitcoin.Tx:
        """The payout as it should be proposed."""
        return payout(self.coins, [(self.script, self.sats)])

    def finalise(self, proposal: bitcoin.Tx) -> None:
        """Block 3 proposes it, an AuxPoW in block 4 covers block 3."""
        self.town.block(proposal=proposal)
        self.town.block(auxpow=3)


def asked_town(sats: int = COIN // 2) -> PegOut:
    """Alice has two coins and asks for ``sats`` to be paid to the first payee."""
    town = funded_town()
    script = payee(1)
    ask = request("ask", sats * 10**10, address(script))
    town.block(ask)
    return PegOut(town=town, ask=ask, script=script, sats=sats)
