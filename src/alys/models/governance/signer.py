"""One federation key and its judgement: which transactions it signs, and which it refuses.

The signer never takes an amount or a script from the one who asks. It knows the federation's coins
from two sources only: deposits it was told of (``learn_deposit``) and the change of transactions it
has found good (``judge``). From these it derives what each input spends, then signs every input: a
BIP340 signature over the BIP341/342 script-path message, SIGHASH_DEFAULT, all prevouts committed.

A federation changes at a height (``plan``, ``advance``). Its script counts as soon as the change is planned. Coins stay under the script that they were paid to and are spent by the
keys of that time; deposits to the old script are believed for ``OLD_ADDRESS_BLOCKS`` more.
"""

import enum
import hashlib
import re
from collections.abc import Sequence

import msgspec

from alys.base.errors import UsageError
from alys.base.prng import Random
from alys.models.governance.federation import Federation
from alys.wire import bitcoin

_HEX = re.compile(r"[0-9a-fA-F]*")

AUX_BYTES = 32
COIN_SATS_MAX = 21_000_000 * 100_000_000  # no output can hold more than all there will ever be
TXID_HEX_DIGITS = 64
TX_BYTES_MAX = 400_000  # 400,000 units of weight: no node relays more, whatever of it is witness
OLD_ADDRESS_BLOCKS = 10_000
"""Blocks of the sidechain: five hours and a half at two seconds each, where a deposit on its way needs about one hour."""


class Rule(enum.Enum):
    """The rules a request can break; the value goes on the wire as the reason's first words."""

    MALFORMED_TRANSACTION = "malformed transaction"
    TRANSACTION_TYPE = "transaction type"
    INPUT_LIST = "input list"
    UNKNOWN_PREVOUT = "unknown prevout"
    AMOUNT_MISMATCH = "amount mismatch"
    VALUE_CREATED = "value created"
    REQUEST_REUSED = "request id reused"
    IMPLAUSIBLE_DEPOSIT = "implausible deposit"
    CONFLICTING_DEPOSIT = "conflicting deposit"
    TOLD_TO_REFUSE = "told to refuse"
    HALTED = "halted"
    REQUIRED_SIGNATURES = "required signatures"
    NOT_OUR_KEY = "not our key"
    RETIRED_ADDRESS = "retired address"
    NOT_A_SWEEP = "not a sweep"


class Refusal(Exception):
    """A request breaks a rule: the asker's fault, and asking again unchanged will not help."""

    def __init__(self, rule: Rule, detail: str) -> None:
        super().__init__(f"{rule.value}: {detail}")
        self.rule = rule
        self.detail = detail


class NotAMember(UsageError):
    """The secret given to a node belongs to no key of its federation."""

    def __init__(self, public_key: bytes) -> None:
        super().__init__(
            f"key {public_key.hex()} is not in the federation: check the node's secret"
        )
        self.public_key = public_key


class Era(msgspec.Struct, frozen=True, kw_only=True):
    """A federation while it was in force, with what its outputs look like."""

    federation: Federation
    script: bytes
    leaf: bytes
    from_height: int
    until_height: int | None = None
    """The last height at which deposits to its script are believed; None while it is in force."""

    @classmethod
    def of(cls, federation: Federation, from_height: int) -> "Era":
        """An era without an end yet."""
        return cls(
            federation=federation,
            script=federation.output_script(),
            leaf=federation.leaf_script(),
            from_height=from_height,
        )


class Coin(msgspec.Struct, frozen=True, kw_only=True):
    """A federation output: its value, and whose it is."""

    sats: int
    era: Era


