"""What governance tells the nodes of its own accord: changes of the federation, proposals, an emergency halt and its end.

Each is checked before it leaves, goes to every registered stream, and again to a stream that registers while it still matters: the last
halt or its end, a change of the federation until the next one is in force, a proposal until its vote is over.

The protocol leaves three things open, which are laid down here:

- ``members`` is the federation as it will be, not the difference; the keys are x-only.
- ``update_signature`` is 32 bytes of key and 64 of a BIP340 signature over ``update_digest``, by the node that sends the update.
- a halt has no opposite: it is lifted by a CONFIG_CHANGE with the parameter ``emergency_halt`` = ``lifted``.
- halts and their ends take effect at once (``effective_height`` 0) and are counted by the parameter ``number``, so that one cannot be
  said twice, and that the words of several nodes are the same words.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec
from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import Message

from alys.base.errors import UsageError
from alys.models.governance.federation import BadFederation, Federation
from alys.models.governance.signer import Signer
from alys.wire.enum_names import enum_name
from alys.wire.generated import governance_pb2 as pb

M = TypeVar("M", bound=Message)

UPDATE_TAG = b"alys/federation-update"
HALT_PARAMETER = "emergency_halt"
IN_FORCE = "in force"
LIFTED = "lifted"
REASON_PARAMETER = "reason"
NUMBER_PARAMETER = "number"
STANDING_MAX = 100  # of each kind; the oldest go first
HEIGHT_MAX = 2**63 - 1

VERBS = ("federation_update", "proposal", "emergency_halt", "resume")


class BadAnnouncement(UsageError):
    """What was to be pushed is not as the proto or the federation wants it; nothing was sent."""


class Announcement(msgspec.Struct, kw_only=True):
    """One that was sent, and to how many."""

    number: int
    """The how manieth of this node."""
    verb: str
    payload: pb.FederationUpdate | pb.ProposalNotification
    pushed: int = 0
    """Registered streams that it went to when it was made."""
    repeated: int = 0
    """Streams that registered later and got it then."""

    @property
    def request_id(self) -> str:
        """Its id on the wire; nobody asked, so it is this node's own."""
        return f"push:{self.number}:{self.verb}"

    def response(self, metadata: pb.ResponseMetadata) -> pb.StreamResponse:
        """As it goes on a stream."""
        if isinstance(self.payload, pb.ProposalNotification):
            return pb.StreamResponse(metadata=metadata, proposal_notification=self.payload)
        return pb.StreamResponse(metadata=metadata, federation_update=self.payload)


