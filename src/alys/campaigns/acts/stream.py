"""Scenes with a Stream actor of their own, and governance nodes that come, go, answer and lie as a scene wants.

What is due is the protocol's own word: registration first; what is not known to have been heard is said again, and what is known
is not; a payout has as many sound signatures as the threshold asks, from different members; an order has as many voices.
"""

from typing import Any

from alys.actors.message import Message
from alys.actors.ref import Ref
from alys.actors.reply import Reply
from alys.actors.supervision import ChildSpec
from alys.base.units import Sats
from alys.campaigns.acts import props
from alys.campaigns.acts.stage import Stage
from alys.chain import federation_update, payout
from alys.chain.federation import Federation
from alys.chain.peg import Deposit
from alys.node import calls, messages, orders, ports, storage
from alys.node.names import StreamNames
from alys.node.stream import GetStreamStatus, Stream
from alys.node.stream_figures import StreamFigures
from alys.wire import bitcoin
from alys.wire.generated import governance_pb2 as pb

NODES = 3
BEAT_S, MISSES = 1.0, 3
FIGURES = StreamFigures(heartbeat_seconds=BEAT_S, heartbeat_misses_max=MISSES)
BACK_S = 2.5
"""Longer than a stream takes to be tried again."""


class _Desk:
    """A Stream, its governance nodes and its neighbours."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.governance = props.Governance(NODES)
        self.secrets = [stage.random.randbytes(32) for _ in range(NODES + 2)]
        keys = [bitcoin.xonly_of(secret) for secret in self.secrets]
        self.federation = Federation(keys=tuple(keys[:NODES]), threshold=2)
        #: Of the last member and two who are none yet.
        self.successors = Federation(keys=tuple(keys[NODES - 1 :]), threshold=2)
        self.bridge: list[Message] = []
        self.chain: list[Message] = []
        self.stored: list[Message] = []
        self.stream: Ref | None = None

    async def begin(self) -> None:
        """Everybody is up, and every stream is ready that a node lets be."""
        stage = self.stage
        names = StreamNames(
            bridge=stage.named("bridge"),
            chain=stage.named("chain"),
            storage=stage.named("storage"),
            governance=stage.named("governance"),
        )

        def made() -> Stream:
            return Stream(self.federation, names, endpoints=NODES, node_id="alys", figures=FIGURES)

        def spec(name: str, factory: object) -> ChildSpec:
            return ChildSpec(name=name, register=name, factory=factory)  # type: ignore[arg-type]  # the scene knows what it casts

        await stage.up(
            spec(names.bridge, lambda: props.Ears(self.bridge)),
            spec(names.chain, lambda: props.Ears(self.chain)),
            spec(names.storage, lambda: props.Shelf(self.stored)),
            spec(names.governance, lambda: props.Gateway(self.governance)),
        )
        (self.stream,) = await stage.up(ChildSpec(name=stage.named("stream"), factory=made))
        await stage.moment()

    def tell(self, message: Message) -> None:
        """To the Stream."""
        assert self.stream is not None, "begin() made it"
        self.stage.tell(self.stream, message)

    async def hear(self, index: int, said: pb.StreamResponse) -> None:
        """A governance node says something."""
        self.tell(props.frame(index, said))
        await self.stage.moment()

    async def lose(self, index: int) -> None:
        """A governance node is gone."""
        self.governance.there[index] = False
        self.governance.streams[index] = None
        self.tell(ports.StreamClosed(endpoint=index, reason="connection lost", reached=False))
        await self.stage.moment()

    async def notice(self, number: int) -> None:
        """Bridge has something to say to all."""
        deposit = Deposit(txid=f"{number:064x}", vout=0, sats=Sats(1000), evm_address=bytes(20))
        self.tell(messages.NotifyPegin(deposit=deposit, confirmations=6))
        await self.stage.moment()


def _pegin(number: int) -> str:
    return f"pegin:{number:064x}:0"


async def reconnecting(stage: Stage) -> None:
    """What a node may not have heard is said again when it is back, in its order; what it has heard is not."""
    desk = _Desk(stage)
    desk.governance.acks[0] = False
    await desk.begin()
    one = stage.random.below(1000)
    await desk.notice(one)
    await desk.lose(0)
    await desk.notice(one + 1)
    stage.expect(
        "stream", desk.governance.got[0], [_pegin(one)], "what a node got before it was gone"
    )
    desk.governance.there[0] = desk.governance.acks[0] = True
    await stage.sleep(BACK_S)
    due = [_pegin(one), _pegin(one), _pegin(one + 1)]
    stage.expect("stream", desk.governance.got[0], due, "what it got when it was back, too")
    await stage.sleep(2 * BEAT_S)  # a heartbeat is acked: all before it was heard
    noticed = {told.outpoint for told in desk.bridge if isinstance(told, orders.PeginNoticed)}
    all_of_them = {_pegin(n).removeprefix("pegin:") for n in (one, one + 1)}
    stage.expect("stream", noticed, all_of_them, "what Bridge is told that everybody has heard")
    await desk.lose(0)
    desk.governance.there[0] = True
    await stage.sleep(BACK_S)
    stage.expect("stream", desk.governance.got[0], due, "what it got when it had heard everything")


async def registering(stage: Stage) -> None:
    """Nothing is said to a node that has not accepted the registration (yet), and one that refuses it is left."""
    desk = _Desk(stage)
    desk.governance.accepts[1] = False
    desk.governance.accepts[2] = None
    await desk.begin()
    await desk.notice(1)
    got = desk.governance.got[2]
    stage.expect("stream", got, [], "what a node got that has not answered the registration")
    stage.expect(
        "stream", desk.governance.got[1], [], "what a node got that refused the registration"
    )
    stage.expect("stream", desk.governance.closed[1] > 0, True, "whether its stream was closed")
    assert desk.stream is not None
    views = await stage.system.ask(desk.stream, GetStreamStatus())
    states = [view.state for view in views]
    stage.expect("stream", states, ["ready", "down", "registering"], "the states of the streams")


async def heartbeats(stage: Stage) -> None:
    """A stream whose heartbeats are not acked is given up after so many, though other things come in on it."""
    desk = _Desk(stage)
    await desk.begin()
    desk.governance.acks[2] = False
    closed = desk.governance.closed[2]
    for number in range(2 * (MISSES + 2)):
        await stage.sleep(BEAT_S / 2)
        said = pb.StreamResponse()
        said.proposal_notification.proposal_id = f"{number}"
        await desk.hear(2, said)
    stage.expect(
        "stream",
        desk.governance.closed[2] - closed,
        1,
        f"how often a stream was closed on which {MISSES} heartbeats went unacked",
    )
    stage.expect("stream", desk.governance.closed[0], 0, "how often one with acks was")


class _Payout:
    """A payout to be signed, and signatures for it."""

    def __init__(self, stage: Stage, federation: Federation) -> None:
        self.federation = federation
        amount = Sats(5_000_000)
        place = bitcoin.OutPoint(txid=stage.random.randbytes(32).hex(), vout=0)
        self.tx = bitcoin.Tx(
            inputs=(bitcoin.TxIn(outpoint=place, sequence=0xFFFFFFFD),),
            outputs=(bitcoin.TxOut(value=4_999_000, script=federation.script_pubkey),),
        )
        prevouts = payout.prevouts_of((amount,), federation)
        (self.digest,) = payout.sighashes(self.tx, prevouts, federation)

    def request(self, federation: Federation | None = None) -> messages.RequestSignatures:
        """Bridge's."""
        return messages.RequestSignatures(
            operation="pegout:0x11:0",
            attempt=1,
            txid=self.tx.txid,
            tx=self.tx.serialize(witness=False),
            input_sats=(5_000_000,),
            federation=federation,
        )

    def signed(self, secret: bytes, *, sound: bool = True, id: str = "") -> pb.StreamResponse:
        """A node's answer."""
        digest = self.digest if sound else bytes(32)
        said = pb.StreamResponse()
        said.metadata.request_id = id or "pegout:0x11:0/1"
        said.signature_response.status = pb.SIGNATURE_STATUS_PARTIAL
        given = said.signature_response.signatures.add()
        given.public_key = bitcoin.xonly_of(secret)
        given.signature = bitcoin.schnorr_sign(secret, digest, bytes(32))
        return said


