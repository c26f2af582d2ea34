"""Network: who is connected, whom an item reaches, and what becomes of what peers say."""

import pytest

from alys.actors.message import Message
from alys.node import gossip, messages, ports, topics
from alys.node.network import GetPeers, Network, NetworkNames, PeerLine, heard
from tests.node.bench import Bench
from tests.node.items import APPROVAL, EVERY, REFUSAL, STATUS
from tests.node.listeners import Say, listeners, taken

NAMES = NetworkNames(chain="chain", wire="wire", peer="peer", sync="sync")


class Started:
    """A Network between listeners, with these peers connected."""

    def __init__(self, *peers: str, connections_max: int = 1000) -> None:
        self.bench = Bench()
        self.heard = listeners(self.bench, "chain", "wire", "peer", "sync")
        make = lambda: Network(NAMES, connections_max=connections_max)  # noqa: E731
        self.bench.start("network", make)
        assert self.take("wire") == [ports.WireListen()]
        for peer in peers:
            self.tell(ports.WireUp(peer=peer, address=f"{peer}:1"))
        self.take("peer"), self.take("sync")

    def tell(self, message: Message) -> None:
        self.bench.tell("network", message)

    def take(self, name: str) -> list[Message]:
        return taken(self.heard[name])

    def receive(self, peer: str, item: gossip.Item) -> None:
        self.tell(ports.WireReceived(peer=peer, data=gossip.encode(item)))

    def line(self, peer: str) -> PeerLine:
        (found,) = (line for line in self.bench.ask("network", GetPeers()) if line.name == peer)
        return found


def sent(item: gossip.Item, *peers: str) -> list[Message]:
    return [ports.WireSend(peer=peer, data=gossip.encode(item)) for peer in peers]


def test_published_items_go_to_those_who_are_connected() -> None:
    run = Started("a", "b", "c")
    run.tell(ports.WireDown(peer="b", reason="gone"))
    run.tell(messages.Publish(item=REFUSAL))
    assert run.take("wire") == sent(REFUSAL, "a", "c")
    run.tell(messages.SendTo(peer="b", item=REFUSAL))
    run.tell(messages.SendTo(peer="nobody", item=REFUSAL))
    assert run.take("wire") == []
    run.tell(messages.SendTo(peer="c", item=REFUSAL))
    assert run.take("wire") == sent(REFUSAL, "c")
    assert run.line("c").sent == 2
    assert run.line("b").reason == "gone"


def test_what_concerns_all_is_passed_on_once_and_not_back() -> None:
    run = Started("a", "b", "c")
    run.receive("a", APPROVAL)
    assert run.take("wire") == sent(APPROVAL, "b", "c")
    run.receive("b", APPROVAL)
    run.receive("a", APPROVAL)
    assert run.take("wire") == []
    assert len(run.take("chain")) == 1
    assert (run.line("b").duplicates, run.line("a").duplicates) == (1, 1)
    run.bench.run_for(topics.SEEN_SECONDS)
    run.receive("b", APPROVAL)  # said again, for whoever missed it
    assert run.take("wire") == sent(APPROVAL, "a", "c")
    assert len(run.take("chain")) == 1


def test_what_a_node_said_itself_does_not_come_back_to_it() -> None:
    run = Started("a", "b")
    run.tell(messages.Publish(item=APPROVAL))
    run.take("wire")
    run.receive("b", APPROVAL)
    assert run.take("chain") == run.take("wire") == []


def test_what_is_between_two_nodes_goes_no_further_and_may_be_repeated() -> None:
    run = Started("a", "b")
    for _ in range(2):
        run.receive("a", STATUS)
        assert run.take("sync") == [messages.StatusHeard(peer="a", status=STATUS)]
    assert run.take("wire") == []


@pytest.mark.parametrize("item", EVERY, ids=lambda item: type(item).__name__)
def test_every_item_reaches_the_actor_that_it_concerns(item: gossip.Item) -> None:
    run = Started("a")
    run.receive("a", item)
    to_chain, to_sync = run.take("chain"), run.take("sync")
    if isinstance(item, gossip.Status | gossip.BlocksRequest | gossip.BlocksResponse):
        assert to_chain == []
        assert len(to_sync) == 1
    else:
        expected = heard(item, "a")
        assert to_chain == ([] if expected is None else [expected])
        assert to_sync == []


