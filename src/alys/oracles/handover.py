"""Who holds the peg's coins, as the chain says and as its evidence proves: one federation after the other.

A consensus block may carry an announcement of another federation. It counts here only if as many of the members in force as their
threshold asks have signed it, which is checked with what this room knows itself: the announcement's bytes, BIP340, and the
script that its keys make. Everything is read from the blocks; the terms have the first federation's keys.
"""

import hashlib
from collections.abc import Sequence

import msgspec
from google.protobuf.message import DecodeError

from alys.oracles.causes import Cause, Equation
from alys.oracles.claims import Claim
from alys.oracles.statement import Violation
from alys.oracles.terms import NUMS_KEY, Terms
from alys.wire import bitcoin
from alys.wire.generated import governance_pb2 as pb

_TAG = hashlib.sha256(b"alys/federation-update").digest()
_KEY, _PAIR = 32, 96
_CHECKSIG, _CHECKSIGADD, _AT_LEAST = b"\xac", b"\xba", b"\xa2"


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """A federation and the first height of this chain at which it is in force."""

    script: bytes
    keys: tuple[bytes, ...]
    threshold: int
    from_height: int


class Holders:
    """Reads the canonical claims once, in order. The public attributes are its result."""

    def __init__(self, terms: Terms, claims: Sequence[Claim] = ()) -> None:
        self._old_address_blocks = terms.old_address_blocks
        first = [
            Holder(script=script, keys=(), threshold=0, from_height=terms.evm_genesis_number)
            for script in terms.federation_scripts
        ]
        first[-1] = msgspec.structs.replace(
            first[-1], keys=terms.federation_keys, threshold=terms.federation_threshold
        )
        self.known: list[Holder] = first
        """Oldest first; the last may not be in force yet."""
        self.violations: list[Violation] = []
        self.handovers = 0
        """Changes that their evidence proves."""
        for claim in claims:
            if claim.federation_update is not None:
                self._read(claim, claim.federation_update)

    def scripts(self) -> tuple[bytes, ...]:
        """Of all of them, in their order."""
        return tuple(dict.fromkeys(holder.script for holder in self.known))

    def moves_on(self, spent: Sequence[bytes], script: bytes) -> bool:
        """Whether outputs of these scripts, brought to this one, go to a later federation."""
        places = [n for n, holder in enumerate(self.known) if holder.script == script]
        if not places or not spent:
            return False
        return all(any(h.script == one for h in self.known[: places[-1]]) for one in spent)

    def takes(self, script: bytes, height: int) -> bool:
        """Whether a block of this height may credit a deposit to this script."""
        places = [n for n, holder in enumerate(self.known) if holder.script == script]
        if not places or height < self.known[places[-1]].from_height:
            return False
        return not self.over(script, height)

    def over(self, script: bytes, height: int) -> bool:
        """Whether no block from this height on may credit a deposit to this script."""
        places = [n for n, holder in enumerate(self.known) if holder.script == script]
        following = self.known[places[-1] + 1 :] if places else []
        if not following or not following[0].keys:
            return (
                False  # terms that name several scripts say nothing of when one followed the other
            )
        return height >= following[0].from_height + self._old_address_blocks

    def _read(self, claim: Claim, evidence: bytes) -> None:
        in_force = self.known[-1]
        if claim.height < in_force.from_height:
            self._complain(claim, "no other while one is to come", "a second announcement")
            return
        try:
            update = pb.FederationUpdate.FromString(evidence)
        except DecodeError as error:
            self._complain(claim, "an announcement", str(error))
            return
        signers = _signers(update) & set(in_force.keys)
        if not in_force.threshold or len(signers) < in_force.threshold:
            self._complain(claim, f"{in_force.threshold} members' signatures", len(signers))
            return
        keys = tuple(member.public_key for member in update.members if member.active)
        threshold = update.config.signature_threshold
        if not keys or not 2 * len(keys) <= 3 * threshold <= 3 * len(keys):
            self._complain(claim, "two thirds or more of the members", f"{threshold}/{len(keys)}")
            return
        self.handovers += 1
        self.known.append(
            Holder(
                script=_script(keys, threshold),
                keys=keys,
                threshold=threshold,
                from_height=max(update.effective_height, claim.height + 1),
            )
        )

    def _complain(self, claim: Claim, expected: object, actual: object) -> None:
        self.violations.append(
            Violation(
                Cause.FEDERATION_CHANGED_WITHOUT_WORD,
                Equation.BITCOIN,
                expected=expected,
                actual=actual,
                culprit=claim.root,
            )
        )


def _signers(update: pb.FederationUpdate) -> set[bytes]:
    """The keys whose signatures under the announcement hold, whoever they are."""
    bare = pb.FederationUpdate()
    bare.CopyFrom(update)
    bare.ClearField("update_signature")
    signed = hashlib.sha256(_TAG + _TAG + bare.SerializeToString(deterministic=True)).digest()
    raw = update.update_signature
    pairs = [raw[start : start + _PAIR] for start in range(0, len(raw), _PAIR)]
    return {
        pair[:_KEY] for pair in pairs if bitcoin.schnorr_verify(pair[:_KEY], signed, pair[_KEY:])
    }


def _script(keys: Sequence[bytes], threshold: int) -> bytes:
    """The taproot output (BIP341) with one leaf (BIP342) that so many of these keys can spend, and no key path."""
    leaf = b"".join(
        bytes([_KEY]) + key + (_CHECKSIGADD if n else _CHECKSIG) for n, key in enumerate(keys)
    )
    leaf += bytes([0x50 + threshold]) + _AT_LEAST
    return b"\x51\x20" + bitcoin.taproot_output(NUMS_KEY, leaf)[0]
