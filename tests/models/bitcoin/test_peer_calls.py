"""The calls about peers: their shapes are bitcoind's, their figures are the peers'."""

from alys.wire import bitcoin_p2p as p2p
from tests.models.bitcoin.builders import Clock, fork, make_node, refusal
from tests.models.bitcoin.peering import Stranger


def test_without_peers_there_are_none() -> None:
    node = make_node()
    assert node.handle("getconnectioncount", []) == 0
    assert node.handle("getpeerinfo", []) == []
    info = node.handle("getnetworkinfo", [])
    assert (info["connections"], info["networkactive"]) == (0, True)
    assert info["localservicesnames"] == ["NETWORK", "WITNESS", "NETWORK_LIMITED"]
    assert node.handle("getnodeaddresses", []) == []
    assert node.handle("ping", []) is None


def test_a_peer_is_shown_with_what_it_said_and_has() -> None:
    clock = Clock()
    node = make_node(3, clock)
    fresh = Stranger(node, greet=False)
    stranger = Stranger(node)
    blocks = fork(node, 3, 2)
    stranger.say(p2p.Headers(headers=tuple(block.header for block in blocks)))
    stranger.say(p2p.BlockMessage(block=blocks[0]), p2p.FeeFilter(rate=2000))
    new, shown = node.handle("getpeerinfo", [])
    assert (new["version"], new["startingheight"], new["synced_headers"]) == (0, -1, -1)
    assert (new["lastsend"], new["lastrecv"]) == (0, 0)
    assert shown["id"] == 1
    assert shown["addr"] == "10.0.0.3:50001"
    assert shown["services"] == "0000000000000009"
    assert shown["servicesnames"] == ["NETWORK", "WITNESS"]
    assert (shown["version"], shown["subver"], shown["inbound"]) == (70016, "/x/", True)
    assert (shown["synced_headers"], shown["inflight"]) == (5, [5])
    assert shown["minfeefilter"] == 0.00002
    assert shown["conntime"] == int(clock.seconds)
    assert shown["bytessent"] == sum(shown["bytessent_per_msg"].values()) > 0
    assert "pingwait" in shown
    assert "pingtime" not in shown
    nonce = (stranger.peer.number << 32) + 1
    stranger.say(p2p.Pong(nonce=nonce), p2p.BlockMessage(block=blocks[1]))
    shown = node.handle("getpeerinfo", [])[1]
    assert (shown["pingtime"], shown["synced_blocks"]) == (0, 5)
    assert node.handle("getnetworkinfo", [])["connections_in"] == 2
    assert node.handle("getnettotals", [])["totalbytessent"] >= shown["bytessent"]
    node.handle("ping", [])
    assert "pingwait" in node.handle("getpeerinfo", [])[1]
    assert not fresh.peer.closed


def test_unknown_services_are_shown_by_their_bit() -> None:
    node = make_node()
    stranger = Stranger(node, greet=False)
    stranger.say(p2p.Version(services=1 << 28 | 1, time=0, nonce=5, agent=b"", height=0))
    assert node.handle("getpeerinfo", [])[0]["servicesnames"] == ["NETWORK", "UNKNOWN[2^28]"]


def test_nodes_are_added_tried_and_removed() -> None:
    node = make_node()
    node.handle("addnode", ["10.0.0.1:5", "add"])
    node.handle("addnode", ["10.0.0.2", "onetry"])
    assert list(node.peers.dials) == ["10.0.0.2:18444"]
    assert refusal(node, "addnode", "10.0.0.1:5", "add") == (-23, "Error: Node already added")
    assert refusal(node, "addnode", "10.0.0.9", "remove")[0] == -24
    assert refusal(node, "addnode", "10.0.0.9", "perhaps")[0] == -1
    assert refusal(node, "getaddednodeinfo", "10.0.0.9")[0] == -24
    peer = node.peers.connected("10.0.0.1:5", inbound=False)
    (added,) = node.handle("getaddednodeinfo", ["10.0.0.1:5"])
    assert added["connected"]
    assert node.handle("disconnectnode", ["10.0.0.1:5"]) is None
    assert peer.closed
    node.peers.disconnected(peer)
    assert node.handle("getaddednodeinfo", []) == [
        {"addednode": "10.0.0.1:5", "connected": False, "addresses": []}
    ]
    node.handle("addnode", ["10.0.0.1:5", "remove"])
    assert node.peers.added == []


def test_disconnecting_needs_one_name_of_a_peer() -> None:
    node = make_node()
    stranger = Stranger(node)
    assert refusal(node, "disconnectnode", "", 9)[0] == -29
    assert refusal(node, "disconnectnode")[0] == -32602
    assert refusal(node, "disconnectnode", "10.0.0.3:50001", 0)[0] == -32602
    node.handle("disconnectnode", ["", 0])
    assert stranger.peer.closed


def test_the_network_can_be_switched_off() -> None:
    node = make_node()
    stranger = Stranger(node)
    assert node.handle("setnetworkactive", [False]) is False
    assert stranger.peer.closed
    assert node.handle("getnetworkinfo", [])["networkactive"] is False
    assert node.handle("setnetworkactive", [True]) is True
    assert refusal(node, "getnodeaddresses", -1)[0] == -8
