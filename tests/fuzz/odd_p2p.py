"""Messages between Bitcoin nodes that are none, or that are and make no sense; and the frames they come in."""

import struct

import msgspec

from alys.base.prng import SeededRandom
from alys.models.bitcoin.node import BitcoinNode
from alys.wire import bitcoin_p2p as p2p
from alys.wire.bitcoin import Header
from alys.wire.bitcoin_p2p import Item, Kind, Message
from tests.fuzz import bitcoin_crafted, odd
from tests.models.bitcoin import builders
from tests.models.bitcoin.peering import version

KINDS = (*Kind, 0, 6, 0x40000000, 2**32 - 1)
COMMANDS = (
    "",
    "version",
    "verack",
    "inv",
    "cmpctblock",
    "getblocktxn",
    "filterload",
    "x" * 12,
    "alert",
)
AGENTS = (b"", b"/x/", b"\xff" * 256, b"a" * 257, b"a" * 70_000)


class Strange:
    """Makes messages of a stranger to a node."""

    def __init__(self, node: BitcoinNode, random: SeededRandom) -> None:
        self._node = node
        self._random = random
        self._makers = (
            self._greeting,
            self._question,
            self._inventory,
            self._headers,
            self._block,
            self._transaction,
            self._small,
            self._unknown,
        )

    def frame(self) -> bytes:
        """A frame of some kind; one in three has its bytes changed."""
        random = self._random
        made = p2p.encode(random.choice(self._makers)())
        kind = random.below(12)
        if kind == 0:
            return odd.bytes_changed(random, made)
        if kind == 1:
            frame = p2p.Frames().receive(made)[0]
            return p2p.framed(frame.command, odd.bytes_changed(random, frame.payload))
        if kind == 2:
            return p2p.framed(random.choice(COMMANDS), random.randbytes(random.below(200)))
        if kind == 3:
            return (
                made[:16]
                + struct.pack("<I", random.choice((0, 1, 4_000_001, 2**32 - 1)))
                + made[20:]
            )
        return made

    def _name(self) -> str:
        random = self._random
        known = random.choice(self._node.chain.active).hash
        return random.choice((known, "00" * 32, "ff" * 32, random.randbytes(32).hex()))

    def _greeting(self) -> Message:
        random = self._random
        changes: tuple[dict[str, object], ...] = (
            {"protocol": random.choice((0, -1, 209, 31_799, 70_016, 2**31 - 1))},
            {"services": random.choice((0, 1, 9, 2**64 - 1))},
            {"time": random.choice((0, -(2**63), 2**63 - 1))},
            {"nonce": random.choice((0, 77, 2**64 - 1))},
            {"agent": random.choice(AGENTS)},
            {"height": random.choice((-1, -(2**31), 2**31 - 1))},
            {"relay": False},
        )
        return random.choice((version(**random.choice(changes)), p2p.WtxidRelay(), p2p.Verack()))

    def _question(self) -> Message:
        random = self._random
        locator = tuple(self._name() for _ in range(random.choice((0, 1, 3, 101, 102))))
        kind = random.choice((p2p.GetHeaders, p2p.GetBlocks))
        return kind(locator=locator, stop=self._name())

    def _inventory(self) -> Message:
        random = self._random
        count = random.choice((0, 1, 2, 5, 40)) if random.below(60) else 50_001
        items = (Item(kind=random.choice(KINDS), hash=self._name()),) * count
        if count < 50:
            items = tuple(Item(kind=random.choice(KINDS), hash=self._name()) for _ in items)
        return random.choice((p2p.Inv, p2p.GetData, p2p.NotFound))(items=items)

    def _headers(self) -> Message:
        random = self._random
        entry = random.choice(self._node.chain.active)
        headers: list[Header] = []
        for _ in range(random.choice((0, 1, 2, 3, 30)) if random.below(80) else 2_001):
            header = msgspec.structs.replace(
                entry.block.header,
                previous=headers[-1].hash if headers and random.below(9) else self._name(),
                time=random.choice((0, builders.START + 10_000, builders.START, 2**32 - 1)),
                bits=random.choice((0x207FFFFF, 0x207FFFFF, 0, 0x1D00FFFF, 2**32 - 1)),
                nonce=random.below(8),
            )
            headers.append(header)
        return p2p.Headers(headers=tuple(headers))

    def _block(self) -> Message:
        block = bitcoin_crafted.block(self._node, self._random)
        return p2p.BlockMessage(block=block, witness=self._random.below(2) == 0)

    def _transaction(self) -> Message:
        tx = bitcoin_crafted.transaction(self._node, self._random)
        return p2p.TxMessage(tx=tx, witness=self._random.below(2) == 0)

    def _small(self) -> Message:
        random = self._random
        number = random.choice((0, 1, 2**63 - 1))
        seen = (2**32 - 1, p2p.Address(host=random.choice(("::", "1.2.3.4", "x")), port=65_535))
        messages: tuple[Message, ...] = (
            *(p2p.Ping(nonce=number), p2p.Pong(nonce=number), p2p.FeeFilter(rate=-number)),
            *(p2p.SendCompact(announce=True, version=number), p2p.MemPool(), p2p.GetAddr()),
            *(
                p2p.SendHeaders(),
                p2p.SendAddrV2(),
                p2p.Addr(nodes=(seen,) * random.choice((1, 1_001))),
            ),
        )
        return random.choice(messages)

    def _unknown(self) -> Message:
        random = self._random
        command = random.choice((*COMMANDS, random.randbytes(6).hex()))
        return p2p.Unknown(command=command, payload=random.randbytes(random.below(100)))
