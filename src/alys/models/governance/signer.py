"""One federation key and its judgement: which transactions it signs, and which it refuses.

The signer never takes an amount or a script from the one who asks. It knows the federation's coins
from two sources only: deposits it was told of (``learn_deposit``) and the change of transactions it
has found good (``judge``). From these it derives what each input spends, then signs every input: a
BIP340 signature over the BIP341/342 script-path message, SIGHASH_DEFAULT, all prevouts committed.
"""

import enum
import hashlib

import msgspec

from alys.base.errors import UsageError
from alys.base.prng import Random
from alys.models.governance.federation import Federation
from alys.wire import bitcoin

AUX_BYTES = 32
COIN_SATS_MAX = 21_000_000 * 100_000_000  # no output can hold more than all there will ever be
TXID_HEX_DIGITS = 64


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


class Spend(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction found good, with what each of its inputs spends, in input order."""

    tx: bitcoin.Tx
    prevouts: tuple[bitcoin.TxOut, ...]


class Signer:
    """The key, the federation it belongs to, and the coins it knows. Does no I/O."""

    def __init__(self, secret: bytes, federation: Federation, random: Random) -> None:
        """``secret`` is 32 bytes; ``random`` gives the aux bytes. Raises NotAMember."""
        self.public_key = bitcoin.xonly_of(secret)
        if self.public_key not in federation.keys:
            raise NotAMember(self.public_key)
        self.federation = federation
        self._secret = secret
        self._random = random
        self._leaf = federation.leaf_script()
        self._script = federation.output_script()
        # Every federation output known, spent or not: a request may be repeated after it was signed.
        self._coins: dict[bitcoin.OutPoint, int] = {}

    @property
    def coins(self) -> dict[bitcoin.OutPoint, int]:
        """A copy of the known federation outputs, in sats."""
        return dict(self._coins)

    def learn_deposit(self, txid: str, vout: int, sats: int) -> bool:
        """Record a deposit; False when it was known already.

        ``txid`` is hex as displayed, in any case. Raises Refusal when it cannot be true, or when it
        contradicts what is known of the same output: then the first word stands.
        """
        if len(txid) != TXID_HEX_DIGITS or not _is_hex(txid):
            raise Refusal(Rule.IMPLAUSIBLE_DEPOSIT, f"txid {txid!r} is not 64 hex digits")
        if not 0 < sats <= COIN_SATS_MAX:
            raise Refusal(Rule.IMPLAUSIBLE_DEPOSIT, f"{sats} sats in one output")
        return self._learn(bitcoin.OutPoint(txid=txid.lower(), vout=vout), sats)

    def judge(self, tx_hex: str, input_indices: list[int], amounts: list[int]) -> Spend:
        """Check a request against what is known, and remember the change; raises Refusal.

        ``input_indices`` must list all inputs in order, ``amounts`` (sats) must be what the signer
        derives itself. Judging twice is harmless.
        """
        tx = _parse(tx_hex)
        if input_indices != list(range(len(tx.inputs))):
            raise Refusal(
                Rule.INPUT_LIST,
                f"{input_indices} does not list all {len(tx.inputs)} inputs in order",
            )
        outpoints = [txin.outpoint for txin in tx.inputs]
        if len(set(outpoints)) != len(outpoints):
            raise Refusal(Rule.INPUT_LIST, "one output is spent twice")
        known = [self._amount_of(outpoint) for outpoint in outpoints]
        if amounts != known:
            raise Refusal(Rule.AMOUNT_MISMATCH, f"{amounts} sats given, {known} sats known")
        if any(out.value < 0 for out in tx.outputs):
            raise Refusal(Rule.MALFORMED_TRANSACTION, "an output below zero")
        paid = sum(out.value for out in tx.outputs)
        if paid > sum(known):
            raise Refusal(Rule.VALUE_CREATED, f"{paid} sats out of {sum(known)} sats")
        self._remember_change(tx)
        prevouts = tuple(bitcoin.TxOut(value=sats, script=self._script) for sats in known)
        return Spend(tx=tx, prevouts=prevouts)

    def sign(self, spend: Spend, wrong: bool = False) -> list[bytes]:
        """One 64-byte signature per input, in input order.

        ``wrong`` signs the hash of each message instead: a true signature of something else.
        """
        signatures = []
        for index in range(len(spend.tx.inputs)):
            message = bitcoin.taproot_script_path_sighash(
                spend.tx, index, spend.prevouts, self._leaf
            )
            if wrong:
                message = hashlib.sha256(message).digest()
            aux = self._random.randbytes(AUX_BYTES)
            signatures.append(bitcoin.schnorr_sign(self._secret, message, aux))
        return signatures

    def _amount_of(self, outpoint: bitcoin.OutPoint) -> int:
        sats = self._coins.get(outpoint)
        if sats is None:
            raise Refusal(Rule.UNKNOWN_PREVOUT, outpoint.label)
        return sats

    def _remember_change(self, tx: bitcoin.Tx) -> None:
        txid = tx.txid
        for vout, out in enumerate(tx.outputs):
            if out.script == self._script:
                self._learn(bitcoin.OutPoint(txid=txid, vout=vout), out.value)

    def _learn(self, outpoint: bitcoin.OutPoint, sats: int) -> bool:
        known = self._coins.get(outpoint)
        if known is None:
            self._coins[outpoint] = sats
            return True
        if known != sats:
            detail = f"{outpoint.label} has {known} sats, not {sats}"
            raise Refusal(Rule.CONFLICTING_DEPOSIT, detail)
        return False


def _parse(tx_hex: str) -> bitcoin.Tx:
    """The transaction; raises Refusal."""
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
    return len(text) % 2 == 0 and all(c in "0123456789abcdefABCDEF" for c in text)
