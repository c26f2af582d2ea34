"""The transport between nodes over real sockets: who gets in, and that nobody holds up anybody else."""

import asyncio
import contextlib
import socket

import msgspec
import pytest

from alys.actors.loop import wait
from alys.base.errors import EnvironmentFailure
from alys.node import ports
from alys.shells import wire_keys
from alys.shells.wire_door import Door
from alys.shells.wire_gateway import STRANGERS_MAX, Isolate
from alys.shells.wire_link import FRAME_VERSION, QUEUE_BYTES_MAX, Greeting, Times
from tests.shells.waiting import until
from tests.shells.wires import NETWORK, PUBLIC, SECRETS, Node, Spoiled, nodes

MIB = 1 << 20


def frame(kind: int, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + bytes((kind,)) + body


def greeting(network: bytes = NETWORK, version: int = FRAME_VERSION) -> bytes:
    said = Greeting(version=version, network=network, address="")
    return frame(0, msgspec.msgpack.encode(said))


async def raw(
    to: Node, name: str = "b", secret: bytes | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to a node by somebody who holds a key and says what he likes."""
    host, port = to.door.address.split(":")
    made = wire_keys.contexts(secret or SECRETS[name], {to.name: PUBLIC[to.name]})
    return await asyncio.open_connection(host, int(port), ssl=made.client)


def test_what_is_sent_arrives_in_order_both_ways() -> None:
    async def run() -> None:
        async with nodes("a", "b") as (a, b):
            a.dial(b)
            await until(lambda: a.ups() == ["b"] and b.ups() == ["a"])
            told = [m.address for m in b.heard if isinstance(m, ports.WireUp)]
            assert told == [a.door.address]
            sent = [bytes((n,)) * (n * 1000) for n in range(100)]
            a.send("b", *sent)
            b.send("a", *sent)
            await until(lambda: a.received("b") == sent and b.received("a") == sent)
            a.dial(b)  # is connected already
            a.send("b", b"again")
            await until(lambda: b.received("a")[-1] == b"again")
            assert a.ups() == ["b"]

    asyncio.run(run())


def test_silence_is_bridged_and_a_peer_that_is_gone_is_noticed() -> None:
    async def run() -> None:
        async with nodes("a", "b") as (a, b):
            a.dial(b)
            await until(lambda: a.ups() and b.ups())
            quiet = asyncio.get_running_loop().create_future()
            await asyncio.wait({quiet}, timeout=1.2)  # more than twice the idle time
            assert not a.downs()
            b.door.close()
            await until(lambda: [d.reason for d in a.downs()] == ["closed by the peer"])

    asyncio.run(run())


def test_a_dialler_without_a_listed_key_is_told_that() -> None:
    async def run() -> None:
        async with nodes("a", knows=("a", "b")) as (a,), nodes("x", knows=("a", "x")) as (x,):
            x.dial(a)
            found = await until(x.downs)
            assert not found[0].reached
            assert "closed" in found[0].reason or "key" in found[0].reason
            a.dial(x, peer="b")
            found = await until(a.downs)
            assert found[0].reason.endswith("shows no key of a peer, or does not take ours")

    asyncio.run(run())


def test_nodes_that_dial_each_other_at_once_end_with_one_connection() -> None:
    async def run() -> None:
        async with nodes("a", "b") as (a, b):
            a.dial(b)
            b.dial(a)
            await until(lambda: a.ups() and b.ups())

            def passes(sender: Node, receiver: Node) -> bool:
                sender.send(receiver.name, b"through")
                return bool(receiver.received(sender.name))

            await until(lambda: passes(a, b) and passes(b, a))
            await until(lambda: all(len(n.ups()) == len(n.downs()) + 1 for n in (a, b)))

    asyncio.run(run())


def test_somebody_else_at_the_address_is_not_the_peer() -> None:
    async def run() -> None:
        async with nodes("a", "b", "c") as (a, _, c):
            a.dial(c, peer="b")
            found = await until(a.downs)
            assert (found[0].peer, found[0].reached) == ("b", False)
            assert "c answers there" in found[0].reason
            with socket.create_server(("127.0.0.1", 0)) as holder:
                free = holder.getsockname()[1]
            a.dial(f"127.0.0.1:{free}", peer="b")
            await until(lambda: len(a.downs()) == 2)
            assert "refused" in a.downs()[1].reason.lower()
            a.dial("nowhere", peer="b")
            await until(lambda: len(a.downs()) == 3)
            assert not a.ups()

    asyncio.run(run())


async def ended(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Whether the node closed the connection; what it said before does not matter."""
    try:
        with contextlib.suppress(OSError):
            async with asyncio.timeout(10):
                await reader.read(-1)
    finally:
        writer.transport.abort()
    return True


def test_a_key_that_is_not_on_the_list_gets_no_further_than_the_handshake() -> None:
    async def run() -> None:
        async with nodes("a") as (a,):
            reader, writer = await raw(a, "x")
            writer.write(greeting())
            assert await ended(reader, writer)
            assert not a.heard

    asyncio.run(run())


def test_a_replayed_connection_is_worth_nothing() -> None:
    """All that a peer ever sent, certificate and proof included, sent again by who listened on the way."""

    async def run() -> None:
        async with nodes("a", "b") as (a, b):
            host, port = a.door.address.split(":")
            heard = bytearray()

            async def pump(
                reader: asyncio.StreamReader, writer: asyncio.StreamWriter, note: bytearray
            ) -> None:
                while data := await reader.read(4096):
                    note += data
                    writer.write(data)
                writer.close()

            async def between(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                there, here = await asyncio.open_connection(host, int(port))
                with contextlib.suppress(OSError):
                    await asyncio.gather(
                        pump(reader, here, heard), pump(there, writer, bytearray())
                    )
                for one in (here, writer):
                    one.transport.abort()

            listener = await asyncio.start_server(between, "127.0.0.1", 0)
            b.dial(f"127.0.0.1:{listener.sockets[0].getsockname()[1]}", peer="a")
            await until(lambda: a.ups() == ["b"] and b.ups() == ["a"])
            b.send("a", b"pay")
            await until(lambda: a.received("b") == [b"pay"])
            b.say(ports.WireClose(peer="a", reason="enough"))
            await until(a.downs)
            listener.close()
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(bytes(heard))
            assert await ended(reader, writer)
            assert a.ups() == ["b"]
            assert a.received("b") == [b"pay"]

    asyncio.run(run())


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\xff" * 100,
        frame(1, b"data before the greeting"),
        greeting(network=b"another chain"),
        greeting(version=9),
        frame(0, b"\xc1"),
        frame(0, b"\x00" * 2000),
        greeting() + frame(9, b""),
        greeting() + frame(2, b"a ping that says something"),
        greeting() + (1 << 31).to_bytes(4, "big") + b"\x01",
        greeting() + frame(1, b"half")[:-1],
        greeting() + frame(0, b"")[:3],
    ],
)
def test_a_peer_that_says_nonsense_loses_its_connection_and_nobody_else_does(said: bytes) -> None:
    async def run() -> None:
        async with nodes("a", "c") as (a, c):
            c.dial(a)
            await until(lambda: a.ups() == ["c"])
            reader, writer = await raw(a, "b")
            writer.write(said)
            assert await ended(reader, writer)
            await until(lambda: a.ups().count("b") == len(a.downs()))
            c.send("a", b"still here")
            await until(lambda: a.received("c") == [b"still here"])
            assert not a.received("b")

    asyncio.run(run())


def test_garbage_and_silence_before_the_handshake_end_by_themselves() -> None:
    """A port scan: connect and leave, connect and say nothing, speak another protocol."""

    async def run() -> None:
        async with nodes("a", "b") as (a, b):
            host, port = a.door.address.split(":")
            opened = []
            for said in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01" + b"\xff" * 600):
                reader, writer = await asyncio.open_connection(host, int(port))
                writer.write(said)
                opened.append((reader, writer))
            assert all([await ended(*one) for one in opened])
            b.dial(a)
            await until(lambda: a.ups() == ["b"])
            assert not a.downs()

    asyncio.run(run())


def test_strangers_do_not_keep_peers_out() -> None:
    async def run() -> None:
        async with nodes("a", "b") as (a, b):
            host, port = a.door.address.split(":")
            opened = [
                await asyncio.open_connection(host, int(port)) for _ in range(STRANGERS_MAX + 8)
            ]
            assert await ended(*opened.pop())  # one too many: at once
            assert all([await ended(*one) for one in opened])
            b.dial(a)
            await until(lambda: a.ups() == ["b"])

    asyncio.run(run())


def test_a_peer_that_stops_reading_costs_old_frames_and_then_its_connection_and_holds_up_nobody() -> (
    None
):
    times = Times(handshake=2.0, ping=0.05, idle=5.0, stall=1.0)

    async def run() -> None:
        async with nodes("a", "c", times=times) as (a, c):
            c.dial(a)
            _, writer = await raw(a, "b")
            writer.write(greeting())
            await until(lambda: sorted(a.ups()) == ["b", "c"])
            for number in range(2 * QUEUE_BYTES_MAX // MIB):
                a.send("b", bytes((number,)) * MIB)
            a.send("c", b"meanwhile")
            await until(lambda: c.received("a") == [b"meanwhile"])
            assert not a.downs()
            await until(lambda: [d.reason for d in a.downs()] == ["no answer in time"])
            assert [d.peer for d in a.downs()] == ["b"]
            writer.transport.abort()

    asyncio.run(run())


def test_what_a_slow_peer_did_not_get_is_counted() -> None:
    async def run() -> None:
        async with nodes("a", "b", times=Times()) as (a, b):
            a.dial(b)
            await until(lambda: a.ups() == ["b"])
            sent = [bytes((number,)) * MIB for number in range(2 * QUEUE_BYTES_MAX // MIB)]
            a.send("b", *sent)

            def dropped() -> int:
                return sum(m.count for m in a.heard if isinstance(m, ports.WireDropped))

            await until(lambda: len(b.received("a")) + dropped() == len(sent))
            assert dropped() > 0
            assert b.received("a")[-1] == sent[-1]

    asyncio.run(run())


def test_a_closed_peer_is_told_of_and_can_come_again() -> None:
    async def run() -> None:
        async with nodes("a", "b") as (a, b):
            a.dial(b)
            await until(lambda: b.ups())
            b.say(ports.WireClose(peer="a", reason="banned"))
            await until(lambda: [d.reason for d in b.downs()] == ["banned"])
            await until(a.downs)
            a.dial(b)
            await until(lambda: b.ups() == ["a", "a"])

    asyncio.run(run())


def test_an_isolated_node_is_as_good_as_away() -> None:
    async def run() -> None:
        async with nodes("a", "b") as (a, b):
            wire = a.system.whereis("a/wire")
            a.dial(b)
            await until(lambda: a.ups() and b.ups())
            a.system.tell(wire, Isolate(peers=("b",)))
            await until(lambda: a.downs() and b.downs())
            a.dial(b)
            b.dial(a)
            await until(lambda: len(a.downs()) == 2 and len(b.downs()) == 2)
            a.system.tell(wire, Isolate(peers=()))
            b.dial(a)
            await until(lambda: a.ups() == ["b", "b"] and b.ups() == ["a", "a"])

    asyncio.run(run())


def test_a_network_that_asks_again_hears_of_what_is_there() -> None:
    async def run() -> None:
        async with nodes("a", "b") as (a, b):
            a.dial(b)
            await until(lambda: a.ups() == ["b"])
            a.say(ports.WireListen())
            await until(lambda: a.ups() == ["b", "b"])
            assert not a.downs()

    asyncio.run(run())


def test_a_door_takes_the_same_port_again_and_says_when_it_cannot() -> None:
    async def run() -> None:
        async with nodes("a", "b") as (a, b):
            port = a.door.port
            await wait(a.system.stop(a.system.whereis("a/wire")))
            a.door.listen()
            assert a.door.port == port
            a.door.close()
            taken = Door("x", SECRETS["x"], {}, network=NETWORK, port=b.door.port)
            with pytest.raises(EnvironmentFailure, match=f"127.0.0.1:{b.door.port}"):
                taken.listen()

    asyncio.run(run())


def test_a_socket_that_takes_the_number_of_a_closed_door_is_its_own() -> None:
    """The loop must not hold on to the number: it would watch, and later let go of, what is somebody else's."""

    async def run() -> None:
        async with nodes("a") as (a,):
            other = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
            listener = a.door._listener
            assert listener is not None
            number = listener.fileno()
            a.door.close()
            reader, writer = await asyncio.open_connection(*other.sockets[0].getsockname())
            assert writer.get_extra_info("socket").fileno() == number
            assert await reader.read() == b""
            writer.close()
            other.close()

    asyncio.run(run())


def test_a_gateway_that_is_restarted_goes_on_for_its_node() -> None:
    """Its Network asked once to listen and knows of no restart: it hears that nobody is connected, and takes and makes connections as before."""

    async def run() -> None:
        async with nodes("a", "b", "c") as (a, b, c):
            b.dial(a)
            await until(lambda: a.ups() == ["b"])
            address = a.door.address
            a.system.tell(a.system.whereis("a/wire"), Isolate(peers=("c",)))
            a.system.tell(a.system.whereis("a/wire"), Spoiled())
            await until(lambda: len(a.downs()) == 2 and len(b.downs()) == 1)
            assert [(m.peer, m.reason) for m in a.downs()] == [
                ("b", ports.TRANSPORT_RESTARTED),
                ("c", ports.TRANSPORT_RESTARTED),
            ]
            assert a.door.address == address
            b.dial(a)
            await until(lambda: a.ups() == ["b", "b"])
            b.send("a", b"again")
            await until(lambda: a.received("b") == [b"again"])
            a.dial(c)  # and the world's order stands
            await until(lambda: len(a.downs()) == 3)
            assert (a.downs()[2].peer, a.downs()[2].reached) == ("c", False)
            assert c.ups() == []

    asyncio.run(run())
