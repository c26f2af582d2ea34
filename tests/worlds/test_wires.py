"""The transport in memory: connections when both listen, and order on each."""

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.message import Message
from alys.base.prng import SeededRandom
from alys.node import ports
from alys.worlds.wires import WirePort, Wires
from tests.node.bench import Bench


class Told(Actor):
    """Writes down what it is told."""

    def __init__(self, heard: list[Message]) -> None:
        self._heard = heard

    def on_any(self, message: ports.WireUp | ports.WireReceived, ctx: Context) -> None:
        self._heard.append(message)


def test_both_ends_hear_of_a_connection_and_what_is_sent_keeps_its_order() -> None:
    bench = Bench()
    wires = Wires(SeededRandom(3))
    heard: dict[str, list[Message]] = {"a": [], "b": []}
    for tree, told in heard.items():
        bench.start(f"{tree}/network", lambda told=told: Told(told))  # type: ignore[misc]
        bench.start(f"{tree}/ports/wire", lambda tree=tree: WirePort(wires, tree))  # type: ignore[misc]
    bench.tell("a/ports/wire", ports.WireListen())
    assert heard == {"a": [], "b": []}
    bench.tell("b/ports/wire", ports.WireListen())
    assert heard == {"a": [ports.WireUp(peer="b")], "b": [ports.WireUp(peer="a")]}
    heard["b"].clear()
    sent = [bytes((n,)) for n in range(50)]
    for data in sent:
        bench.tell("a/ports/wire", ports.WireSend(peer="b", data=data))
    bench.run_for(1.0)
    assert heard["b"] == [ports.WireReceived(peer="a", data=data) for data in sent]