def _outcomes(desk: _Desk) -> list[str]:
    """What Bridge was told of signatures, in short."""
    found = []
    for told in desk.bridge:
        if isinstance(told, messages.SignaturesCollected):
            found.append("of " + ", ".join(_short(key) for key, _ in told.signatures))
        elif isinstance(told, messages.SignaturesShort):
            found.append(f"only {told.collected}")
    return found


def _short(key: bytes) -> str:
    return key.hex()[:8]


async def _collect(
    desk: _Desk, wanted: _Payout, bad: pb.StreamResponse, good: list[bytes], what: str
) -> None:
    """Two sound signatures of different members, and nothing less, are a payout's."""
    stage = desk.stage
    first, second = good
    await desk.hear(1, wanted.signed(first))
    stage.expect("signatures", _outcomes(desk), [], f"{what}: what came of one signature")
    await desk.hear(1, wanted.signed(first))
    stage.expect("signatures", _outcomes(desk), [], f"{what}: what came of it, said twice")
    await desk.hear(0, bad)
    stage.expect("signatures", _outcomes(desk), [], f"{what}: what came of one and a bad one")
    await desk.hear(2, wanted.signed(second))
    signers = ", ".join(_short(bitcoin.xonly_of(secret)) for secret in good)
    stage.expect("signatures", _outcomes(desk), [f"of {signers}"], f"{what}: what was collected")


