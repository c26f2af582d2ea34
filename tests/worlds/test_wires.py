"""The transport in memory: who is connected, order on each connection, and what a cut, a partition and a kill do."""

from typing import Any

import msgspec

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.message import Message
from alys.base.prng import SeededRandom
from alys.node import ports
from alys.worlds.wires import NOTICE_SECONDS, WirePort, Wires
from tests.node.bench import Bench


class Order(Message, frozen=True, kw_only=True):
    message: Message


class Owner(Actor):
    """A node's Network, which writes down what it is told."""

    def __init__(self, heard: list[Message], tree: str) -> None:
        self._heard = heard
        self._tree = tree

    def on_order(self, message: Order, ctx: Context) -> None:
        ctx.tell(ctx.whereis(f"{self._tree}/ports/wire"), message.message)

    def on_any(
        self, message: ports.WireUp | ports.WireDown | ports.WireReceived, ctx: Context
    ) -> None:
        self._heard.append(message)


class Spoiled(Message, frozen=True, kw_only=True):
    """What a port fails at."""


class Fragile(WirePort):
    def on_spoiled(self, message: Spoiled, ctx: Context) -> None:
        raise ValueError("spoiled")


class Nodes(msgspec.Struct, kw_only=True):
    bench: Bench = msgspec.field(default_factory=Bench)
    heard: dict[str, list[Message]] = msgspec.field(default_factory=dict)
    wires: Any = None

    def __post_init__(self) -> None:
        self.wires = Wires(SeededRandom(3), self.bench.system)

    def start(self, *names: str) -> "Nodes":
        for name in names:
            told = self.heard.setdefault(name, [])
            self.bench.start(
                f"{name}/ports/wire",
                lambda name=name: Fragile(self.wires, name),  # type: ignore[misc]  # a default makes its type unknown
            )
            self.bench.start(f"{name}/network", lambda told=told, name=name: Owner(told, name))  # type: ignore[misc]
            self.say(name, ports.WireListen())
        return self

    def say(self, name: str, message: Message) -> None:
        self.bench.tell(f"{name}/network", Order(message=message))

    def dial(self, name: str, peer: str) -> None:
        self.say(name, ports.WireDial(peer=peer, address=peer))
        self.bench.run_for(0.1)

    def send(self, name: str, peer: str, *sent: bytes) -> None:
        for data in sent:
            self.say(name, ports.WireSend(peer=peer, data=data))

    def take(self, name: str) -> list[Message]:
        taken, self.heard[name][:] = list(self.heard[name]), []
        return taken


def connected(*names: str) -> Nodes:
    nodes = Nodes().start(*names)
    for place, name in enumerate(names):
        for other in names[place + 1 :]:
            nodes.dial(name, other)
    for name in names:
        others = [m.peer for m in nodes.take(name) if isinstance(m, ports.WireUp)]
        assert sorted(others) == sorted(set(names) - {name})
    return nodes


SENT = [bytes((n,)) for n in range(50)]


def received(peer: str, sent: list[bytes]) -> list[Message]:
    return [ports.WireReceived(peer=peer, data=data) for data in sent]


def down(peer: str, reason: str, *, reached: bool = True) -> list[Message]:
    return [ports.WireDown(peer=peer, reason=reason, reached=reached)]


def test_both_ends_hear_of_a_connection_and_what_is_sent_keeps_its_order() -> None:
    nodes = connected("a", "b")
    nodes.send("a", "b", *SENT)
    nodes.bench.run_for(1.0)
    assert nodes.take("b") == received("a", SENT)
    nodes.dial("b", "a")  # is connected already
    assert nodes.take("a") == []


def test_a_dial_to_nobody_is_refused_and_one_into_a_cut_is_not_answered() -> None:
    nodes = Nodes().start("a", "b")
    nodes.dial("a", "c")
    assert nodes.take("a") == down("c", "connection refused", reached=False)
    nodes.wires.cut("b", "a", one_way=True)
    nodes.dial("a", "b")
    assert nodes.take("a") == []
    nodes.bench.run_for(NOTICE_SECONDS)
    assert nodes.take("a") == down("b", "no answer in time", reached=False)
    nodes.wires.join("a", "b")
    nodes.dial("a", "b")
    assert nodes.take("a") == [ports.WireUp(peer="b", address="b")]


def test_a_short_cut_delays_and_loses_nothing() -> None:
    nodes = connected("a", "b")
    nodes.send("a", "b", *SENT[:10])
    nodes.wires.cut("a", "b")
    nodes.send("a", "b", *SENT[10:20])
    nodes.bench.run_for(NOTICE_SECONDS / 2)
    assert nodes.take("b") == []
    nodes.send("a", "b", *SENT[20:])
    nodes.wires.join("a", "b")
    nodes.bench.run_for(NOTICE_SECONDS)
    assert nodes.take("b") == received("a", SENT)
    assert nodes.take("a") == []


