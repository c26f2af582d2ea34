"""Small builders for tests of the governance node: keys, payouts, requests."""

from collections.abc import Sequence

from alys.base.prng import SeededRandom
from alys.models.governance.node import PROTOCOL_VERSION, GovernanceNode
from alys.wire import bitcoin
from alys.wire.generated import governance_pb2 as pb

SECRETS = [number.to_bytes(32, "big") for number in (1, 2, 3)]
KEYS = [bitcoin.xonly_of(secret) for secret in SECRETS]
NOW = 1_767_225_600.0
DEPOSIT_TXID = "ab" * 32
DEPOSIT_SATS = 5_000_000
PAYEE_SCRIPT = bitcoin.p2wpkh_script(bitcoin.pubkey_of((77).to_bytes(32, "big")))
STREAM = "stream-1"


def make_node(member: int = 0, seed: int = 7, bearer_token: str | None = None) -> GovernanceNode:
    return GovernanceNode(
        node_id=f"governance-{member + 1}",
        secret=SECRETS[member],
        federation=KEYS,
        threshold=2,
        now=lambda: NOW,
        random=SeededRandom(seed),
        bearer_token=bearer_token,
    )


def registered_node(member: int = 0, seed: int = 7) -> GovernanceNode:
    """A node with one registered stream that knows one deposit."""
    node = make_node(member, seed)
    node.connect(STREAM, {})
    (answer,) = node.receive(STREAM, registration())
    assert answer.registration_ack.accepted
    assert node.receive(STREAM, pegin()) == []
    return node


def registration(node_id: str = "alys-1", version: str = PROTOCOL_VERSION) -> pb.StreamRequest:
    return pb.StreamRequest(
        metadata=pb.RequestMetadata(request_id="reg", node_id=node_id, protocol_version=version),
        node_registration=pb.NodeRegistration(
            node_info=pb.NodeInfo(public_key="02ff", version="test/1"), capabilities=["pegout"]
        ),
    )


def pegin(txid: str = DEPOSIT_TXID, vout: int = 0, sats: int = DEPOSIT_SATS) -> pb.StreamRequest:
    return pb.StreamRequest(
        metadata=pb.RequestMetadata(request_id=f"pegin:{txid}:{vout}"),
        pegin_notification=pb.PeginNotification(btc_txid=txid, vout=vout, amount=sats),
    )


def payout(
    coins: Sequence[tuple[str, int]] = ((DEPOSIT_TXID, 0),),
    paid: int = 1_000_000,
    change: int = 3_999_000,
    federation_script: bytes = b"",
) -> bitcoin.Tx:
    """An unsigned payout of the given coins to one payee, with change to the federation."""
    script = federation_script or make_node().federation.output_script()
    return bitcoin.Tx(
        version=2,
        inputs=tuple(
            bitcoin.TxIn(outpoint=bitcoin.OutPoint(txid=txid, vout=vout), sequence=0xFFFFFFFD)
            for txid, vout in coins
        ),
        outputs=(
            bitcoin.TxOut(value=paid, script=PAYEE_SCRIPT),
            bitcoin.TxOut(value=change, script=script),
        ),
        locktime=0,
    )


def ask(
    tx: bitcoin.Tx,
    amounts: Sequence[int] = (DEPOSIT_SATS,),
    indices: Sequence[int] | None = None,
    request_id: str = "pegout:1",
    required: int = 2,
    tx_type: pb.TransactionType.ValueType = pb.TRANSACTION_TYPE_PEGOUT,
    timeout: int | None = None,
) -> pb.StreamRequest:
    listed = range(len(tx.inputs)) if indices is None else indices
    return pb.StreamRequest(
        metadata=pb.RequestMetadata(request_id=request_id),
        signature_request=pb.SignatureRequest(
            tx_hex=tx.serialize().hex(),
            input_indices=listed,
            amounts=amounts,
            tx_type=tx_type,
            required_signatures=required,
            timeout_seconds=timeout,
        ),
    )


class Time:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = NOW

    def __call__(self) -> float:
        return self.seconds


class Federates:
    """Three nodes that are each other's peers, on one clock; what they pass on arrives when ``pass_on`` is called."""

    def __init__(self, time: Time | None = None, peers: bool = True) -> None:
        self.time = time or Time()
        names = [f"governance-{number}" for number in (1, 2, 3)]
        self.nodes = [
            GovernanceNode(
                node_id=name,
                secret=SECRETS[member],
                federation=KEYS,
                threshold=2,
                now=self.time,
                random=SeededRandom(7),
                peers=[other for other in names if other != name] if peers else (),
            )
            for member, name in enumerate(names)
        ]
        for node in self.nodes:
            node.connect(STREAM, {})
            node.receive(STREAM, registration())

    def pass_on(self) -> int:
        """Everything that waits, and what that brings about, to everybody; how many bundles it were."""
        passed = 0
        while bundles := [(node, one) for node in self.nodes for one in node.gossip()]:
            for sender, bundle in bundles:
                for node in self.nodes:
                    if node is not sender:
                        passed += 1
                        sender.passed(bundle, node.collected(bundle))
        return passed


def statuses(responses: Sequence[pb.StreamResponse]) -> list[str]:
    """The statuses of signature responses, without their prefix."""
    return [
        pb.SignatureStatus.Name(one.signature_response.status).removeprefix("SIGNATURE_STATUS_")
        for one in responses
    ]