class Announcements:
    """Makes them, and knows which of them still stand."""

    def __init__(self, signer: Signer, now: Callable[[], float]) -> None:
        self.halted = False
        self._signer = signer
        self._now = now
        self._made = 0
        self._updates: list[Announcement] = []
        self._halt: Announcement | None = None
        #: The number of the last halt or end of one.
        self._halts = 0
        self._proposals: dict[str, Announcement] = {}
        self._sent: list[Announcement] = []

    def make(self, wanted: Mapping[str, Any]) -> Announcement:
        """``{verb: fields}``, the fields in protobuf's JSON form; the signer and the halt follow. Raises BadAnnouncement."""
        verbs = [verb for verb in wanted if verb in VERBS]
        if len(wanted) != 1 or not verbs:
            raise BadAnnouncement(f"push one of {', '.join(VERBS)}, not {sorted(wanted)}")
        verb, fields = verbs[0], wanted[verbs[0]]
        if not isinstance(fields, Mapping):
            raise BadAnnouncement(f"{verb} must be an object with the fields of the proto")
        match verb:
            case "federation_update":
                payload: pb.FederationUpdate | pb.ProposalNotification = self._update(fields)
            case "proposal":
                payload = self._proposal(fields)
            case "emergency_halt":
                payload = self._halting(fields)
            case _:
                payload = self._resuming(fields)
        self._made += 1
        made = Announcement(number=self._made, verb=verb, payload=payload)
        self._sent = [*self._sent, made][-STANDING_MAX:]
        self._follow(made)
        return made

    def standing(self) -> list[Announcement]:
        """Those that a stream which registers now has to know, in the order they were made."""
        now, height = self._now(), self._signer.height
        for name, one in list(self._proposals.items()):
            if isinstance(one.payload, pb.ProposalNotification) and (
                one.payload.voting_deadline <= now
            ):
                del self._proposals[name]
        reached = [one for one in self._updates if _height(one) <= height]
        self._updates = [*reached[-1:], *(one for one in self._updates if _height(one) > height)]
        halt = [self._halt] if self._halt is not None else []
        made = [*self._updates, *self._proposals.values(), *halt]
        return sorted(made, key=lambda one: one.number)

    def view(self) -> dict[str, object]:
        """As JSON values."""
        return {
            "halted": self.halted,
            "standing": [one.request_id for one in self.standing()],
            "sent": [
                {
                    "request_id": one.request_id,
                    "verb": one.verb,
                    "pushed": one.pushed,
                    "repeated": one.repeated,
                }
                for one in self._sent
            ],
        }

    def _update(self, fields: Mapping[str, Any]) -> pb.FederationUpdate:
        update = parsed(fields, pb.FederationUpdate())
        kind = enum_name(pb.FederationUpdateType, update.update_type)
        if update.update_type == pb.FEDERATION_UPDATE_TYPE_UNSPECIFIED or kind.isdigit():
            raise BadAnnouncement(f"update_type {kind}: name one of the proto's")
        if update.update_type == pb.FEDERATION_UPDATE_TYPE_EMERGENCY_HALT:
            raise BadAnnouncement("a halt is pushed as emergency_halt")
        if not self._signer.height <= update.effective_height <= HEIGHT_MAX:
            raise BadAnnouncement(
                f"effective_height {update.effective_height}: the sidechain is at {self._signer.height} already"
            )
        if not update.members:
            if update.update_type != pb.FEDERATION_UPDATE_TYPE_CONFIG_CHANGE:
                raise BadAnnouncement(f"{kind} needs members: the whole federation as it will be")
            update.members.extend(self._members())
        self._check(update)
        return self._attested(update)

    def _check(self, update: pb.FederationUpdate) -> None:
        """Whether the members and the threshold make a federation; what was left out is filled in."""
        active = [member for member in update.members if member.active]
        if not update.config.signature_threshold:
            update.config.signature_threshold = self._signer.federation.threshold
        if not update.config.member_count:
            update.config.member_count = len(active)
        if update.config.member_count != len(active):
            raise BadAnnouncement(
                f"member_count {update.config.member_count}, but {len(active)} members are active"
            )
        try:
            _federation(update)
        except BadFederation as error:
            raise BadAnnouncement(str(error)) from error

    def _halting(self, fields: Mapping[str, Any]) -> pb.FederationUpdate:
        return self._about_a_halt(pb.FEDERATION_UPDATE_TYPE_EMERGENCY_HALT, IN_FORCE, fields)

    def _resuming(self, fields: Mapping[str, Any]) -> pb.FederationUpdate:
        _halt_fields(fields, self._halts)
        if not self.halted:
            raise BadAnnouncement("nothing is halted")
        return self._about_a_halt(pb.FEDERATION_UPDATE_TYPE_CONFIG_CHANGE, LIFTED, fields)

    def _about_a_halt(
        self, kind: pb.FederationUpdateType.ValueType, state: str, fields: Mapping[str, Any]
    ) -> pb.FederationUpdate:
        reason, number = _halt_fields(fields, self._halts)
        federation = self._signer.federation
        parameters = {HALT_PARAMETER: state, NUMBER_PARAMETER: str(number)}
        if reason:
            parameters[REASON_PARAMETER] = reason
        update = pb.FederationUpdate(
            update_type=kind,
            members=self._members(),
            config=pb.FederationConfig(
                signature_threshold=federation.threshold,
                member_count=len(federation.keys),
                parameters=parameters,
            ),
        )
        return self._attested(update)

    def _proposal(self, fields: Mapping[str, Any]) -> pb.ProposalNotification:
        proposal = parsed(fields, pb.ProposalNotification())
        kind = enum_name(pb.ProposalType, proposal.proposal_type)
        members = len(self._signer.federation.keys)
        if not proposal.proposal_id:
            raise BadAnnouncement("a proposal has a proposal_id")
        if proposal.proposal_type == pb.PROPOSAL_TYPE_UNSPECIFIED or kind.isdigit():
            raise BadAnnouncement(f"proposal_type {kind}: name one of the proto's")
        if proposal.voting_deadline <= self._now():
            raise BadAnnouncement(f"voting_deadline {proposal.voting_deadline} is past")
        if not 1 <= proposal.required_votes <= members:
            raise BadAnnouncement(
                f"required_votes {proposal.required_votes}: between 1 and {members}"
            )
        return proposal

    def _follow(self, made: Announcement) -> None:
        """What this node does itself with what it announces."""
        if isinstance(made.payload, pb.ProposalNotification):
            self._proposals.pop(made.payload.proposal_id, None)
            self._proposals[made.payload.proposal_id] = made
            if len(self._proposals) > STANDING_MAX:
                del self._proposals[next(iter(self._proposals))]
        elif made.verb == "federation_update":
            self._signer.plan(_federation(made.payload), made.payload.effective_height)
            self._updates = [*self._updates, made][-STANDING_MAX:]
        else:
            self._halts = int(made.payload.config.parameters[NUMBER_PARAMETER])
            self.halted = made.verb == "emergency_halt"
            self._halt = made  # its end stands too: who was away must hear of that as well

    def _members(self) -> list[pb.FederationMember]:
        """The federation in force, as the proto has members."""
        return [
            pb.FederationMember(member_id=f"member-{number}", public_key=key, weight=1, active=True)
            for number, key in enumerate(self._signer.federation.keys, start=1)
        ]

    def _attested(self, update: pb.FederationUpdate) -> pb.FederationUpdate:
        """With this node's signature; one that is there already stays, whatever it is worth."""
        if not update.update_signature:
            signature = self._signer.attest(update_digest(update))
            update.update_signature = self._signer.public_key + signature
        return update


