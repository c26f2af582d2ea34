"""Whether the nodes of a federation agree, looked at while a scenario runs: their RPC asked, and what they send each other overheard.

``Watch`` asks every node that is up and feeds ``oracles.agreement``; a node that dies in the middle of a look is passed over
and counted. ``Overheard`` listens to what nodes hand to their transports, where these are actors of this process: there alone
are the approvals of blocks that never got a quorum.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from typing_extensions import override

from alys.actors.observe import Observer
from alys.actors.ref import Ref
from alys.chain import blocks
from alys.node import api, gossip, ports
from alys.node.errors import PortDown
from alys.oracles.agreement import Agreed, Agreement, View
from alys.wire.jsonrpc import RpcError

if TYPE_CHECKING:
    from alys.actors.envelope import Envelope

AWAY = (PortDown, RpcError)
"""What a call to a node raises that is down, or goes down meanwhile."""


class Nodes(Protocol):
    """Of ``protocol.NodesSide``, what is looked at."""

    @property
    def count(self) -> int:
        """How many are whole nodes."""
        ...

    async def call(self, index: int, method: str, *params: object) -> object:
        """One RPC call."""
        ...

    def alive(self, index: int) -> bool:
        """Whether it was not taken down."""
        ...


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """An approval on its way between nodes."""

    authority: int
    slot: int
    root: bytes
    height: int


class Overheard(Observer):
    """Approvals that nodes hand to their transports, each once; they are not verified."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()
        #: Slot and height of the blocks that were offered, by root.
        self.offered: dict[bytes, tuple[int, int]] = {}
        #: Approvals of blocks that nobody has offered yet.
        self._early: list[gossip.Approval] = []
        self._found: list[Sighting] = []

    @override
    def sent(self, envelope: "Envelope", target: Ref) -> None:
        if not isinstance(envelope.message, ports.WireSend) or envelope.message.data in self._seen:
            return
        self._seen.add(envelope.message.data)
        match gossip.decode(envelope.message.data):
            case gossip.ProposedBlock(block=block) | gossip.SealedBlock(block=block):
                self._block(block)
            case gossip.Approval() as approval:
                self._early.append(approval)
            case _:
                pass

    def taken(self) -> list[Sighting]:
        """What was overheard since the last time."""
        still: list[gossip.Approval] = []
        for approval in self._early:
            about = self.offered.get(approval.root)
            if about is None:
                still.append(approval)
            else:
                self._add(approval.authority_index, approval.root, about)
        self._early = still
        found, self._found = self._found, []
        return found

    def _block(self, data: bytes) -> None:
        try:
            signed = blocks.decode(data)
        except blocks.BadBlock:  # a liar's
            return
        root = blocks.root(signed.block)
        about = self.offered.setdefault(root, (signed.block.slot, signed.block.height))
        for authority in () if signed.approvals is None else signed.approvals.indices:
            self._add(authority, root, about)

    def _add(self, authority: int, root: bytes, about: tuple[int, int]) -> None:
        slot, height = about
        self._found.append(Sighting(authority=authority, slot=slot, root=root, height=height))


class Watch:
    """Looks must not overlap. ``missed`` counts, by node, the looks at which it was away."""

    def __init__(
        self, nodes: Nodes, authorities: int, first_height: int, overheard: Overheard | None = None
    ) -> None:
        self.agreement = Agreement(authorities, first_height)
        self.looks = 0
        self.one_head = False
        """Whether, at the last look, all nodes that are up answered and had one head."""
        self.missed: Counter[str] = Counter()
        self.views: dict[int, View] = {}
        """Where each node stood when it last said so."""
        self._nodes = nodes
        self._first = first_height
        self._overheard = overheard
        #: Per node, the next height to read as final, and the roots above that were read.
        self._next: dict[int, int] = {}
        self._shown: dict[int, set[str]] = {}

    async def look(self) -> tuple[int, ...]:
        """Ask every node that is up what is new; raises Disagreement. Returns those that answered.

        All are asked where they stand before any block is read, so that ``one_head`` is about nearly one moment.
        """
        self._listen()
        up = tuple(index for index in range(self._nodes.count) if self._nodes.alive(index))
        stood = [index for index in up if await self._spared(index, self._where)]
        self.one_head = tuple(stood) == up and self.agreement.one_head(_names(up))
        if self.one_head and len(up) > 1:
            self.agreement.require_one_head(_names(up))
        answered = [index for index in stood if await self._spared(index, self._blocks_of)]
        self.looks += 1
        return tuple(answered)

    async def look_from_the_first(self) -> tuple[int, ...]:
        """The same, and every final block is read again: what a node once showed it must still show."""
        self._next.clear()
        self._shown.clear()
        return await self.look()

    def found(self) -> Agreed:
        """How much was seen."""
        return self.agreement.found()

    def best(self) -> int:
        """Who of those that are up is furthest, by what is final and then by its head.

        Raises PortDown where nobody is, and where all that are up are behind what another one said that is down: from them it
        cannot be seen whether what happened since was right.
        """
        up = [index for index in self.views if self._nodes.alive(index)]
        if not up:
            raise PortDown("every node of the federation", "none is up")
        found = max(up, key=lambda index: (_rank(self.views[index]), -index))
        furthest = max(map(_rank, self.views.values()))
        if _rank(self.views[found]) < furthest:
            raise PortDown("the node that is furthest", "it is down, and the others are behind it")
        return found

    def _listen(self) -> None:
        if self._overheard is None:
            return
        for one in self._overheard.taken():
            self.agreement.feed_approval(
                "the wire",
                authority=one.authority,
                slot=one.slot,
                root=one.root.hex(),
                height=one.height,
            )

    async def _spared(self, index: int, step: Callable[[int], Awaitable[None]]) -> bool:
        """Whether a node was there for a step; where not, that is counted."""
        try:
            await step(index)
        except AWAY:
            self.missed[name(index)] += 1
            return False
        return True

    async def _where(self, index: int) -> None:
        status: Any = await self._nodes.call(index, "alys_status")
        self.views[index] = self.agreement.feed_status(name(index), status)

    async def _blocks_of(self, index: int) -> None:
        node, view = name(index), self.views[index]
        start = self._next.get(index, self._first)
        for height in range(start, view.finalised_height + 1):
            block: Any = await self._final(index, height)
            self.agreement.feed_block(node, block, final=True)
            self._next[index] = height + 1
        await self._down_from_the_head(index, view)
        self.agreement.stand(node)

    async def _final(self, index: int, height: int) -> object:
        """A block that the node calls final: that it does not have it is not that it is away."""
        try:
            return await self._nodes.call(index, "getblockbyheight", height)
        except RpcError as error:
            if error.code == api.BLOCK_NOT_FOUND:
                self.agreement.feed_missing(name(index), height)
            raise

    async def _down_from_the_head(self, index: int, view: View) -> None:
        """Blocks that are not final yet; a node that has dropped one meanwhile has another head by now."""
        shown = self._shown.setdefault(index, set())
        at, height = view.head, view.height
        while height > view.finalised_height and at not in shown:
            block: Any = await self._nodes.call(index, "getblockbyhash", f"0x{at}")
            self.agreement.feed_block(name(index), block, final=False)
            shown.add(at)
            at, height = block["parentRoot"].removeprefix("0x"), block["height"] - 1


def name(index: int) -> str:
    """What a node is called in findings."""
    return f"node {index}"


def _names(indices: tuple[int, ...]) -> tuple[str, ...]:
    return tuple(name(index) for index in indices)


def _rank(view: View) -> tuple[int, int]:
    return view.finalised_height, view.height