def test_a_cut_that_lasts_ends_the_connection_at_both_ends_and_loses_what_was_on_its_way() -> None:
    nodes = connected("a", "b")
    nodes.wires.cut("a", "b")
    nodes.send("a", "b", *SENT)
    nodes.bench.run_for(NOTICE_SECONDS + 0.1)
    assert nodes.take("a") == down("b", "no answer in time")
    assert nodes.take("b") == down("a", "no answer in time")
    nodes.wires.join("a", "b")
    nodes.send("a", "b", b"lost")
    nodes.dial("b", "a")
    nodes.send("a", "b", b"new")
    nodes.bench.run_for(1.0)
    assert nodes.take("b") == [ports.WireUp(peer="a", address="a"), *received("a", [b"new"])]


def test_a_cut_of_one_way_lets_the_other_pass_until_it_is_noticed() -> None:
    nodes = connected("a", "b")
    nodes.wires.cut("a", "b", one_way=True)
    nodes.send("a", "b", b"held")
    nodes.send("b", "a", b"passes")
    nodes.bench.run_for(1.0)
    assert nodes.take("a") == received("b", [b"passes"])
    nodes.bench.run_for(NOTICE_SECONDS)
    assert nodes.take("a") == down("b", "no answer in time")
    assert nodes.take("b") == down("a", "no answer in time")


def test_connections_that_are_not_cut_go_on() -> None:
    nodes = connected("a", "b", "c", "d")
    for one, other in ("ab", "ac", "ad", "bd", "cd"):
        nodes.wires.cut(one, other)
    nodes.bench.run_for(NOTICE_SECONDS + 0.1)
    assert {m.peer for m in nodes.take("a") if isinstance(m, ports.WireDown)} == {"b", "c", "d"}
    assert {m.peer for m in nodes.take("b") if isinstance(m, ports.WireDown)} == {"a", "d"}
    nodes.send("b", "c", b"still")
    nodes.bench.run_for(1.0)
    assert received("b", [b"still"])[0] in nodes.take("c")


def test_a_killed_node_takes_its_connections_along_and_comes_back_without() -> None:
    nodes = connected("a", "b")
    nodes.bench.kill("b/ports/wire")
    nodes.wires.gone("b")
    assert nodes.take("a") == down("b", "closed by the peer")
    nodes.dial("a", "b")
    assert nodes.take("a") == down("b", "connection refused", reached=False)
    nodes.bench.stop("b/network")
    nodes.take("b")
    nodes.start("b")
    nodes.dial("a", "b")
    assert nodes.take("b") == [ports.WireUp(peer="a", address="a")]


def test_a_closed_connection_is_told_of_at_both_ends() -> None:
    nodes = connected("a", "b")
    nodes.say("a", ports.WireClose(peer="b", reason="banned"))
    assert nodes.take("a") == down("b", "banned")
    assert nodes.take("b") == down("a", "closed by the peer")


def test_what_was_sent_over_an_earlier_connection_does_not_arrive_on_the_next() -> None:
    nodes = connected("a", "b")
    for data in SENT:
        nodes.bench.system.tell(
            nodes.bench.system.whereis("a/ports/wire"), ports.WireSend(peer="b", data=data)
        )
    for told in (ports.WireClose(peer="b", reason="x"), ports.WireDial(peer="b", address="b")):
        nodes.bench.system.tell(nodes.bench.system.whereis("a/ports/wire"), told)
    nodes.bench.run_for(1.0)
    heard = nodes.take("b")
    assert heard == [*down("a", "closed by the peer"), ports.WireUp(peer="a", address="a")]


def test_a_network_that_listens_again_hears_of_what_is_there() -> None:
    nodes = connected("a", "b")
    nodes.say("a", ports.WireListen())
    assert nodes.take("a") == [ports.WireUp(peer="b", address="b")]
    assert nodes.bench.ask("a/ports/wire", ports.WireAddress()) == "a"


def test_a_port_that_is_restarted_goes_on_for_its_node() -> None:
    """Its Network asked once to listen and knows of no restart: it hears that nobody is connected, and takes and makes connections as before."""
    nodes = connected("a", "b", "c")
    wire = nodes.bench.system.whereis("a/ports/wire")
    before = wire.cell.incarnation
    nodes.bench.tell("a/ports/wire", Spoiled())
    nodes.bench.run_for(1.0)
    assert wire.cell.incarnation == before + 1
    assert nodes.take("a") == [
        *down("b", ports.TRANSPORT_RESTARTED),
        *down("c", ports.TRANSPORT_RESTARTED),
    ]
    assert nodes.take("b") == down("a", "closed by the peer")
    nodes.dial("b", "a")
    nodes.dial("a", "c")
    up = [message.peer for message in nodes.take("a") if isinstance(message, ports.WireUp)]
    assert up == ["b", "c"]
    nodes.send("b", "a", b"again")
    nodes.bench.run_for(1.0)
    assert nodes.take("a") == received("b", [b"again"])
