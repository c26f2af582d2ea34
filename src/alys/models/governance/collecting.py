"""Signature requests, from the asking to the last answer.

::

    PENDING -> PARTIAL -> COMPLETE
        \\_________\\____-> TIMEOUT          FAILED: at once, or when what was waited for turns out to break a rule

A request that can be decided is answered once: PARTIAL with this node's witness, COMPLETE when as many as are required are held,
FAILED with the rule that it breaks. One that **has time** may be answered several times, always under its id: PENDING while the
node has to learn something first (an output it was not told of, the end of a halt), PARTIAL for every further witness, and at the end
COMPLETE, or TIMEOUT with those that are held. A request has time if its ``timeout_seconds`` says so; to a node with peers, which
may yet hear of witnesses, it has ``COLLECTION_SECONDS`` if it says nothing.

What was signed under an id is remembered and signed once, whatever stream it comes in on.
"""

import hashlib
from collections.abc import Callable
from typing import TypeVar

import msgspec

from alys.models.governance.faults import Faults
from alys.models.governance.limits import Limits
from alys.models.governance.replies import Replies
from alys.models.governance.signer import Refusal, Rule, Signer, Spend
from alys.models.governance.witnesses import Witness, Witnesses, as_data
from alys.wire.generated import governance_pb2 as pb

T = TypeVar("T")

COLLECTION_SECONDS = 300.0  # the protocol's own bound on the collection of signatures
RECORDS_MAX = 10_000  # signatures and refusals kept; the oldest go first
RETRY_SECONDS = 1