class Spend(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction found good, with what each of its inputs spends, in input order."""

    tx: bitcoin.Tx
    prevouts: tuple[bitcoin.TxOut, ...]
    eras: tuple[Era, ...]

    def message(self, index: int) -> bytes:
        """What the signatures of an input sign."""
        return bitcoin.taproot_script_path_sighash(
            self.tx, index, self.prevouts, self.eras[index].leaf
        )

    @property
    def keys(self) -> tuple[bytes, ...]:
        """Who can sign every input, in the order of the oldest federation among them."""
        first, *others = self.eras
        return tuple(
            key
            for key in first.federation.keys
            if all(key in era.federation.keys for era in others)
        )

    def flaw(self, key: bytes, signatures: Sequence[bytes]) -> str | None:
        """What is wrong with one key's witness: a signature per input, each by that key and over that input."""
        if key not in self.keys:
            return f"key {key.hex() or 'none'} is not in the federation"
        if len(signatures) != len(self.tx.inputs):
            return f"{len(signatures)} signatures for {len(self.tx.inputs)} inputs"
        for index, signature in enumerate(signatures):
            if not bitcoin.schnorr_verify(key, self.message(index), signature):
                return f"input {index}: not a signature by {key.hex()}"
        return None


class Signer:
    """The key, the federation it belongs to, and the coins it knows. Does no I/O."""

    def __init__(self, secret: bytes, federation: Federation, random: Random) -> None:
        """``secret`` is 32 bytes; ``random`` gives the aux bytes. Raises NotAMember."""
        self.public_key = bitcoin.xonly_of(secret)
        if self.public_key not in federation.keys:
            raise NotAMember(self.public_key)
        self._secret = secret
        self._random = random
        self._height = 0
        # Oldest first; the last one is in force.
        self._eras = [Era.of(federation, 0)]
        self._plans: list[tuple[int, Federation]] = []
        # Every federation output known, spent or not: a request may be repeated after it was signed.
        self._coins: dict[bitcoin.OutPoint, Coin] = {}

    @property
    def federation(self) -> Federation:
        """Who is in force."""
        return self._eras[-1].federation

    @property
    def height(self) -> int:
        """The sidechain's height, as far as it was heard of."""
        return self._height

    @property
    def eras(self) -> list[Era]:
        """Every federation that was in force so far, oldest first."""
        return list(self._eras)

    @property
    def plans(self) -> list[tuple[int, Federation]]:
        """What is to come, by height."""
        return list(self._plans)

    @property
    def coins(self) -> dict[bitcoin.OutPoint, int]:
        """A copy of the known federation outputs, in sats."""
        return {outpoint: coin.sats for outpoint, coin in self._coins.items()}

    def plan(self, federation: Federation, height: int) -> None:
        """A federation that will be in force from a height on; at once if that is reached already."""
        self._plans = sorted([*self._plans, (height, federation)], key=lambda plan: plan[0])
        self.advance(self._height)

    def advance(self, height: int) -> None:
        """The sidechain is at a height; one below a former is no news."""
        self._height = max(self._height, height)
        while self._plans and self._plans[0][0] <= self._height:
            at, federation = self._plans.pop(0)
            until = max(at, self._eras[-1].from_height) + OLD_ADDRESS_BLOCKS
            self._eras[-1] = msgspec.structs.replace(self._eras[-1], until_height=until)
            self._eras.append(Era.of(federation, at))

    def learn_deposit(self, txid: str, vout: int, sats: int, script: bytes = b"") -> bool:
        """Record a deposit; False when it was known already.

        ``txid`` is hex as displayed, in any case; ``script`` is what it paid to, nothing for the federation in force. Raises
        Refusal when it cannot be true, or when it contradicts what is known of the same output: then the first word stands.
        """
        if len(txid) != TXID_HEX_DIGITS or not _is_hex(txid):
            raise Refusal(Rule.IMPLAUSIBLE_DEPOSIT, f"txid {txid[:80]!r} is not 64 hex digits")
        if not 0 < sats <= COIN_SATS_MAX:
            raise Refusal(Rule.IMPLAUSIBLE_DEPOSIT, f"{sats} sats in one output")
        era = self._era_of(script) if script else self._eras[-1]
        if era is None:
            detail = f"{script.hex()[:80]} is no script of the federation"
            raise Refusal(Rule.IMPLAUSIBLE_DEPOSIT, detail)
        if era.until_height is not None and self._height > era.until_height:
            detail = f"deposits to it were taken until height {era.until_height}"
            raise Refusal(Rule.RETIRED_ADDRESS, detail)
        return self._learn(bitcoin.OutPoint(txid=txid.lower(), vout=vout), sats, era)

    def judge(self, tx_hex: str, input_indices: list[int], amounts: list[int]) -> Spend:
        """``examine`` and ``accept`` in one; raises Refusal. Judging twice is harmless."""
        spend = self.examine(tx_hex, input_indices, amounts)
        self.accept(spend)
        return spend

    def accept(self, spend: Spend) -> None:
        """Remember the change of what nobody found fault with; raises Refusal where this key is not asked for."""
        if self.public_key not in spend.keys:
            raise Refusal(Rule.NOT_OUR_KEY, f"{self.public_key.hex()} cannot sign every input")
        self._remember_change(spend.tx)

    def examine(self, tx_hex: str, input_indices: list[int], amounts: list[int]) -> Spend:
        """Check a request against what is known, and leave nothing behind; raises Refusal.

        ``input_indices`` must list all inputs in order, ``amounts`` (sats) must be what the signer derives itself.
        """
        tx = _parse(tx_hex)
        if input_indices != list(range(len(tx.inputs))):
            raise Refusal(
                Rule.INPUT_LIST,
                f"{str(input_indices)[:200]} does not list all {len(tx.inputs)} inputs in order",
            )
        outpoints = [txin.outpoint for txin in tx.inputs]
        if len(set(outpoints)) != len(outpoints):
            raise Refusal(Rule.INPUT_LIST, "one output is spent twice")
        coins = [self._coin_at(outpoint) for outpoint in outpoints]
        known = [coin.sats for coin in coins]
        if amounts != known:
            detail = f"{str(amounts)[:200]} sats given, {str(known)[:200]} sats known"
            raise Refusal(Rule.AMOUNT_MISMATCH, detail)
        if any(out.value < 0 for out in tx.outputs):
            raise Refusal(Rule.MALFORMED_TRANSACTION, "an output below zero")
        paid = sum(out.value for out in tx.outputs)
        if paid > sum(known):
            raise Refusal(Rule.VALUE_CREATED, f"{paid} sats out of {sum(known)} sats")
        prevouts = tuple(bitcoin.TxOut(value=one.sats, script=one.era.script) for one in coins)
        return Spend(tx=tx, prevouts=prevouts, eras=tuple(coin.era for coin in coins))

    def check_sweep(self, spend: Spend) -> None:
        """A sweep brings coins to the federation in force and nowhere else; raises Refusal."""
        if any(out.script != self._eras[-1].script for out in spend.tx.outputs):
            raise Refusal(Rule.NOT_A_SWEEP, "an output is not the present federation's")

    def sign(self, spend: Spend, wrong: bool = False) -> list[bytes]:
        """One 64-byte signature per input, in input order.

        ``wrong`` signs the hash of each message instead: a true signature of something else.
        """
        signatures = []
        for index in range(len(spend.tx.inputs)):
            message = spend.message(index)
            if wrong:
                message = hashlib.sha256(message).digest()
            aux = self._random.randbytes(AUX_BYTES)
            signatures.append(bitcoin.schnorr_sign(self._secret, message, aux))
        return signatures

    def attest(self, digest: bytes) -> bytes:
        """A 64-byte BIP340 signature of 32 bytes that are no transaction's: the caller tags what it hashes."""
        return bitcoin.schnorr_sign(self._secret, digest, self._random.randbytes(AUX_BYTES))

    def _era_of(self, script: bytes) -> Era | None:
        """The latest with this script, one that is planned included: its height may be news that is still on its way."""
        known = [*self._eras, *self._planned()]
        return next((era for era in reversed(known) if era.script == script), None)

    def _planned(self) -> list[Era]:
        return [Era.of(federation, height) for height, federation in self._plans]

    def _coin_at(self, outpoint: bitcoin.OutPoint) -> Coin:
        coin = self._coins.get(outpoint)
        if coin is None:
            raise Refusal(Rule.UNKNOWN_PREVOUT, outpoint.label)
        return coin

    def _remember_change(self, tx: bitcoin.Tx) -> None:
        txid = tx.txid
        for vout, out in enumerate(tx.outputs):
            era = self._era_of(out.script)
            if era is not None:
                self._learn(bitcoin.OutPoint(txid=txid, vout=vout), out.value, era)

    def _learn(self, outpoint: bitcoin.OutPoint, sats: int, era: Era) -> bool:
        known = self._coins.get(outpoint)
        if known is None:
            self._coins[outpoint] = Coin(sats=sats, era=era)
            return True
        if known.sats != sats or known.era.script != era.script:
            detail = f"{outpoint.label} has {known.sats} sats, not {sats}"
            if known.sats == sats:
                detail = f"{outpoint.label} was paid to another script of the federation"
            raise Refusal(Rule.CONFLICTING_DEPOSIT, detail)
        return False


def _parse(tx_hex: str) -> bitcoin.Tx:
    """The transaction; raises Refusal."""
    if len(tx_hex) > 2 * TX_BYTES_MAX:
        raise Refusal(Rule.MALFORMED_TRANSACTION, f"more than {TX_BYTES_MAX} bytes")
    if not tx_hex or not _is_hex(tx_hex):
        raise Refusal(Rule.MALFORMED_TRANSACTION, "tx_hex is not hex")
    try:
        tx = bitcoin.parse_tx(bytes.fromhex(tx_hex))
    except bitcoin.MalformedBitcoin as error:
        raise Refusal(Rule.MALFORMED_TRANSACTION, error.reason) from error
    if not tx.inputs:
        raise Refusal(Rule.MALFORMED_TRANSACTION, "no inputs")
    return tx


def _is_hex(text: str) -> bool:
    return len(text) % 2 == 0 and _HEX.fullmatch(text) is not None
