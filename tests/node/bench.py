"""A system of actors in virtual time, ports that answer from a function, and probes that write down what they are told."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.envelope import Envelope
from alys.actors.message import Message, Request
from alys.actors.observe import Observer
from alys.actors.ref import Ref
from alys.actors.supervision import ChildSpec
from alys.actors.system import System
from alys.base.prng import SeededRandom
from alys.node import messages, orders, ports
from alys.node.engine import BurnDetected
from alys.node.errors import PortDown
from alys.sim.dispatch import SimDispatcher
from alys.wire.jsonrpc import RpcError
from alys.worlds.disk import Disk, StorePort

R = TypeVar("R")
Answer = Callable[..., Any]

START = 1_767_225_600.0
SECONDS = 1000.0


class Failures(Observer):
    """Keeps what actors raised."""

    def __init__(self) -> None:
        self.errors: list[BaseException] = []

    def failed(self, actor: Ref, error: BaseException, envelope: Envelope | None) -> None:  # type: ignore[explicit-override]
        self.errors.append(error)


class Answering(Actor):
    """A JSON-RPC service that is a function; RpcError refuses, and PortDown says that it is away."""

    def __init__(self, answer: Callable[..., Any]) -> None:
        self._answer = answer

    def on_call(self, message: ports.JsonRpcCall, ctx: Context) -> Any:
        try:
            return self._answer(message.method, *message.params)
        except (RpcError, PortDown) as error:
            ctx.refuse(error)
            return None


class Spoiled(Message, frozen=True, kw_only=True):
    """What a gateway fails at."""


class FailingGateway(Actor):
    """Fails at the first call of a method, at once or before it has answered; in its next life it answers."""

    def __init__(self, lives: list[int], answer: Answer, method: str, *, at_once: bool) -> None:
        lives.append(len(lives))
        self._first = len(lives) == 1
        self._answer = answer
        self._method = method
        self._at_once = at_once

    def on_call(self, message: ports.JsonRpcCall, ctx: Context) -> Any:
        if not self._first or message.method != self._method:
            return self._answer(message.method, *message.params)
        if self._at_once:
            raise ValueError("spoiled")
        ctx.defer()
        ctx.tell(ctx.self, Spoiled())
        return None

    def on_spoiled(self, message: Spoiled, ctx: Context) -> None:
        raise ValueError("spoiled")


class Probe(Actor):
    """Stands in for an actor that is only told things."""

    def __init__(self, heard: list[Message]) -> None:
        self._heard = heard

    def on_any(
        self,
        message: messages.FederationHealth
        | messages.Publish
        | messages.SendTo
        | messages.BlockImported
        | messages.BlocksReverted
        | messages.ChainStarted
        | messages.PayoutsFinalised
        | messages.ReportStatus
        | messages.PeginReady
        | messages.PeginWithdrawn
        | messages.BitcoinSeen
        | messages.PayoutSigned
        | messages.NotifyPegin
        | messages.RequestSignatures
        | messages.SignaturesCollected
        | messages.SignaturesShort
        | orders.FederationAnnounced
        | orders.FederationsKnown
        | orders.HaltChanged
        | orders.PeginNoticed
        | orders.PeginUnclaimable
        | orders.ProposalAnnounced
        | orders.RepeatUnconfirmed
        | BurnDetected
        | ports.OpenStream
        | ports.SendFrame
        | ports.CloseStream,
        ctx: Context,
    ) -> None:
        self._heard.append(message)


class Do(Request[Any], frozen=True, kw_only=True):
    """Work for an actor's context."""

    work: Callable[[Context], Awaitable[Any]]


class Doer(Actor):
    """Lends its context."""

    async def on_do(self, message: Do, ctx: Context) -> Any:
        return await message.work(ctx)


class Bench:
    """One system; actors are started under the names by which the node knows them."""

    def __init__(self, seed: int = 1) -> None:
        self.random = SeededRandom(seed)
        self.dispatcher = SimDispatcher(self.random.fork("schedule"), START)
        self.failures = Failures()
        self.system = System(self.dispatcher, self.random.fork("actors"), observer=self.failures)
        self.disk = Disk()

    def start(self, name: str, factory: Callable[[], Actor]) -> Ref:
        """Start an actor and let its start hook run."""
        ref = self.system.spawn(
            ChildSpec(name=name.replace("/", "-"), factory=factory, register=name)
        )
        self.dispatcher.run_until_idle()
        return ref

    def stop(self, name: str) -> None:
        """Stop it for good; its name is free again."""
        self.dispatcher.result_of(self.system.stop(self.system.whereis(name)), SECONDS)

    def kill(self, name: str) -> None:
        """End it at once, without its hooks."""
        reply = self.system.stop(self.system.whereis(name), seconds=0)
        self.dispatcher.result_of(reply, SECONDS)
        self.dispatcher.run_until_idle()

    def store(self, name: str) -> None:
        """A durable store that outlives actors."""
        self.start(name, lambda: StorePort(self.disk))

    def failing_gateway(self, name: str, answer: Answer, method: str, *, at_once: bool) -> None:
        """A port whose gateway fails once, under the first call of a method."""
        lives: list[int] = []
        self.start(name, lambda: FailingGateway(lives, answer, method, at_once=at_once))

    def service(self, name: str, answer: Callable[..., Any]) -> None:
        """A port before a function."""
        self.start(name, lambda: Answering(answer))

    def probe(self, name: str) -> list[Message]:
        """What an actor of this name is told."""
        heard: list[Message] = []
        self.start(name, lambda: Probe(heard))
        return heard

    def ask(self, name: str, request: Request[R]) -> R:
        """Ask and let virtual time pass until it is answered."""
        reply = self.system.ask(self.system.whereis(name), request)
        return self.dispatcher.result_of(reply, SECONDS)

    def within(self, work: Callable[[Context], Awaitable[Any]]) -> Any:
        """What comes of work that needs a context."""
        if not self.system.whereis("doer").cell:
            self.start("doer", Doer)
        return self.ask("doer", Do(work=work))

    def tell(self, name: str, message: Message) -> None:
        """Tell and let all that follows at once happen."""
        self.system.tell(self.system.whereis(name), message)
        self.dispatcher.run_until_idle()

    def run_for(self, seconds: float) -> None:
        """Let virtual time pass."""
        self.dispatcher.run_for(seconds)