WAITING_RULES = frozenset({Rule.UNKNOWN_PREVOUT, Rule.HALTED})
"""What may be otherwise later, without the asker doing anything."""


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """One answered signature request, as ``state`` shows it."""

    request_id: str
    txid: str
    inputs: int
    wrong: bool
    """Made wrong on purpose, by a fault."""


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """One refused request, as ``state`` shows it."""

    request_id: str
    rule: str
    reason: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What this node signed under a request id, and the digest of the request it was for."""

    request_digest: bytes
    spend: Spend
    witness: Witness


class Waiting(msgspec.Struct, kw_only=True):
    """A request that has time."""

    connection_id: str
    request: pb.StreamRequest
    digest: bytes
    deadline: float
    told: int = -1
    """How many witnesses the last answer had; -1 after PENDING."""


class Collecting:
    """The open and the answered requests of one node."""

    def __init__(
        self,
        signer: Signer,
        witnesses: Witnesses,
        faults: Faults,
        replies: Replies,
        limits: Limits,
        now: Callable[[], float],
    ) -> None:
        self.halted = False
        """Nothing is signed meanwhile."""
        self._signer = signer
        self._witnesses = witnesses
        self._faults = faults
        self._replies = replies
        self._limits = limits
        self._now = now
        self._answers: dict[str, Answer] = {}
        self._waiting: dict[tuple[str, str], Waiting] = {}
        self._signed: list[Signed] = []
        self._refused: list[Refused] = []
        self._statuses = dict.fromkeys(pb.SignatureStatus.keys()[1:], 0)  # no mapping

    def asked(self, connection_id: str, request: pb.StreamRequest) -> list[pb.StreamResponse]:
        """A request comes in; what can be said at once."""
        key = (connection_id, request.metadata.request_id)
        problem = self._problem(connection_id, request)
        if problem is not None:
            return [problem]
        waiting = Waiting(
            connection_id=connection_id,
            request=request,
            digest=_digest(request.signature_request),
            deadline=self._now() + self._seconds(connection_id, request.signature_request),
        )
        earlier = self._waiting.pop(key, None)
        if earlier is not None and earlier.digest != waiting.digest:
            self._waiting[key] = earlier
            reused = Refusal(Rule.REQUEST_REUSED, "another request waits under this id")
            return [self._failed(waiting, reused)]
        known = request.metadata.request_id in self._answers
        response = self._first_answer(waiting)
        if response is None:
            return []
        answer = self._answers.get(request.metadata.request_id)
        if answer is not None and not known and self._faults.hits("equivocate"):
            return [response, self._composed(waiting, self._sign(waiting, answer.spend))]
        if waiting.deadline > self._now() and response.signature_response.status not in FINAL:
            self._waiting[key] = waiting
        return [response]

    def look_again(self) -> list[tuple[str, pb.StreamResponse]]:
        """Something was learnt: what can be said now to requests that wait, by connection."""
        said = []
        for key, waiting in list(self._waiting.items()):
            response = self._further(waiting)
            if response is not None:
                said.append((waiting.connection_id, response))
            if response is not None and response.signature_response.status in FINAL:
                self._waiting.pop(key, None)
        return said

    def expire(self) -> list[tuple[str, pb.StreamResponse]]:
        """The answers to requests whose time is over."""
        now = self._now()
        over = [one for one in self._waiting.items() if one[1].deadline <= now]
        for key, _ in over:
            del self._waiting[key]
        return [(waiting.connection_id, self._timed_out(waiting)) for _, waiting in over]

    @property
    def waiting(self) -> int:
        """How many requests wait for more."""
        return len(self._waiting)

    @property
    def next_deadline(self) -> float | None:
        """When the next request's time is over, on the node's clock."""
        return min((waiting.deadline for waiting in self._waiting.values()), default=None)

    def gone(self, connection_id: str) -> None:
        """A stream has ended: nobody waits on it any more."""
        for key in [key for key in self._waiting if key[0] == connection_id]:
            del self._waiting[key]

    def note_refusal(self, request_id: str, refusal: Refusal) -> None:
        """Keep a refusal for ``view``."""
        record = Refused(request_id=request_id, rule=refusal.rule.value, reason=refusal.detail)
        _append(self._refused, record)

    def view(self) -> dict[str, object]:
        """As JSON values."""
        return {
            "signed": msgspec.to_builtins(self._signed),
            "refused": msgspec.to_builtins(self._refused),
            "waiting": [request_id for _, request_id in self._waiting],
            "answered": dict(self._statuses),
        }

    def _seconds(self, connection_id: str, asked: pb.SignatureRequest) -> float:
        """How long a request waits for more; one that did not ask for it does not where there is no room."""
        if asked.timeout_seconds > 0:
            return min(float(asked.timeout_seconds), COLLECTION_SECONDS)
        waits = bool(self._witnesses.peers) and not self._full(connection_id)
        return COLLECTION_SECONDS if waits else 0.0

    def _problem(self, connection_id: str, request: pb.StreamRequest) -> pb.StreamResponse | None:
        """The error to what is no request, or one too many."""
        asked, request_id = request.signature_request, request.metadata.request_id
        if not request_id:
            return self._replies.error(request, pb.ERROR_CODE_INVALID_REQUEST, "no request_id")
        if asked.timeout_seconds < 0:
            reason = f"timeout_seconds is {asked.timeout_seconds}"
            return self._replies.error(request, pb.ERROR_CODE_INVALID_REQUEST, reason)
        again = (connection_id, request_id) in self._waiting
        if asked.timeout_seconds == 0 or again or not self._full(connection_id):
            return None
        reason = f"{self._limits.waiting_requests} signature requests of this stream wait already"
        code = pb.ERROR_CODE_RATE_LIMITED
        return self._replies.error(request, code, reason, retry_after_seconds=RETRY_SECONDS)

    def _full(self, connection_id: str) -> bool:
        held = sum(1 for other, _ in self._waiting if other == connection_id)
        return held >= self._limits.waiting_requests

    def _first_answer(self, waiting: Waiting) -> pb.StreamResponse | None:
        try:
            answer = self._own(waiting, asked_now=True)
        except Refusal as refusal:
            if waiting.deadline > self._now() and refusal.rule in WAITING_RULES:
                return self._pending(waiting, refusal)
            return self._failed(waiting, refusal)
        return None if answer is None else self._composed(waiting, answer)

    def _further(self, waiting: Waiting) -> pb.StreamResponse | None:
        """The next answer to a request that waits, if there is more to say than the last time."""
        try:
            answer = self._own(waiting, asked_now=False)
        except Refusal as refusal:
            return None if refusal.rule in WAITING_RULES else self._failed(waiting, refusal)
        if answer is None or len(self._together(answer)) == waiting.told:
            return None
        return self._composed(waiting, answer)

    def _own(self, waiting: Waiting, *, asked_now: bool) -> Answer | None:
        """This node's part, remembered or made now; None when it is told to say nothing. Raises Refusal.

        Only signatures are remembered: a refusal may turn into an answer once more is known.
        """
        request_id, asked = waiting.request.metadata.request_id, waiting.request.signature_request
        earlier = self._answers.get(request_id)
        if earlier is not None:
            if earlier.request_digest != waiting.digest:
                raise Refusal(Rule.REQUEST_REUSED, "this id was answered for another request")
            if not asked_now or not self._faults.hits("equivocate"):
                return earlier
        spend = self._judge(asked)
        if self._faults.hits("refuse_signing"):
            raise Refusal(Rule.TOLD_TO_REFUSE, "the fault refuse_signing is on")
        if self._faults.hits("ignore_signing"):
            return None
        return self._sign(waiting, spend)

    def _judge(self, asked: pb.SignatureRequest) -> Spend:
        """Payouts, and sweeps to a new federation; every other rule is the signer's. Raises Refusal."""
        if asked.tx_type not in (
            pb.TRANSACTION_TYPE_PEGOUT,
            pb.TRANSACTION_TYPE_FEDERATION_CHANGE,
        ):
            detail = f"type {asked.tx_type} is neither a peg-out nor a federation change"
            raise Refusal(Rule.TRANSACTION_TYPE, detail)
        if self.halted:
            raise Refusal(Rule.HALTED, "an emergency halt is in force")
        spend = self._signer.examine(asked.tx_hex, list(asked.input_indices), list(asked.amounts))
        if asked.tx_type == pb.TRANSACTION_TYPE_FEDERATION_CHANGE:
            self._signer.check_sweep(spend)
        if asked.required_signatures > len(spend.keys):
            detail = f"{asked.required_signatures} of {len(spend.keys)} who can sign"
            raise Refusal(Rule.REQUIRED_SIGNATURES, detail)
        self._signer.accept(spend)  # last: what is refused leaves nothing behind
        return spend

    def _sign(self, waiting: Waiting, spend: Spend) -> Answer:
        wrong = self._faults.hits("wrong_signature")
        signatures = self._signer.sign(spend, wrong=wrong)
        if self._faults.hits("short_signatures"):
            signatures.pop()
        request_id = waiting.request.metadata.request_id
        answer = Answer(request_digest=waiting.digest, spend=spend, witness=tuple(signatures))
        self._answers[request_id] = answer
        if len(self._answers) > RECORDS_MAX:
            del self._answers[next(iter(self._answers))]
        txid = spend.tx.txid
        signed = Signed(request_id=request_id, txid=txid, inputs=len(spend.tx.inputs), wrong=wrong)
        _append(self._signed, signed)
        own = {self._signer.public_key: answer.witness}
        self._witnesses.own(txid, self._signer.public_key, answer.witness)
        self._witnesses.pass_on(waiting.request.signature_request, own)
        return answer

    def _together(self, answer: Answer) -> dict[bytes, Witness]:
        """This node's witness and those that were passed on to it, in the federation's order."""
        held = {
            **self._witnesses.of(answer.spend.tx.txid),
            self._signer.public_key: answer.witness,
        }
        return {key: held[key] for key in answer.spend.keys if key in held}

    def _composed(self, waiting: Waiting, answer: Answer) -> pb.StreamResponse:
        """PARTIAL or COMPLETE with what is held."""
        held = self._together(answer)
        complete = len(held) >= waiting.request.signature_request.required_signatures
        status = pb.SIGNATURE_STATUS_COMPLETE if complete else pb.SIGNATURE_STATUS_PARTIAL
        waiting.told = len(held)
        response = pb.SignatureResponse(status=status, signatures=as_data(held))
        return self._response(waiting, response)

    def _pending(self, waiting: Waiting, refusal: Refusal) -> pb.StreamResponse:
        response = pb.SignatureResponse(status=pb.SIGNATURE_STATUS_PENDING)
        return self._response(waiting, response, message=str(refusal))

    def _failed(self, waiting: Waiting, refusal: Refusal) -> pb.StreamResponse:
        self.note_refusal(waiting.request.metadata.request_id, refusal)
        response = pb.SignatureResponse(
            status=pb.SIGNATURE_STATUS_FAILED, failure_reason=str(refusal)
        )
        return self._response(waiting, response, pb.STATUS_CODE_ERROR, str(refusal))

    def _timed_out(self, waiting: Waiting) -> pb.StreamResponse:
        """What was collected, and what lacks."""
        asked = waiting.request.signature_request
        answer = self._answers.get(waiting.request.metadata.request_id)
        held = self._together(answer) if answer is not None else {}
        reason = f"{len(held)} of {asked.required_signatures} signatures when the time was over"
        response = pb.SignatureResponse(
            status=pb.SIGNATURE_STATUS_TIMEOUT, signatures=as_data(held), failure_reason=reason
        )
        return self._response(waiting, response, pb.STATUS_CODE_TIMEOUT, reason)

    def _response(
        self,
        waiting: Waiting,
        response: pb.SignatureResponse,
        status: pb.StatusCode.ValueType = pb.STATUS_CODE_SUCCESS,
        message: str | None = None,
    ) -> pb.StreamResponse:
        """Under the request's id. One that has time also shows who of the federation has signed."""
        self._statuses[pb.SignatureStatus.Name(response.status)] += 1
        answer = self._answers.get(waiting.request.metadata.request_id)
        if waiting.deadline > self._now() and answer is not None:
            held = self._together(answer)
            response.partial_signatures.extend(
                pb.PartialSignature(
                    signer_id=key.hex(),
                    status=pb.SIGNATURE_STATUS_COMPLETE
                    if key in held
                    else pb.SIGNATURE_STATUS_PENDING,
                )
                for key in answer.spend.keys
            )
        metadata = self._replies.metadata(waiting.request.metadata.request_id, status, message)
        return pb.StreamResponse(metadata=metadata, signature_response=response)


FINAL = frozenset(
    {pb.SIGNATURE_STATUS_COMPLETE, pb.SIGNATURE_STATUS_FAILED, pb.SIGNATURE_STATUS_TIMEOUT}
)
"""After these a request is closed."""


def _digest(asked: pb.SignatureRequest) -> bytes:
    """What makes two requests the same one; the timeout is the asker's affair."""
    same = pb.SignatureRequest()
    same.CopyFrom(asked)
    same.ClearField("timeout_seconds")
    return hashlib.sha256(same.SerializeToString(deterministic=True)).digest()


def _append(records: list[T], record: T) -> None:
    records.append(record)
    if len(records) > RECORDS_MAX:
        del records[0]
