"""The peg's way out: from burn events to one Bitcoin transaction per block, its checks, its signatures.

The transaction is a function of the requests and of the federation's outputs, so producer and validators build the same one:

- inputs: those that ``coins`` selects, in that order, all with the replaceable sequence;
- outputs: one per request in event order, then the change, which is exactly inputs minus the sum requested (D22);
- fee: fee rate times virtual size of the *signed* transaction, borne by the payees alone: an equal share each, what the
  division leaves over by the first. Change that would be dust is no output; it lowers what the payees bear.

A request that no transaction can pay is refunded: ``settle`` decides for a whole block, totally: it never fails. Validators
settle again and compare the whole transaction, so there is no list of rules for a proposal beside the rules that build it.
"""

import enum
from collections.abc import Collection, Mapping, Sequence

import msgspec

from alys.base.errors import AlysError
from alys.base.units import Sats
from alys.chain import burns
from alys.chain.burns import PayoutRequest
from alys.chain.coins import DUST_SATS, InsufficientFunds, select_coins
from alys.chain.federation import Federation, NotEnoughSignatures
from alys.chain.peg import Refund, RefundReason
from alys.wire import bitcoin
from alys.wire.ethereum import PegOutEvent

TX_VERSION = 2
SEQUENCE_REPLACEABLE = 0xFFFFFFFD
"""Opts in to replacement (BIP125)."""

WEIGHT_MAX = 400_000
"""The heaviest transaction that Bitcoin nodes relay."""

SIGNATURE_BYTES = 64
"""BIP340 with the default signature hash: no trailing byte."""


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to all requests of one payload."""

    tx: bitcoin.Tx | None
    requests: tuple[PayoutRequest, ...]
    """Paid by the transaction's first outputs, in order."""
    refunds: tuple[Refund, ...]
    """In event order."""


class PayoutImpossible(AlysError):
    """No transaction can pay these requests; ``refund`` is the position of the one to be refunded instead."""

    reason: RefundReason

    def __init__(self, refund: int, sentence: str) -> None:
        super().__init__(sentence)
        self.refund = refund


class FeesExceedValue(PayoutImpossible):
    """A request's share of the fee leaves dust, or less."""

    reason = RefundReason.FEE_ABOVE_VALUE

    def __init__(self, sats: int, share: int, refund: int) -> None:
        super().__init__(refund, f"a request for {sats} sats cannot bear a fee of {share}")
        self.sats = sats
        self.share = share


class TransactionTooLarge(PayoutImpossible):
    """Signed, it would be heavier than nodes relay."""

    reason = RefundReason.TRANSACTION_TOO_LARGE

    def __init__(self, weight: int, refund: int) -> None:
        super().__init__(refund, f"weight {weight}, nodes relay at most {WEIGHT_MAX}")
        self.weight = weight


class PayoutRule(enum.StrEnum):
    """What a signed transaction in a block can break."""

    MALFORMED = "malformed"
    NOT_THE_PROPOSAL = "not-the-proposal"
    WITNESS = "witness"


class BadPayout(AlysError):
    """A payout transaction that breaks a rule; the producer's fault."""

    def __init__(self, rule: PayoutRule, detail: str) -> None:
        super().__init__(f"payout refused ({rule.value}): {detail}")
        self.rule = rule
        self.detail = detail


class SignatureRejected(AlysError):
    """A federation signature that does not count; the signer's fault. ``reason`` says why."""

    def __init__(self, input_index: int, key: bytes, reason: str) -> None:
        super().__init__(f"signature of {key.hex()} for input {input_index} rejected: {reason}")
        self.input_index = input_index
        self.key = key
        self.reason = reason