async def signatures(stage: Stage) -> None:
    """Wrong ones, those of strangers, and the same ones twice do not count; those under another id are nobody's."""
    desk = _Desk(stage)
    await desk.begin()
    wanted = _Payout(stage, desk.federation)
    desk.tell(wanted.request())
    await stage.moment()
    for index in range(NODES):  # answers to something else
        await desk.hear(index, wanted.signed(desk.secrets[index], id="pegout:0x99:0/1"))
    stage.expect("signatures", _outcomes(desk), [], "what came of answers under another id")
    wrong, *good = desk.secrets[:NODES]
    await _collect(desk, wanted, wanted.signed(wrong, sound=False), good, "the federation")


async def successors(stage: Stage) -> None:
    """Where another federation holds the inputs, its members sign, and the old ones do not."""
    desk = _Desk(stage)
    await desk.begin()
    wanted = _Payout(stage, desk.successors)
    desk.tell(wanted.request(desk.successors))
    await stage.moment()
    stranger = wanted.signed(desk.secrets[0])
    await _collect(desk, wanted, stranger, desk.secrets[NODES:], "the successors")


async def pending(stage: Stage) -> None:
    """ "Not yet" is no answer: a node that says so is waited for. When all have answered and too few signed, Bridge hears why."""
    desk = _Desk(stage)
    await desk.begin()
    wanted = _Payout(stage, desk.federation)
    desk.tell(wanted.request())
    await stage.moment()
    said = wanted.signed(desk.secrets[0])
    said.signature_response.status = pb.SIGNATURE_STATUS_PENDING
    await desk.hear(0, said)
    for index in (1, 2):
        refusal = pb.StreamResponse()
        refusal.metadata.request_id = said.metadata.request_id
        refusal.signature_response.status = pb.SIGNATURE_STATUS_FAILED
        refusal.signature_response.failure_reason = "it will not"
        await desk.hear(index, refusal)
    stage.expect("signatures", _outcomes(desk), [], "what came of one that is not ready yet")
    await desk.hear(0, wanted.signed(desk.secrets[0]))
    stage.expect("signatures", _outcomes(desk), ["only 1"], "what came of two refusals")


def _halt(number: int, *, lifted: bool = False) -> pb.FederationUpdate:
    """An order that production stops, or goes on."""
    update = pb.FederationUpdate()
    kind = (
        pb.FEDERATION_UPDATE_TYPE_CONFIG_CHANGE
        if lifted
        else pb.FEDERATION_UPDATE_TYPE_EMERGENCY_HALT
    )
    update.update_type = kind
    update.config.parameters["emergency_halt"] = "lifted" if lifted else "in force"
    update.config.parameters["number"] = str(number)
    return update


