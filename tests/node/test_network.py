"""Network: who is connected, and what becomes of what comes in."""

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.message import Message
from alys.node import gossip, messages, ports
from alys.node.network import GetPeers, Network, NetworkNames
from tests.node.bench import Bench

REFUSAL = gossip.Refusal(root=bytes(32), authority_index=2, reason="why", detail="so", height=7)


class Told(Actor):
    """Writes down what it is told."""

    def __init__(self, heard: list[Message]) -> None:
        self._heard = heard

    def on_any(
        self,
        message: messages.BlockRefused | messages.BlockProposed | ports.WireListen | ports.WireSend,
        ctx: Context,
    ) -> None:
        self._heard.append(message)


def started() -> tuple[Bench, list[Message], list[Message]]:
    bench = Bench()
    chain: list[Message] = []
    wire: list[Message] = []
    bench.start("chain", lambda: Told(chain))
    bench.start("wire", lambda: Told(wire))
    bench.start("network", lambda: Network(NetworkNames(chain="chain", wire="wire")))
    assert wire == [ports.WireListen()]
    wire.clear()
    return bench, chain, wire


def test_published_items_go_to_those_who_are_connected() -> None:
    bench, _, wire = started()
    for peer in ("a", "b", "c"):
        bench.tell("network", ports.WireUp(peer=peer))
    bench.tell("network", ports.WireDown(peer="b", reason="gone"))
    bench.tell("network", messages.Publish(item=REFUSAL))
    data = gossip.encode(REFUSAL)
    assert wire == [ports.WireSend(peer="a", data=data), ports.WireSend(peer="c", data=data)]
    wire.clear()
    bench.tell("network", messages.SendTo(peer="b", item=REFUSAL))
    assert wire == []
    bench.tell("network", messages.SendTo(peer="c", item=REFUSAL))
    assert wire == [ports.WireSend(peer="c", data=data)]


def test_what_comes_in_is_passed_on_with_its_origin() -> None:
    bench, chain, _ = started()
    bench.tell("network", ports.WireUp(peer="a"))
    bench.tell("network", ports.WireReceived(peer="a", data=gossip.encode(REFUSAL)))
    assert [m.origin for m in chain if isinstance(m, messages.BlockRefused)] == ["a"]
    chain.clear()
    bench.tell("network", ports.WireReceived(peer="a", data=b"junk"))
    assert chain == []
    assert [line.bad_items for line in bench.ask("network", GetPeers())] == [1]
