"""A change of the federation as evidence: the announcement of governance, signed by as many of the old federation as its threshold asks.

The evidence is a serialised ``governance.v1.FederationUpdate``. What the protocol leaves open is laid down here:

- ``members`` is the whole federation as it will be; the active ones, in order, are its keys (x-only, 32 bytes);
- ``update_signature`` is a list of pairs, 32 bytes of key and 64 of a BIP340 signature over ``digest``, without separators. A
  governance node sends its own pair; evidence has exactly the threshold of them, in the order of the old federation's keys, so
  that equal announcements make equal evidence;
- the threshold is at most the number of active members and at least two thirds of them.
"""

import enum
import hashlib
from collections.abc import Mapping

import msgspec
from google.protobuf.message import DecodeError

from alys.base.errors import AlysError
from alys.chain import slots
from alys.chain.federation import Federation
from alys.wire import bitcoin
from alys.wire.generated import governance_pb2 as pb

TAG = b"alys/federation-update"
KEY_BYTES = 32
PAIR_BYTES = KEY_BYTES + 64
EVIDENCE_BYTES_MAX = 16_384
"""Far above a federation of sixteen with all its signatures."""

EFFECTIVE_AHEAD_MAX = 1_000_000
"""How far ahead of its block an update may take effect: three weeks at two seconds each."""

CHANGES = frozenset(
    {
        pb.FEDERATION_UPDATE_TYPE_MEMBER_ADD,
        pb.FEDERATION_UPDATE_TYPE_MEMBER_REMOVE,
        pb.FEDERATION_UPDATE_TYPE_CONFIG_CHANGE,
    }
)


class UpdateRule(enum.StrEnum):
    """What an update can break."""

    MALFORMED = "malformed"
    NOT_CANONICAL = "not-canonical"
    KIND = "kind"
    """It is no change of the federation: a halt, or nothing that is known."""
    MEMBERS = "members"
    THRESHOLD = "threshold"
    SIGNATURE = "signature"
    HEIGHT = "effective-height"
    NO_CHANGE = "no-change"
    """The federation is as it says already."""
    PENDING = "pending"
    """Another one has not taken effect yet."""


class BadUpdate(AlysError):
    """An update that is not to be acted upon; whoever sent it is at fault, or late."""

    def __init__(self, rule: UpdateRule, detail: str) -> None:
        super().__init__(f"federation update refused ({rule.value}): {detail}")
        self.rule = rule
        self.detail = detail


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What sound evidence says."""

    federation: Federation
    effective_height: int


def digest(update: pb.FederationUpdate) -> bytes:
    """What the signatures sign: the BIP340 tagged hash of the update without them, fields and map keys in order."""
    bare = pb.FederationUpdate()
    bare.CopyFrom(update)
    bare.ClearField("update_signature")
    tag = hashlib.sha256(TAG).digest()
    return hashlib.sha256(tag + tag + bare.SerializeToString(deterministic=True)).digest()


def pairs(update: pb.FederationUpdate) -> tuple[tuple[bytes, bytes], ...]:
    """Keys and signatures as they stand there, not verified; raises BadUpdate for bytes that are none."""
    raw = update.update_signature
    if not raw or len(raw) % PAIR_BYTES:
        raise BadUpdate(UpdateRule.SIGNATURE, f"{len(raw)} bytes, no multiple of {PAIR_BYTES}")
    starts = range(0, len(raw), PAIR_BYTES)
    return tuple(
        (raw[start : start + KEY_BYTES], raw[start + KEY_BYTES : start + PAIR_BYTES])
        for start in starts
    )


def seal(
    update: pb.FederationUpdate, signatures: Mapping[bytes, bytes], federation: Federation
) -> bytes:
    """Evidence from an announcement and the signatures of the federation that it changes; raises BadUpdate
    when they are too few."""
    chosen = federation.signers(signatures)
    if len(chosen) < federation.threshold:
        raise BadUpdate(
            UpdateRule.SIGNATURE, f"{len(chosen)} signatures, {federation.threshold} are needed"
        )
    sealed = pb.FederationUpdate()
    sealed.CopyFrom(update)
    sealed.update_signature = b"".join(key + signatures[key] for key in chosen)
    return sealed.SerializeToString(deterministic=True)


def read(evidence: bytes, federation: Federation) -> Change:
    """The change that evidence proves to be the will of ``federation``; raises BadUpdate."""
    update = parse(evidence)
    change = change_of(update)
    _check_signatures(update, federation)
    if change.federation == federation:
        raise BadUpdate(UpdateRule.NO_CHANGE, "the federation is that one already")
    return change


def parse(evidence: bytes) -> pb.FederationUpdate:
    """The message in evidence, which has one encoding only; raises BadUpdate."""
    if len(evidence) > EVIDENCE_BYTES_MAX:
        raise BadUpdate(
            UpdateRule.MALFORMED, f"{len(evidence)} bytes, at most {EVIDENCE_BYTES_MAX}"
        )
    try:
        update = pb.FederationUpdate.FromString(evidence)
    except DecodeError as error:
        raise BadUpdate(UpdateRule.MALFORMED, str(error)) from error
    if update.SerializeToString(deterministic=True) != evidence:
        raise BadUpdate(UpdateRule.NOT_CANONICAL, "it would be encoded otherwise")
    return update


def change_of(update: pb.FederationUpdate) -> Change:
    """What an announcement wants, whoever signed it; raises BadUpdate where that makes no federation."""
    if update.update_type not in CHANGES:
        raise BadUpdate(UpdateRule.KIND, f"type {update.update_type} changes no federation")
    keys = tuple(member.public_key for member in update.members if member.active)
    threshold = update.config.signature_threshold
    if update.config.member_count != len(keys):
        raise BadUpdate(
            UpdateRule.MEMBERS, f"{len(keys)} are active, it says {update.config.member_count}"
        )
    if not keys:
        raise BadUpdate(UpdateRule.MEMBERS, "none is active")
    if not slots.quorum(len(keys)) <= threshold <= len(keys):
        raise BadUpdate(UpdateRule.THRESHOLD, f"{threshold} of {len(keys)}")
    try:
        wanted = Federation(keys=keys, threshold=threshold)
    except ValueError as error:
        raise BadUpdate(UpdateRule.MEMBERS, str(error)) from error
    if not 0 <= update.effective_height < 1 << 63:
        raise BadUpdate(UpdateRule.HEIGHT, str(update.effective_height))
    return Change(federation=wanted, effective_height=update.effective_height)


def _check_signatures(update: pb.FederationUpdate, federation: Federation) -> None:
    """Exactly the threshold of the federation's members have signed, in the order of its keys."""
    given = pairs(update)
    keys = [key for key, _ in given]
    signers = [key for key in federation.keys if key in keys]
    if keys != signers or len(keys) != federation.threshold:
        raise BadUpdate(
            UpdateRule.SIGNATURE,
            f"{len(signers)} of the federation's members in {len(keys)} signatures, "
            f"exactly {federation.threshold} in its order are needed",
        )
    signed = digest(update)
    for key, signature in given:
        if not bitcoin.schnorr_verify(key, signed, signature):
            raise BadUpdate(UpdateRule.SIGNATURE, f"that of {key.hex()} does not verify")