def _voice(update: pb.FederationUpdate, secret: bytes, *, sound: bool = True) -> pb.StreamResponse:
    """The announcement with one signature."""
    digest = federation_update.digest(update) if sound else bytes(32)
    signature = bitcoin.schnorr_sign(secret, digest, bytes(32))
    said = pb.StreamResponse()
    said.federation_update.CopyFrom(update)
    said.federation_update.update_signature = bitcoin.xonly_of(secret) + signature
    return said


def _halts(heard: list[Message]) -> list[tuple[int, bool]]:
    return [
        (told.halt.number, told.halt.in_force)
        for told in heard
        if isinstance(told, orders.HaltChanged)
    ]


async def voices(stage: Stage) -> None:
    """An order holds when two members have signed it: not one twice, not a forged one, no strangers; an old one is not obeyed."""
    desk = _Desk(stage)
    await desk.begin()
    number = 5 + stage.random.below(5)
    halt, members, strangers = _halt(number), desk.secrets[:NODES], desk.secrets[NODES:]
    await desk.hear(0, _voice(halt, members[0]))
    await desk.hear(1, _voice(halt, members[0]))
    stage.expect("orders", _halts(desk.chain), [], "orders by one voice, said twice")
    await desk.hear(1, _voice(halt, members[1], sound=False))
    stage.expect("orders", _halts(desk.chain), [], "orders by one voice and a forged one")
    for stranger in strangers:
        await desk.hear(1, _voice(halt, stranger))
    stage.expect("orders", _halts(desk.chain), [], "orders by one voice and two of strangers")
    await desk.hear(2, _voice(halt, members[2]))
    due = [(number, True)]
    stage.expect("orders", _halts(desk.chain), due, "orders by two voices, as Chain hears them")
    stage.expect("orders", _halts(desk.bridge), due, "orders by two voices, as Bridge hears them")
    saved = [one.table for one in desk.stored if isinstance(one, storage.SaveRecords)]
    stage.expect("orders", saved, ["governance"], "what was stored of it")
    for secret in members[:2]:
        await desk.hear(0, _voice(_halt(number - 1, lifted=True), secret))
    stage.expect("orders", _halts(desk.chain), due, "orders after one that is older than the last")


async def succession(stage: Stage) -> None:
    """When another federation is in force its members' voices count, and those of who left it do not."""
    desk = _Desk(stage)
    await desk.begin()
    known = orders.FederationsKnown(federations=(desk.federation, desk.successors))
    desk.tell(known)
    await stage.moment()
    for secret in desk.secrets[: NODES - 1]:
        await desk.hear(0, _voice(_halt(1), secret))
    stage.expect("orders", _halts(desk.chain), [], "orders by two who are no members any more")
    for secret in desk.secrets[NODES:]:
        await desk.hear(1, _voice(_halt(2), secret))
    stage.expect("orders", _halts(desk.chain), [(2, True)], "orders by two new members")


async def questions(stage: Stage) -> None:
    """Who asks governance gets the answer to his own question; asking again meanwhile sends nothing twice."""
    desk = _Desk(stage)
    await desk.begin()
    assert desk.stream is not None
    asked: dict[int, tuple[str, Reply[Any]]] = {}
    for name in ("q1", "q2", "q1"):
        request = pb.StreamRequest()
        request.signature_request.tx_hex = "00"
        ask = calls.AskGovernance(request_id=name, payload=request.SerializeToString(), endpoint=0)
        asked[len(asked)] = (name, stage.system.ask(desk.stream, ask))
    await stage.moment()
    stage.expect("calls", desk.governance.got[0], ["q1", "q2"], "what was sent")
    for name in ("q9", "q2", "q1"):
        said = pb.StreamResponse()
        said.metadata.request_id = name
        said.error_response.error_message = f"about {name}"
        if name == "q9":
            said.signature_response.failure_reason = "nobody asked"
        await desk.hear(0, said)
    answered = []
    for name, reply in asked.values():
        text = "nothing"
        if reply.done:
            response = pb.StreamResponse.FromString(reply.result().response)
            text = response.error_response.error_message
        answered.append((name, text))
    due = [(name, f"about {name}") for name, _ in asked.values()]
    stage.expect("calls", answered, due, "who was answered what")


SCENES = (
    reconnecting,
    registering,
    heartbeats,
    signatures,
    successors,
    pending,
    voices,
    succession,
    questions,
)