def settle(
    events: Sequence[PegOutEvent],
    utxos: Mapping[str, Sats],
    federation: Federation,
    *,
    network: str,
    minimum_sats: Sats,
    maximum_sats: Sats,
    fee_rate: int,
    former_scripts: Collection[bytes] = (),
) -> Settlement:
    """Answer every event of one payload: what can be paid is paid, the rest refunded.

    ``former_scripts`` are those of federations before and after this one: nobody is paid to them either.

    Where no transaction can pay all, one request at a time gives way: the one whose share of the fee is too high, else
    the last.
    """
    scripts = frozenset((federation.script_pubkey, *former_scripts))
    judged = [
        burns.judge(
            event,
            network=network,
            minimum_sats=minimum_sats,
            maximum_sats=maximum_sats,
            federation_scripts=scripts,
        )
        for event in events
    ]
    refunds = {n: found for n, found in enumerate(judged) if isinstance(found, Refund)}
    payable = {n: found for n, found in enumerate(judged) if isinstance(found, PayoutRequest)}
    tx: bitcoin.Tx | None = None
    while payable and tx is None:
        try:
            tx = build_payout(tuple(payable.values()), utxos, federation, fee_rate)
        except InsufficientFunds:
            position = max(payable)
            refunds[position] = payable.pop(position).refund(RefundReason.INSUFFICIENT_FUNDS)
        except PayoutImpossible as error:
            position = list(payable)[error.refund]
            refunds[position] = payable.pop(position).refund(error.reason)
    return Settlement(
        tx=tx,
        requests=tuple(payable.values()),
        refunds=tuple(refunds[n] for n in sorted(refunds)),
    )


def build_payout(
    requests: Sequence[PayoutRequest],
    utxos: Mapping[str, Sats],
    federation: Federation,
    fee_rate: int,
) -> bitcoin.Tx:
    """The unsigned transaction for these requests; fee rate in sats per virtual byte.

    Raises InsufficientFunds, FeesExceedValue or TransactionTooLarge, and ValueError for no requests.
    """
    if not requests:
        raise ValueError("nothing to pay")
    spent = select_coins(sum(request.sats for request in requests), utxos)
    return assemble(requests, spent, federation, fee_rate)


def signed_weight(tx: bitcoin.Tx, federation: Federation) -> int:
    """The weight that a payout will have with all its signatures, whoever signs."""
    stand_in = federation.witness(dict.fromkeys(federation.keys, bytes(SIGNATURE_BYTES)))
    return _with_witnesses(tx, [stand_in] * len(tx.inputs)).weight


