"""One peer: the greeting's order, pings, what ends a connection, and the limits of what waits."""

import pytest

from alys.models.bitcoin import peer as module
from alys.wire import bitcoin_p2p as p2p
from alys.wire.bitcoin_p2p import Item, Kind, Message
from tests.models.bitcoin.builders import Clock, make_node
from tests.models.bitcoin.peering import Stranger, version


def test_who_calls_greets_first_and_who_is_called_answers() -> None:
    node = make_node()
    outbound = node.peers.connected("10.0.0.1:1", inbound=False)
    assert outbound.data_to_send()[4:11] == b"version"
    inbound = node.peers.connected("10.0.0.1:1", inbound=True)
    assert inbound.data_to_send() == b""


def test_a_greeting_that_is_over_is_followed_by_our_questions() -> None:
    stranger = Stranger(make_node(), greet=False)
    stranger.answer(version())
    assert stranger.heard() == []
    said = stranger.answer(p2p.WtxidRelay(), p2p.SendAddrV2(), p2p.Verack())
    kinds = [p2p.SendHeaders, p2p.Ping, p2p.FeeFilter, p2p.GetHeaders]
    assert [type(one) for one in said[:4]] == kinds
    assert stranger.peer.ready
    assert stranger.peer.wtxid_relay
    assert stranger.peer.addresses_v2


@pytest.mark.parametrize("message", [p2p.WtxidRelay(), p2p.SendAddrV2()])
def test_what_belongs_into_the_greeting_ends_the_connection_after_it(message: Message) -> None:
    stranger = Stranger(make_node())
    stranger.say(message)
    assert stranger.peer.reason == f"{type(message).__name__.lower()} received after verack"


def test_what_comes_before_the_greeting_or_twice_is_ignored() -> None:
    stranger = Stranger(make_node(), greet=False)
    stranger.say(p2p.Verack(), p2p.Ping(nonce=1))
    assert stranger.heard() == []
    stranger.answer(version(height=5))
    assert stranger.answer(p2p.Ping(nonce=1), version(height=6)) == []
    stranger.say(p2p.Verack())
    stranger.heard()
    stranger.say(p2p.Verack())
    assert stranger.heard() == []
    assert stranger.peer.version is not None
    assert stranger.peer.version.height == 5


def test_an_obsolete_peer_is_turned_away() -> None:
    stranger = Stranger(make_node(), greet=False)
    stranger.say(version(protocol=31_799))
    assert stranger.peer.reason == "its protocol version 31799 is obsolete"
    assert stranger.heard() == []


def test_pings_are_answered_and_ours_are_timed() -> None:
    clock = Clock()
    stranger = Stranger(make_node(0, clock))
    peer = stranger.peer
    assert stranger.answer(p2p.Ping(nonce=9)) == [p2p.Pong(nonce=9)]
    nonce = (peer.number << 32) + 1
    clock.seconds += 2
    stranger.say(p2p.Pong(nonce=nonce + 1))
    assert not peer.ping_seconds
    assert peer.waiting_seconds == 2
    stranger.say(p2p.Pong(nonce=nonce))
    assert [peer.ping_seconds, peer.ping_seconds_min] == [2, 2]
    clock.seconds += module.PING_EVERY_SECONDS + 1
    peer.tick()
    peer.tick()
    (ping,) = stranger.heard()
    clock.seconds += 5
    assert isinstance(ping, p2p.Ping)
    stranger.say(p2p.Pong(nonce=ping.nonce))
    assert [peer.ping_seconds, peer.ping_seconds_min] == [5, 2]


def test_a_peer_that_does_not_answer_pings_is_given_up() -> None:
    clock = Clock()
    stranger = Stranger(make_node(0, clock))
    clock.seconds += module.SILENT_SECONDS
    stranger.peer.tick()
    assert not stranger.peer.closed
    clock.seconds += 1
    stranger.peer.tick()
    assert stranger.peer.reason == f"no answer to a ping within {module.SILENT_SECONDS} s"
    stranger.peer.tick()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "not a message: it begins with 47455420"),
        (
            p2p.REGTEST_MAGIC + b"tx".ljust(12, b"\0") + b"\xff" * 8,
            "not a message: 4294967295 bytes",
        ),
        (p2p.framed("inv", b"\xfd\x51\xc3"), "not a inventory: 50001 items"),
    ],
    ids=["another protocol", "too long", "too many items"],
)
def test_what_cannot_be_read_ends_the_connection(data: bytes, reason: str) -> None:
    stranger = Stranger(make_node())
    stranger.peer.receive(data)
    assert stranger.peer.reason.startswith(reason)
    stranger.peer.receive(p2p.encode(p2p.Ping(nonce=1)))
    assert stranger.heard() == []


@pytest.mark.parametrize("payload", [b"\xfd", bytes(3)])
def test_a_message_that_cannot_be_read_is_passed_over(payload: bytes) -> None:
    stranger = Stranger(make_node())
    stranger.peer.receive(p2p.framed("tx", payload) + p2p.framed("inv", b"\x05"))
    assert stranger.peer.unread == 2
    assert stranger.answer(p2p.Ping(nonce=1)) == [p2p.Pong(nonce=1)]


def test_a_frame_with_a_wrong_checksum_is_skipped() -> None:
    stranger = Stranger(make_node())
    good = p2p.encode(p2p.Ping(nonce=1))
    stranger.peer.receive(good[:-1] + b"x" + good)
    assert stranger.heard() == [p2p.Pong(nonce=1)]


def test_a_peer_that_reads_nothing_is_dropped_before_it_costs_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stranger = Stranger(make_node())
    monkeypatch.setattr(module, "OUTGOING_BYTES_MAX", 100)
    stranger.say(*[p2p.Ping(nonce=n) for n in range(5)])
    assert stranger.peer.reason == "it leaves 128 bytes unread"
    assert stranger.heard() == []


def test_what_a_peer_knows_is_remembered_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KNOWN_MAX", 2)
    peer = Stranger(make_node()).peer
    for name in ("a", "b", "c"):
        peer.learn(name)
    assert [peer.knows(name) for name in ("a", "b", "c")] == [False, True, True]


def test_bytes_are_counted_by_command() -> None:
    stranger = Stranger(make_node())
    before = stranger.peer.received["ping"]
    stranger.answer(p2p.Ping(nonce=1))
    assert stranger.peer.received["ping"] - before == 32
    assert stranger.peer.sent["pong"] == 32


def test_commands_that_nobody_knows_are_counted_as_one() -> None:
    stranger = Stranger(make_node())
    for number in range(9):
        stranger.say(p2p.Unknown(command=f"made up {number}", payload=b"x"))
    stranger.say(p2p.Unknown(command="cmpctblock", payload=b""))
    counted = stranger.peer.received
    assert (counted[p2p.OTHER], counted["cmpctblock"], len(counted)) == (9 * 25, 24, 5)


def test_closing_wakes_who_writes_and_forgets_what_waits() -> None:
    woken: list[bool] = []
    node = make_node()
    peer = node.peers.connected("10.0.0.1:1", inbound=False, wake=lambda: woken.append(True))
    assert woken
    peer.wanted.append(Item(kind=Kind.TX, hash="00" * 32))
    peer.close("first")
    peer.close("second")
    peer.send(p2p.Verack())
    assert (peer.reason, peer.data_to_send(), len(peer.wanted)) == ("first", b"", 0)