def update_digest(update: pb.FederationUpdate) -> bytes:
    """What ``update_signature`` signs: the BIP340 tagged hash of the update without it, fields and map keys in order."""
    bare = pb.FederationUpdate()
    bare.CopyFrom(update)
    bare.ClearField("update_signature")
    tag = hashlib.sha256(UPDATE_TAG).digest()
    return hashlib.sha256(tag + tag + bare.SerializeToString(deterministic=True)).digest()


def parsed(fields: Mapping[str, Any], into: M) -> M:
    """The message with these fields, by the proto's names or in camel case, bytes in base64. Raises BadAnnouncement."""
    try:
        return ParseDict(dict(fields), into)
    except (ParseError, ValueError, TypeError, AttributeError) as error:
        raise BadAnnouncement(str(error)) from error


def _federation(update: pb.FederationUpdate) -> Federation:
    """The federation that an update makes; raises BadFederation."""
    keys = [member.public_key for member in update.members if member.active]
    return Federation.of(keys, update.config.signature_threshold)


def _height(one: Announcement) -> int:
    return one.payload.effective_height if isinstance(one.payload, pb.FederationUpdate) else 0


def _halt_fields(fields: Mapping[str, Any], made: int) -> tuple[str, int]:
    """Reason and number of a halt or of its end; without a number it is the next one of this node."""
    unknown = [name for name in fields if name not in (REASON_PARAMETER, NUMBER_PARAMETER)]
    reason = fields.get(REASON_PARAMETER, "")
    number = fields.get(NUMBER_PARAMETER, made + 1)
    if unknown or not isinstance(reason, str):
        raise BadAnnouncement(
            f"only a reason, as text, and a number, not {sorted(map(str, fields))}"
        )
    if not isinstance(number, int) or not made < number <= HEIGHT_MAX:
        raise BadAnnouncement(f"number {number!r}: this node's last one was {made}")
    return reason, number