def fee_of(tx: bitcoin.Tx, federation: Federation, fee_rate: int) -> Sats:
    """Fee rate times the virtual size when signed, which is a quarter of the weight, rounded up (BIP141)."""
    return Sats(-(-signed_weight(tx, federation) // 4) * fee_rate)


def fee_shares(burden: int, payees: int) -> tuple[int, ...]:
    """What each payee bears: equal shares, what the division leaves over on the first.

    Negative when dust change exceeds the fee: then payees get more than they asked for.
    """
    share, left = divmod(burden, payees)
    return (share + left, *[share] * (payees - 1))


def prevouts_of(input_sats: Sequence[Sats], federation: Federation) -> tuple[bitcoin.TxOut, ...]:
    """The spent outputs of a payout, from the amounts of its inputs: all are the federation's."""
    script = federation.script_pubkey
    return tuple(bitcoin.TxOut(value=sats, script=script) for sats in input_sats)


def sighashes(
    tx: bitcoin.Tx, prevouts: Sequence[bitcoin.TxOut], federation: Federation
) -> tuple[bytes, ...]:
    """What each federation member signs, one digest per input (BIP341 script path, default signature hash)."""
    script = federation.leaf_script
    return tuple(
        bitcoin.taproot_script_path_sighash(tx, index, prevouts, script)
        for index in range(len(tx.inputs))
    )


def check_signature(
    input_index: int, sighash: bytes, key: bytes, signature: bytes, federation: Federation
) -> None:
    """Raise SignatureRejected unless a member's signature over an input's digest verifies (BIP340)."""
    if key not in federation.keys:
        raise SignatureRejected(input_index, key, "not a key of the federation")
    if len(signature) != SIGNATURE_BYTES:
        raise SignatureRejected(input_index, key, f"{len(signature)} bytes, not {SIGNATURE_BYTES}")
    if not bitcoin.schnorr_verify(key, sighash, signature):
        raise SignatureRejected(input_index, key, "it does not verify")


def complete(
    tx: bitcoin.Tx,
    prevouts: Sequence[bitcoin.TxOut],
    federation: Federation,
    signatures: Sequence[Mapping[bytes, bytes]],
) -> bitcoin.Tx:
    """The signed transaction from one mapping of key to signature per input: exactly the threshold signs each.

    Signatures beyond the threshold are ignored, those used are verified. Raises SignatureRejected, NotEnoughSignatures,
    and ValueError when the mappings do not match the inputs.
    """
    if len(signatures) != len(tx.inputs):
        raise ValueError(f"signatures for {len(signatures)} of {len(tx.inputs)} inputs")
    digests = sighashes(tx, prevouts, federation)
    for index, (digest, given) in enumerate(zip(digests, signatures, strict=True)):
        for key in federation.signers(given):
            check_signature(index, digest, key, given[key], federation)
    return _with_witnesses(tx, [federation.witness(given) for given in signatures])


def check_signed(
    signed: bitcoin.Tx,
    proposal: bitcoin.Tx,
    prevouts: Sequence[bitcoin.TxOut],
    federation: Federation,
) -> None:
    """Raise BadPayout unless this is the proposal with exactly the threshold of valid signatures on every input."""
    if signed.txid != proposal.txid:
        raise BadPayout(PayoutRule.NOT_THE_PROPOSAL, f"{signed.txid}, not {proposal.txid}")
    given = [_signatures_in(txin.witness, federation) for txin in signed.inputs]
    try:
        completed = complete(proposal, prevouts, federation, given)
    except (SignatureRejected, NotEnoughSignatures) as error:
        raise BadPayout(PayoutRule.WITNESS, str(error)) from error
    if completed != signed:
        raise BadPayout(PayoutRule.WITNESS, "a witness is not in the one form that is ours")


def parse_proposal(raw: bytes) -> bitcoin.Tx:
    """The transaction in a block's bytes; raises BadPayout when there is none."""
    try:
        return bitcoin.parse_tx(raw)
    except bitcoin.MalformedBitcoin as error:
        raise BadPayout(PayoutRule.MALFORMED, str(error)) from error


def assemble(
    requests: Sequence[PayoutRequest],
    spent: Sequence[tuple[str, Sats]],
    federation: Federation,
    fee_rate: int,
) -> bitcoin.Tx:
    """The transaction that spends these coins for these requests; raises FeesExceedValue or TransactionTooLarge.

    At another rate it differs in what the payees get and in nothing else: the change does not depend on the fee.
    """
    change = sum(sats for _, sats in spent) - sum(request.sats for request in requests)
    kept = change if change > DUST_SATS else 0
    outputs = [bitcoin.TxOut(value=request.sats, script=request.script) for request in requests]
    if kept:
        outputs.append(bitcoin.TxOut(value=kept, script=federation.script_pubkey))
    draft = bitcoin.Tx(
        version=TX_VERSION,
        inputs=tuple(unsigned_input(key) for key, _ in spent),
        outputs=tuple(outputs),
        locktime=0,
    )
    weight = signed_weight(draft, federation)
    if weight > WEIGHT_MAX:
        raise TransactionTooLarge(weight, len(requests) - 1)
    shares = fee_shares(fee_of(draft, federation, fee_rate) - (change - kept), len(requests))
    return msgspec.structs.replace(draft, outputs=_after_fee(requests, outputs, shares))


def _after_fee(
    requests: Sequence[PayoutRequest], outputs: Sequence[bitcoin.TxOut], shares: Sequence[int]
) -> tuple[bitcoin.TxOut, ...]:
    """The outputs with each payee's share taken off; raises FeesExceedValue for what that leaves as dust."""
    paid: list[bitcoin.TxOut] = []
    for position, (request, share) in enumerate(zip(requests, shares, strict=True)):
        if request.sats - share <= DUST_SATS:
            raise FeesExceedValue(request.sats, share, position)
        paid.append(bitcoin.TxOut(value=request.sats - share, script=request.script))
    return (*paid, *outputs[len(requests) :])


def unsigned_input(key: str) -> bitcoin.TxIn:
    """An input that spends ``txid:vout``, replaceable, without its witness."""
    txid, _, vout = key.partition(":")
    return bitcoin.TxIn(
        outpoint=bitcoin.OutPoint(txid=txid, vout=int(vout)), sequence=SEQUENCE_REPLACEABLE
    )


def _signatures_in(witness: Sequence[bytes], federation: Federation) -> dict[bytes, bytes]:
    """The non-empty signatures of a witness stack by key; whatever else is in it shows when it is rebuilt."""
    stack = witness[: len(federation.keys)]
    by_key = zip(reversed(federation.keys), stack, strict=False)
    return {key: signature for key, signature in by_key if signature}


def _with_witnesses(tx: bitcoin.Tx, stacks: Sequence[tuple[bytes, ...]]) -> bitcoin.Tx:
    inputs = tuple(
        msgspec.structs.replace(txin, witness=stack)
        for txin, stack in zip(tx.inputs, stacks, strict=True)
    )
    return msgspec.structs.replace(tx, inputs=inputs)
