"""The simulated world's ports: the same services as elsewhere, behind links in memory whose delays are the seed's.

A call still becomes the bytes that would cross a socket, and the answer is read back from bytes, so a value that JSON
cannot carry fails here as it would there; in the light profile values cross as they are, while nothing is done to them on the
way. Calls to one service may overtake each other, as over parallel connections;
frames of one governance stream keep their order, as over one.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.message import Message
from alys.actors.promise import Promise
from alys.base.faults import Drop, Hang, Refuse
from alys.base.misbehaviour import Misbehaviour
from alys.base.prng import Random
from alys.models.governance.registry import TooManyConnections, Unauthenticated
from alys.node import ports
from alys.node.errors import PortDown
from alys.wire import governance_faults, jsonrpc, jsonrpc_faults
from alys.wire.generated import gossip_pb2
from alys.wire.generated import governance_pb2 as pb
from alys.wire.jsonrpc_faults import Outcome
from alys.worlds.gate import OPEN, Gate
from alys.worlds.governance_link import GovernanceLink

DELAY_MIN_SECONDS = 0.001
DELAY_MAX_SECONDS = 0.020


class Service:
    """A JSON-RPC service in memory: what a server does between two sockets, without them."""

    def __init__(
        self,
        handle: jsonrpc.Handle,
        dialect: jsonrpc.Dialect,
        faults: Misbehaviour | None = None,
        name: str = "the service",
        *,
        light: bool = False,
    ) -> None:
        """``name`` is what it is called where it cannot be reached; ``light``: no bytes are made where nobody looks at them."""
        self.faults = faults
        self._light = light
        self.name = name
        self._handle = handle
        self._dialect = dialect

    def call(self, method: str, params: tuple[Any, ...]) -> Any:
        """The result of one call by a witness, who is spared the faults; raises RpcError."""
        if self._light:
            return self.told(method, params)
        body = jsonrpc.encode_call(method, list(params), 1)
        return jsonrpc.decode_answer(jsonrpc.answer(body, self._handle, self._dialect)[1])

    @property
    def plain(self) -> bool:
        """Whether ``told`` says what the node gets to see: the profile is light, and no fault is on."""
        return self._light and (self.faults is None or self.faults.idle)

    def told(self, method: str, params: tuple[Any, ...]) -> Any:
        """The result as the service made it, to be read and not written to; raises RpcError."""
        return self._handle(method, _listed(params))

    def outcome(self, method: str, params: tuple[Any, ...]) -> Outcome:
        """What the node gets to see of one call."""
        body = jsonrpc.encode_call(method, list(params), 1)
        return jsonrpc_faults.answer(body, self._handle, self._dialect, self.faults)


class Arrived(Message, frozen=True, kw_only=True):
    """A call has reached its service."""

    number: int


class Answered(Message, frozen=True, kw_only=True):
    """An answer that a fault made late leaves its service."""

    number: int


class ServicePort(Actor):
    """A gateway to a service in memory."""

    def __init__(self, service: Service, random: Random, gate: Gate = OPEN) -> None:
        self._service = service
        self._gate = gate
        self._random = random
        self._calls = 0
        self._open: dict[int, tuple[Promise, ports.JsonRpcCall]] = {}
        self._late: dict[int, tuple[Promise, Outcome]] = {}
        self._hung: dict[int, list[Promise]] = {}
        if service.faults is not None:
            service.faults.listeners.append(self._taken_back)

    def on_json_rpc_call(self, message: ports.JsonRpcCall, ctx: Context) -> None:
        """Take the call on its way; the answer follows ``Arrived``."""
        self._calls += 1
        self._open[self._calls] = (ctx.defer(), message)
        ctx.after(delay(self._random), Arrived(number=self._calls))

    def on_arrived(self, message: Arrived, ctx: Context) -> None:
        """Let the service answer."""
        promise, call = self._open.pop(message.number)
        if not self._gate.passes(call):
            return
        if self._service.plain:
            self._tell(promise, call)
            return
        outcome = self._service.outcome(call.method, call.params)
        if not self._gate.acknowledges():
            return
        if outcome.delay_s:
            self._late[message.number] = (promise, outcome)
            ctx.after(outcome.delay_s, Answered(number=message.number))
        else:
            self._settle(promise, outcome)

    def _tell(self, promise: Promise, call: ports.JsonRpcCall) -> None:
        try:
            result = self._service.told(call.method, call.params)
        except jsonrpc.RpcError as refusal:
            if self._gate.acknowledges():
                promise.fail(refusal)
            return
        if self._gate.acknowledges():
            promise.complete(result)

    def on_answered(self, message: Answered, ctx: Context) -> None:
        """The delay is over."""
        self._settle(*self._late.pop(message.number))

    def _settle(self, promise: Promise, outcome: Outcome) -> None:
        """As a client over HTTP would find it."""
        match outcome.ending:
            case Hang():
                self._hung.setdefault(outcome.id, []).append(promise)
            case Refuse():
                promise.fail(PortDown(self._service.name, "connection refused"))
            case Drop():
                reason = f"connection closed after {len(outcome.sent)} bytes"
                promise.fail(PortDown(self._service.name, reason))
            case None:
                self._answer(promise, outcome)

    def _answer(self, promise: Promise, outcome: Outcome) -> None:
        try:
            promise.complete(jsonrpc.decode_answer(outcome.body))
        except jsonrpc.RpcError as error:
            promise.fail(error)
        except jsonrpc.MalformedAnswer as error:
            start = error.start[:80].decode(errors="replace")
            promise.fail(PortDown(self._service.name, f"HTTP {outcome.status}: {start}"))

    def _taken_back(self, fault: int) -> None:
        """The connections of calls that hang on it are closed."""
        for promise in self._hung.pop(fault, []):
            promise.fail(PortDown(self._service.name, "connection closed"))


class Delivery(Message, frozen=True, kw_only=True):
    """Something that is due on a stream: the head of its queue."""

    endpoint: int


class Leaves(Message, frozen=True, kw_only=True):
    """Something that a fault held may go: the head of what is held."""

    endpoint: int


class GovernancePort(Actor):
    """A gateway to the governance nodes over links in memory."""

    def __init__(self, links: list[GovernanceLink], random: Random, gate: Gate = OPEN) -> None:
        self._links = links
        self._gate = gate
        self._random = random
        for number in range(len(links)):
            self._is_there(number)

    @override
    def on_start(self, ctx: Context) -> None:
        """A gateway that starts anew has no streams; whoever sends on one that it had is told then."""
        for link in self._links:
            link.break_off()

    def on_open_stream(self, message: ports.OpenStream, ctx: Context) -> None:
        """Open it, or say why not."""
        link = self._links[message.endpoint]
        link.owner, link.port = ctx.sender, ctx.self
        metadata = {} if message.token is None else {"authorization": f"Bearer {message.token}"}
        self._later(message.endpoint, lambda now: self._open(message.endpoint, metadata, now), ctx)

    def on_send_frame(self, message: ports.SendFrame, ctx: Context) -> None:
        """Hand a frame to the node; its answers come back on the same stream."""
        link = self._links[message.endpoint]
        if link.owner is None:
            link.owner, link.port = ctx.sender, ctx.self
        stream = link.streams
        self._later(message.endpoint, partial(self._arrive, message, stream), ctx)

    def on_close_stream(self, message: ports.CloseStream, ctx: Context) -> None:
        """End it; nobody is told."""
        link = self._links[message.endpoint]
        if link.is_open:
            link.is_open = False
            link.node.disconnect(link.connection_id)

    def on_cut(self, message: "Cut", ctx: Context) -> None:
        """The node is gone, or back."""
        link = self._links[message.endpoint]
        link.down = message.down
        self._is_there(message.endpoint)
        if message.down and link.is_open:
            self._end(message.endpoint, "the node went down", ctx)

    def on_leaves(self, message: "Leaves", ctx: Context) -> None:
        """The delay of a fault is over for the head of what is held."""
        self._links[message.endpoint].held.popleft()(ctx)

    def on_delivery(self, message: Delivery, ctx: Context) -> None:
        """Do what is due; each entry of the queue has its own timer, so order is the queue's."""
        self._links[message.endpoint].queue.popleft()(ctx)

    def _later(self, endpoint: int, action: Callable[[Context], None], ctx: Context) -> None:
        self._links[endpoint].queue.append(action)
        ctx.after(delay(self._random), Delivery(endpoint=endpoint))

    def _open(self, endpoint: int, metadata: dict[str, str], ctx: Context) -> None:
        link = self._links[endpoint]
        if link.down:
            gone = ports.StreamClosed(endpoint=endpoint, reason="connection refused", reached=False)
            self._tell(link, gone, ctx)
            return
        outcome = governance_faults.opening(link.node.misbehaviour)
        self._after(
            endpoint, outcome, lambda now: self._opened(endpoint, metadata, outcome, now), ctx
        )

    def _opened(
        self,
        endpoint: int,
        metadata: dict[str, str],
        outcome: governance_faults.Outcome,
        ctx: Context,
    ) -> None:
        link = self._links[endpoint]
        if outcome.cut is not None:
            self._tell(link, ports.StreamClosed(endpoint=endpoint, reason=_words(outcome.cut)), ctx)
            return
        if link.is_open:  # ordered twice before either came about: the later one stands
            link.is_open = False
            link.node.disconnect(link.connection_id)
        link.streams += 1
        link.silent_by = outcome.hangs_on
        if link.silent_by:
            link.is_open = True
            self._tell(link, ports.StreamOpened(endpoint=endpoint), ctx)
            return
        try:
            link.node.connect(link.connection_id, metadata)
        except (Unauthenticated, TooManyConnections) as error:
            self._tell(link, ports.StreamClosed(endpoint=endpoint, reason=str(error)), ctx)
            return
        link.is_open = True
        self._tell(link, ports.StreamOpened(endpoint=endpoint), ctx)

    def _arrive(self, sent: ports.SendFrame, stream: int, ctx: Context) -> None:
        if not self._gate.passes(sent):
            return
        endpoint, frame = sent.endpoint, sent.frame
        link = self._links[endpoint]
        if not link.is_open or link.streams != stream:
            self._tell(link, ports.StreamClosed(endpoint=endpoint, reason="not open"), ctx)
            return
        faults = link.node.misbehaviour
        if link.silent_by:
            if not faults.is_on(link.silent_by):
                self._end(endpoint, "UNAVAILABLE: connection reset", ctx)
            return
        request = pb.StreamRequest.FromString(frame)
        outcome = governance_faults.message(
            request, lambda: link.node.receive(link.connection_id, request), faults
        )
        if self._gate.acknowledges():
            self._after(endpoint, outcome, partial(self._back, endpoint, stream, outcome), ctx)
        self._spread(endpoint, ctx)

    def _after(
        self,
        endpoint: int,
        outcome: governance_faults.Outcome,
        action: Callable[[Context], None],
        ctx: Context,
    ) -> None:
        """Do it when the outcome's delay is over, and not before what was held earlier: a stream keeps its order."""
        link, now = self._links[endpoint], ctx.now()
        if not outcome.delay_s and not link.held:
            action(ctx)
            return
        link.held_until = max(now + outcome.delay_s, link.held_until)
        link.held.append(action)
        ctx.after(link.held_until - now, Leaves(endpoint=endpoint))

    def _back(
        self, endpoint: int, stream: int, outcome: governance_faults.Outcome, ctx: Context
    ) -> None:
        """What comes of a frame goes its way back."""
        for frame in outcome.frames:
            self._later(endpoint, self._answer(endpoint, stream, frame), ctx)
        if outcome.cut is not None:
            words = _words(outcome.cut)
            self._later(endpoint, lambda now: self._cut(endpoint, stream, words, now), ctx)

    def _cut(self, endpoint: int, stream: int, reason: str, ctx: Context) -> None:
        link = self._links[endpoint]
        if link.is_open and link.streams == stream:
            self._end(endpoint, reason, ctx)

    def on_look_round(self, message: "LookRound", ctx: Context) -> None:
        """Bring on its way what a node has to say besides answers."""
        self._spread(message.endpoint, ctx)

    def on_passed(self, message: "Passed", ctx: Context) -> None:
        """Hand a bundle to the node it is for; nobody is there while it is down."""
        sender, link = self._links[message.sender].node, self._links[message.endpoint]
        if link.down:
            return
        bundle = gossip_pb2.WitnessBundle.FromString(message.bundle)
        sender.passed(bundle, link.node.collected(bundle))
        self._spread(message.endpoint, ctx)
        self._spread(message.sender, ctx)

    def _is_there(self, endpoint: int) -> None:
        """Let the others know, those that pass witnesses to this one."""
        link = self._links[endpoint]
        for other in self._links:
            if link.node.node_id in other.node.witnesses.peers:
                other.node.peer(link.node.node_id, there=not link.down)

    def _spread(self, endpoint: int, ctx: Context) -> None:
        link = self._links[endpoint]
        for connection_id, response in link.node.outgoing():
            encoded = response.SerializeToString(deterministic=True)
            for way in (link, *link.beside):
                if way.is_open and connection_id == way.connection_id and way.port is not None:
                    said = Said(endpoint=endpoint, stream=way.streams, frame=encoded)
                    if way is link:
                        self.on_said(said, ctx)
                    else:
                        ctx.tell(way.port, said)
        for bundle in link.node.gossip():
            frame = bundle.SerializeToString(deterministic=True)
            for number, other in enumerate(self._links):
                if other.node.node_id in link.node.witnesses.peers:
                    passed = Passed(sender=endpoint, endpoint=number, bundle=frame)
                    ctx.after(delay(self._random), passed)
        deadline = link.node.next_deadline
        if deadline is not None and deadline != link.deadline:
            ctx.after(max(0.0, deadline - ctx.now()), LookRound(endpoint=endpoint))
        link.deadline = deadline

    def on_said(self, message: "Said", ctx: Context) -> None:
        """Bring on its way what a node says on this node's stream."""
        answer = self._answer(message.endpoint, message.stream, message.frame)
        self._later(message.endpoint, answer, ctx)

    def _answer(self, endpoint: int, stream: int, frame: bytes) -> Callable[[Context], None]:
        def back(ctx: Context) -> None:
            link = self._links[endpoint]
            if link.is_open and link.streams == stream:
                self._tell(link, ports.FrameReceived(endpoint=endpoint, frame=frame), ctx)

        return back

    def _end(self, endpoint: int, reason: str, ctx: Context) -> None:
        link = self._links[endpoint]
        link.is_open = False
        link.node.disconnect(link.connection_id)
        self._tell(link, ports.StreamClosed(endpoint=endpoint, reason=reason), ctx)

    def _tell(self, link: GovernanceLink, message: Message, ctx: Context) -> None:
        if link.owner is not None:
            ctx.tell(link.owner, message)


class Cut(Message, frozen=True, kw_only=True):
    """Take a governance node off the network, or bring it back."""

    endpoint: int
    down: bool


class LookRound(Message, frozen=True, kw_only=True):
    """A governance node may have something to say that is no answer."""

    endpoint: int


class Said(Message, frozen=True, kw_only=True):
    """A governance node says something on a stream that is no answer."""

    endpoint: int
    stream: int
    frame: bytes


class Passed(Message, frozen=True, kw_only=True):
    """Witnesses on their way from one governance node to another."""

    sender: int
    endpoint: int
    bundle: bytes


def _listed(value: Any) -> Any:
    """What JSON makes of parameters: lists, no tuples."""
    if isinstance(value, tuple | list):
        return [_listed(one) for one in value]
    if isinstance(value, dict):
        return {name: _listed(one) for name, one in value.items()}
    return value


def _words(end: governance_faults.Cut) -> str:
    return f"{end.code}: {end.message}"


def delay(random: Random) -> float:
    """Seconds that something takes on its way."""
    return DELAY_MIN_SECONDS + (DELAY_MAX_SECONDS - DELAY_MIN_SECONDS) * random.random()
