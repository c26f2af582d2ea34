"""What governance says of its own accord, until enough of the federation have said the same.

Every governance node signs what it announces with its own key. Words are counted by their digest, and **nothing is acted upon
before as many members of the federation in force as its threshold asks have signed them**: one node, or one stolen key, can
neither halt the chain nor change the federation. What is not signed, signed by nobody of the federation, or signed wrongly is
refused, counted, and the last reason shown. Who signed truly and is no member (yet) is remembered: when the federation changes,
all words are judged again.

A halt and its end carry a number, so that words which come again (a node repeats what stands to every stream that registers)
change nothing.
"""

from collections import OrderedDict

import msgspec

from alys.chain import federation_update
from alys.chain.federation import Federation
from alys.chain.federation_update import BadUpdate
from alys.node.orders import Halt, Proposal
from alys.wire import bitcoin
from alys.wire.enum_names import enum_name
from alys.wire.generated import governance_pb2 as pb

WORDS_KEPT = 100
"""Announcements that are counted at once; the oldest are forgotten, and heard again when their node registers again."""

PROPOSALS_KEPT = 100
HALT_PARAMETER = "emergency_halt"
IN_FORCE, LIFTED = "in force", "lifted"
NUMBER_PARAMETER = "number"
REASON_PARAMETER = "reason"
NUMBER_DIGITS_MAX = 18


class AnnouncementView(msgspec.Struct, frozen=True, kw_only=True):
    """What the node's RPC shows of announcements."""

    halted: bool
    halt_number: int
    reason: str
    waiting: tuple[tuple[str, int], ...]
    """Words that too few have signed, by digest: how many of the members have."""
    agreed: int
    """Words that were acted upon."""
    refused: int
    """Announcements that nothing can be made of."""
    last_refused: str


class _Words(msgspec.Struct, kw_only=True):
    """One announcement, and who signed it."""

    update: pb.FederationUpdate
    signatures: dict[bytes, bytes]
    agreed: bool = False


Order = Halt | bytes
"""A halt or its end; or evidence of a change of the federation."""


class Announcements:
    """Belongs to one Stream actor. Does no I/O."""

    def __init__(self, federation: Federation) -> None:
        self.federation = federation
        self.halt = Halt()
        """The last one that was acted upon; whoever loads a record sets it."""
        self.refused = 0
        self.last_refused = ""
        self.agreed = 0
        self._words: OrderedDict[bytes, _Words] = OrderedDict()
        self._proposals: OrderedDict[str, Proposal] = OrderedDict()

    def heard(self, said_by: str, update: pb.FederationUpdate) -> Order | None:
        """A node announces something; the order that is thereby given, if it is."""
        try:
            given = federation_update.pairs(update)
            self._sensible(update)
        except BadUpdate as error:
            self._refuse(said_by, error.detail)
            return None
        digest = federation_update.digest(update)
        words = self._words.setdefault(digest, _Words(update=update, signatures={}))
        self._words.move_to_end(digest)
        if len(self._words) > WORDS_KEPT:
            self._words.popitem(last=False)
        for key, signature in given:
            if not bitcoin.schnorr_verify(key, digest, signature):
                self._refuse(said_by, f"the signature of {key.hex()} does not verify")
                continue
            words.signatures[key] = signature
            if key not in self.federation.keys:
                self._refuse(said_by, f"{key.hex()} is no member of the federation")
        return self._order(words)

    def changed(self, federation: Federation) -> list[Order]:
        """Another federation is in force: what it has said already counts now, in the order of its coming."""
        if federation == self.federation:
            return []
        self.federation = federation
        found = [self._order(words) for words in list(self._words.values())]
        return [order for order in found if order is not None]

    def proposed(self, endpoint: int, told: pb.ProposalNotification) -> Proposal | None:
        """A node tells of a proposal; the proposal, when that is news."""
        known = self._proposals.get(told.proposal_id)
        proposal = Proposal(
            id=told.proposal_id,
            kind=enum_name(pb.ProposalType, told.proposal_type),
            data=told.proposal_data,
            voting_deadline=told.voting_deadline,
            required_votes=told.required_votes,
            endpoints=(endpoint,),
        )
        if known is not None and msgspec.structs.replace(known, endpoints=(endpoint,)) == proposal:
            endpoints = tuple(sorted({*known.endpoints, endpoint}))
            proposal = msgspec.structs.replace(proposal, endpoints=endpoints)
        if not proposal.id or proposal == known:
            return None
        self._proposals[proposal.id] = proposal
        if len(self._proposals) > PROPOSALS_KEPT:
            self._proposals.popitem(last=False)
        return proposal

    def view(self) -> AnnouncementView:
        """See AnnouncementView."""
        return AnnouncementView(
            halted=self.halt.in_force,
            halt_number=self.halt.number,
            reason=self.halt.reason,
            waiting=tuple(
                (digest.hex(), len(self.federation.signers(words.signatures)))
                for digest, words in self._words.items()
                if not words.agreed
            ),
            agreed=self.agreed,
            refused=self.refused,
            last_refused=self.last_refused,
        )

    def _sensible(self, update: pb.FederationUpdate) -> None:
        """Raises BadUpdate for what is neither a halt, nor the end of one, nor a change of the federation."""
        if _halt_of(update) is None:
            federation_update.change_of(update)

    def _order(self, words: _Words) -> Order | None:
        """What is to be done, now that so many have signed; each words are acted upon once."""
        signers = self.federation.signers(words.signatures)
        if words.agreed or len(signers) < self.federation.threshold:
            return None
        words.agreed = True
        halt = _halt_of(words.update)
        if halt is None:
            self.agreed += 1
            return federation_update.seal(words.update, words.signatures, self.federation)
        if halt.number <= self.halt.number:
            return None
        self.agreed += 1
        self.halt = halt
        return halt

    def _refuse(self, said_by: str, reason: str) -> None:
        self.refused += 1
        self.last_refused = f"{said_by}: {reason}"


def _halt_of(update: pb.FederationUpdate) -> Halt | None:
    """The halt or the end of one that an announcement is; None for what is neither."""
    parameters = update.config.parameters
    wanted = (
        IN_FORCE
        if update.update_type == pb.FEDERATION_UPDATE_TYPE_EMERGENCY_HALT
        else LIFTED
        if update.update_type == pb.FEDERATION_UPDATE_TYPE_CONFIG_CHANGE
        else None
    )
    if wanted is None or parameters.get(HALT_PARAMETER) != wanted:
        return None
    number = parameters.get(NUMBER_PARAMETER, "")
    digits = number.isascii() and number.isdigit() and len(number) <= NUMBER_DIGITS_MAX
    if not digits or not int(number):
        return None
    return Halt(
        number=int(number),
        in_force=wanted == IN_FORCE,
        reason=parameters.get(REASON_PARAMETER, ""),
    )
