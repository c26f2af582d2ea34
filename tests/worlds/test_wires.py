"""The transport in memory: connections when both listen and nobody has cut them, and order on each."""

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

    def on_any(
        self, message: ports.WireUp | ports.WireDown | ports.WireReceived, ctx: Context
    ) -> None:
        self._heard.append(message)


class Two:
    """Two nodes' ends, each with what its network was told."""

    def __init__(self) -> None:
        self.bench = Bench()
        self.wires = Wires(SeededRandom(3), self.bench.system)
        self.heard: dict[str, list[Message]] = {"a": [], "b": []}
        for tree, told in self.heard.items():
            self.bench.start(f"{tree}/network", lambda told=told: Told(told))  # type: ignore[misc]
            self.port(tree)

    def port(self, tree: str) -> None:
        """Its end of the wires."""
        self.bench.start(f"{tree}/ports/wire", lambda: WirePort(self.wires, tree))

    def listen(self, *trees: str) -> None:
        """They are there."""
        for tree in trees:
            self.bench.tell(f"{tree}/ports/wire", ports.WireListen())

    def send(self, sender: str, receiver: str, data: bytes) -> None:
        """It leaves, and is not there yet."""
        sent = ports.WireSend(peer=receiver, data=data)
        self.bench.system.tell(self.bench.system.whereis(f"{sender}/ports/wire"), sent)

    def told(self, tree: str) -> list[Message]:
        """What a network was told since this was asked last, once all that is under way has arrived."""
        self.bench.run_for(1.0)
        told, self.heard[tree][:] = list(self.heard[tree]), []
        return told


def test_both_ends_hear_of_a_connection_and_what_is_sent_keeps_its_order() -> None:
    two = Two()
    two.listen("a")
    assert two.heard == {"a": [], "b": []}
    two.listen("b")
    assert two.told("a") == [ports.WireUp(peer="b")]
    assert two.told("b") == [ports.WireUp(peer="a")]
    sent = [bytes((n,)) for n in range(50)]
    for data in sent:
        two.send("a", "b", data)
    assert two.told("b") == [ports.WireReceived(peer="a", data=data) for data in sent]


def test_a_cut_tells_both_ends_loses_what_is_under_way_and_lasts_until_it_is_joined() -> None:
    two = Two()
    two.listen("a", "b")
    two.told("a"), two.told("b")
    two.send("a", "b", b"lost")
    two.bench.run_for(0.0)
    two.wires.cut("b", "a")
    two.wires.cut("a", "b")
    assert two.told("a") == [ports.WireDown(peer="b", reason="the network is cut")]
    assert two.told("b") == [ports.WireDown(peer="a", reason="the network is cut")]
    two.listen("a")
    two.send("a", "b", b"not sent")
    assert two.told("b") == []
    two.wires.join("a", "b")
    two.wires.join("a", "b")
    two.send("a", "b", b"there")
    assert two.told("a") == [ports.WireUp(peer="b")]
    assert two.told("b") == [ports.WireUp(peer="a"), ports.WireReceived(peer="a", data=b"there")]


def test_a_node_that_is_gone_is_told_of_once_and_comes_back_when_it_listens() -> None:
    two = Two()
    two.listen("a", "b")
    two.told("a"), two.told("b")
    two.send("b", "a", b"lost with its sender")
    two.bench.stop("b/ports/wire")
    two.wires.gone("b")
    two.wires.gone("b")
    assert two.told("a") == [ports.WireDown(peer="b", reason="connection reset")]
    two.port("b")
    two.listen("b")
    assert two.told("a") == [ports.WireUp(peer="b")]
