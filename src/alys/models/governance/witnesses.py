"""What other nodes signed, as far as it was passed on to this one. Everything in here was verified before it came in.

A witness of a key is one signature per input. Nodes pass on what they have and make none for others: whoever holds ``required``
of them can answer COMPLETE, whoever made them.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from alys.models.governance.signer import Refusal, Signer, Spend
from alys.wire.generated import gossip_pb2
from alys.wire.generated import governance_pb2 as pb

TRANSACTIONS_MAX = 10_000  # whose witnesses are held; the oldest go first
BUNDLES_MAX = 1_000  # that wait to be passed on
REFUSALS_MAX = 100  # that ``view`` shows

Witness = tuple[bytes, ...]


class RefusedWitness(msgspec.Struct, frozen=True, kw_only=True):
    """One that was passed on to us and not kept."""

    passed_by: str
    reason: str


class Witnesses:
    """The witnesses held, by transaction and key; and what is to be passed on."""

    def __init__(self, node_id: str, signer: Signer) -> None:
        self.peers: dict[str, bool] = {}
        """The other nodes that were named to this one, and whether each is there. Without any nothing is passed on."""
        self._node_id = node_id
        self._signer = signer
        self._held: dict[str, dict[bytes, Witness]] = {}
        self._outgoing: deque[gossip_pb2.WitnessBundle] = deque(maxlen=BUNDLES_MAX)
        self._kept = 0
        self._known = 0
        self._refusals = 0
        self._refused: deque[RefusedWitness] = deque(maxlen=REFUSALS_MAX)

    def of(self, txid: str) -> Mapping[bytes, Witness]:
        """The witnesses held of a transaction."""
        return self._held.get(txid, {})

    def pass_on(self, request: pb.SignatureRequest, witnesses: Mapping[bytes, Witness]) -> None:
        """Have witnesses passed to the peers; to none without peers."""
        if not self.peers or not witnesses:
            return
        bundle = gossip_pb2.WitnessBundle(node_id=self._node_id, witnesses=as_data(witnesses))
        bundle.request.CopyFrom(request)
        self._outgoing.append(bundle)

    def outgoing(self) -> list[gossip_pb2.WitnessBundle]:
        """What is to be passed on since the last call."""
        bundles = list(self._outgoing)
        self._outgoing.clear()
        return bundles

    def own(self, txid: str, key: bytes, witness: Witness) -> None:
        """Hold what this node made; what it made wrong on purpose included, for a liar lies to everybody."""
        self._hold(txid)[key] = witness

    def take(self, bundle: gossip_pb2.WitnessBundle) -> gossip_pb2.WitnessReceipt:
        """Keep what is sound and new, and pass it on; tell what this node holds beyond it.

        The transaction is judged by what this node knows itself: what it cannot judge it does not keep.
        """
        receipt = gossip_pb2.WitnessReceipt(node_id=self._node_id)
        asked = bundle.request
        try:
            spend = self._signer.examine(
                asked.tx_hex, list(asked.input_indices), list(asked.amounts)
            )
        except Refusal as refusal:
            self._refuse(bundle, receipt, str(refusal))
            return receipt
        txid = spend.tx.txid
        given = by_key(bundle.witnesses)
        beyond = {key: sigs for key, sigs in self.of(txid).items() if key not in given}
        fresh = {}
        for key, witness in given.items():
            if self._judge(spend, bundle, receipt, key, witness):
                fresh[key] = witness
        if fresh:
            self._hold(txid).update(fresh)
            self.pass_on(asked, fresh)
        receipt.witnesses.extend(as_data(beyond))
        return receipt

    def view(self) -> dict[str, object]:
        """As JSON values."""
        return {
            "peers": dict(self.peers),
            "kept": self._kept,
            "known": self._known,
            "refused": self._refusals,
            "last_refused": msgspec.to_builtins(list(self._refused)),
            "held": {txid: [key.hex() for key in held] for txid, held in self._held.items()},
        }

    def _judge(
        self,
        spend: Spend,
        bundle: gossip_pb2.WitnessBundle,
        receipt: gossip_pb2.WitnessReceipt,
        key: bytes,
        witness: Witness,
    ) -> bool:
        """Whether this one is new and sound; what was held before is not verified again."""
        if key in self.of(spend.tx.txid):
            receipt.known += 1
            self._known += 1
            return False
        flaw = spend.flaw(key, witness)
        if flaw is not None:
            self._refuse(bundle, receipt, flaw)
            return False
        receipt.kept += 1
        self._kept += 1
        return True

    def _refuse(
        self, bundle: gossip_pb2.WitnessBundle, receipt: gossip_pb2.WitnessReceipt, reason: str
    ) -> None:
        self._refusals += 1
        self._refused.append(RefusedWitness(passed_by=bundle.node_id[:200], reason=reason))
        receipt.refused.append(reason)

    def _hold(self, txid: str) -> dict[bytes, Witness]:
        held = self._held.setdefault(txid, {})
        if len(self._held) > TRANSACTIONS_MAX:
            del self._held[next(iter(self._held))]
        return held


def as_data(witnesses: Mapping[bytes, Sequence[bytes]]) -> list[pb.WitnessData]:
    """On the wire: grouped by key, each group in the order of the inputs."""
    return [
        pb.WitnessData(signature=signature, public_key=key, sig_type=pb.SIGNATURE_TYPE_SCHNORR)
        for key, witness in witnesses.items()
        for signature in witness
    ]


def by_key(data: Iterable[pb.WitnessData]) -> dict[bytes, Witness]:
    """The reverse; the order within a key is kept, whatever stands between."""
    found: dict[bytes, list[bytes]] = {}
    for one in data:
        found.setdefault(one.public_key, []).append(one.signature)
    return {key: tuple(signatures) for key, signatures in found.items()}