def test_what_is_no_item_is_its_senders_fault() -> None:
    run = Started("a")
    run.tell(ports.WireReceived(peer="a", data=b"junk"))
    assert run.take("chain") == run.take("sync") == run.take("wire") == []
    assert run.take("peer") == [messages.PeerDid(peer="a", deed="bad_item")]
    assert run.line("a").bad_items == 1


def test_who_says_too_much_is_not_listened_to_and_reported_once_a_second() -> None:
    run = Started("a", "b")
    allowed = int(topics.BURST_SECONDS * 10)
    for _ in range(allowed + 50):
        run.receive("a", STATUS)
    assert len(run.take("sync")) == allowed
    assert run.take("peer") == [messages.PeerDid(peer="a", deed="flood")]
    assert run.line("a").limited == 50
    run.receive("b", STATUS)
    assert len(run.take("sync")) == 1
    run.bench.run_for(1.0)
    for _ in range(11):
        run.receive("a", STATUS)
    assert len(run.take("sync")) == 10
    assert run.take("peer") == [messages.PeerDid(peer="a", deed="flood")]


def test_peers_and_sync_hear_who_comes_and_goes() -> None:
    run = Started()
    run.tell(ports.WireUp(peer="a", address="a:1"))
    up = [messages.PeerConnected(peer="a", address="a:1")]
    assert run.take("peer") == run.take("sync") == up
    run.tell(ports.WireDown(peer="a", reason="x: connection refused", reached=False))
    assert run.take("peer") == []  # a dial that crossed its own connection
    run.tell(ports.WireDown(peer="a", reason="gone"))
    down = [messages.PeerDisconnected(peer="a", reason="gone")]
    assert run.take("peer") == run.take("sync") == down
    run.tell(ports.WireUp(peer="b"))
    run.take("peer"), run.take("sync")
    run.bench.tell("peer", Say(to="network", message=messages.WhoIsThere()))
    assert run.take("peer") == [messages.PeerConnected(peer="b")]
    assert run.take("sync") == []
    run.bench.tell("sync", Say(to="network", message=messages.WhoIsThere()))
    assert run.take("sync") == [messages.PeerConnected(peer="b")]
    run.bench.tell("chain", Say(to="network", message=messages.WhoIsThere()))
    assert run.take("chain") == run.take("sync") == []


def test_the_peer_actors_orders_are_carried_out() -> None:
    run = Started("a")
    run.tell(messages.ConnectToPeer(peer="b", address="b:1"))
    run.tell(messages.DisconnectPeer(peer="a", reason="banned"))
    assert run.take("wire") == [
        ports.WireDial(peer="b", address="b:1"),
        ports.WireClose(peer="a", reason="banned"),
    ]


def test_one_connection_too_many_is_closed() -> None:
    run = Started("a", connections_max=1)
    run.tell(ports.WireUp(peer="b"))
    assert run.take("wire") == [ports.WireClose(peer="b", reason="too many connections")]
    assert run.take("peer") == []
    run.tell(ports.WireUp(peer="a"))  # the same one again
    assert run.take("wire") == []


def test_what_a_peer_did_not_read_is_counted() -> None:
    run = Started("a")
    run.tell(ports.WireDropped(peer="a", count=3))
    run.tell(ports.WireDropped(peer="a", count=2))
    assert run.line("a").dropped == 5


def test_an_actor_that_has_no_room_does_not_bring_network_down() -> None:
    run = Started("a")
    chain = run.bench.system.whereis("chain")
    run.bench.system.suspend(chain)
    run.bench.dispatcher.run_until_idle()
    most = 1100  # more than a mailbox holds by default
    for number in range(most):
        item = gossip.Approval(
            root=number.to_bytes(32, "big"), authority_index=1, signature=bytes(96)
        )
        run.receive("a", item)
    lost = run.line("a").lost
    assert 0 < lost < most
    assert not run.bench.failures.errors
    run.bench.system.resume(chain)
    run.bench.dispatcher.run_until_idle()
    assert len(run.take("chain")) == most - lost
