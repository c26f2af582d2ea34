"""The federation's signatures for payouts, as they come in: checked one by one, counted, and handed on at the threshold.

Signatures are checked here against the digests that we compute ourselves; a node that sends a wrong one is noted and does not
count. Each request ends once, with ``SignaturesCollected`` or with ``SignaturesShort`` and what each node said.
"""

import msgspec

from alys.base.units import Sats
from alys.chain import payout
from alys.chain.federation import Federation
from alys.node import messages
from alys.wire import bitcoin
from alys.wire.enum_names import enum_name
from alys.wire.generated import governance_pb2 as pb

Outcome = messages.SignaturesCollected | messages.SignaturesShort


class _Collection(msgspec.Struct, kw_only=True):
    """Signatures being gathered for one request."""

    txid: str
    federation: Federation
    """Who holds the inputs."""
    digests: tuple[bytes, ...]
    signatures: dict[bytes, tuple[bytes, ...]]
    """Sound ones: key to one signature per input."""
    answers: dict[int, str]
    """Endpoint to what it said, for the report when signatures fall short."""


class Collections:
    """The open requests by request id."""

    def __init__(self, federation: Federation, endpoints: int) -> None:
        """``federation`` is whose inputs are, unless a request says otherwise."""
        self._federation = federation
        self._endpoints = endpoints
        self._open: dict[str, _Collection] = {}

    def __contains__(self, request_id: str) -> bool:
        return request_id in self._open

    def ids(self) -> list[str]:
        """The requests that are open."""
        return list(self._open)

    def begin(self, request_id: str, message: messages.RequestSignatures) -> list[str]:
        """A new request; the ids of earlier ones for the same transaction, which it replaces."""
        amounts = tuple(Sats(sats) for sats in message.input_sats)
        federation = message.federation or self._federation
        prevouts = payout.prevouts_of(amounts, federation)
        stale = [name for name, one in self._open.items() if one.txid == message.txid]
        for name in stale:
            del self._open[name]
        self._open[request_id] = _Collection(
            txid=message.txid,
            federation=federation,
            digests=payout.sighashes(bitcoin.parse_tx(message.tx), prevouts, federation),
            signatures={},
            answers={},
        )
        return stale

    def note(self, request_id: str, endpoint: int, said: str) -> Outcome | None:
        """What a node said instead of signing; the end, if it was the last to say something."""
        collection = self._open.get(request_id)
        if collection is None:
            return None
        collection.answers[endpoint] = said
        return self._short_if_all_answered(request_id)

    def away(self, request_id: str, endpoint: int, reason: str) -> Outcome | None:
        """A node is not connected; what it said before stands."""
        collection = self._open[request_id]
        collection.answers.setdefault(endpoint, f"not connected ({reason})")
        return self._short_if_all_answered(request_id)

    def answered(
        self, request_id: str, endpoint: int, answer: pb.SignatureResponse
    ) -> Outcome | None:
        """Take up an answer; the end, if this was it."""
        collection = self._open.get(request_id)
        if collection is None:
            return None
        if answer.status == pb.SIGNATURE_STATUS_PENDING:
            return None  # no answer yet; another follows
        if answer.status not in (pb.SIGNATURE_STATUS_PARTIAL, pb.SIGNATURE_STATUS_COMPLETE):
            name = enum_name(pb.SignatureStatus, answer.status)
            collection.answers[endpoint] = f"{name}: {answer.failure_reason}"
        else:
            collection.answers[endpoint] = self._check(collection, answer)
        threshold = collection.federation.threshold
        if len(collection.signatures) < threshold:
            return self._short_if_all_answered(request_id)
        del self._open[request_id]
        chosen = list(collection.signatures.items())[:threshold]
        return messages.SignaturesCollected(txid=collection.txid, signatures=tuple(chosen))

    def _check(self, collection: _Collection, answer: pb.SignatureResponse) -> str:
        """Take up a node's signatures if all of them are sound; what to report of it."""
        by_key: dict[bytes, list[bytes]] = {}
        for witness in answer.signatures:
            by_key.setdefault(witness.public_key, []).append(witness.signature)
        if not by_key:
            return f"0 signatures for {len(collection.digests)} inputs"
        for key, given in by_key.items():
            if len(given) != len(collection.digests):
                return f"{len(given)} signatures for {len(collection.digests)} inputs"
            try:
                for index, (digest, signature) in enumerate(
                    zip(collection.digests, given, strict=True)
                ):
                    payout.check_signature(index, digest, key, signature, collection.federation)
            except payout.SignatureRejected as error:
                return str(error)
            collection.signatures[key] = tuple(given)
        return "signed"

    def short(self, request_id: str) -> messages.SignaturesShort:
        """End it as it is: what is missing, and what each node said."""
        collection = self._open.pop(request_id)
        reasons = tuple(
            f"governance {n + 1}: {collection.answers.get(n, 'no answer')}"
            for n in range(self._endpoints)
        )
        return messages.SignaturesShort(
            txid=collection.txid,
            collected=len(collection.signatures),
            needed=collection.federation.threshold,
            reasons=reasons,
        )

    def _short_if_all_answered(self, request_id: str) -> messages.SignaturesShort | None:
        if len(self._open[request_id].answers) < self._endpoints:
            return None
        return self.short(request_id)
