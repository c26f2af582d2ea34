"""The rules of approval on paper: authorities without payloads, a network that loses and delays, chance from a seed.

What is left of a node here is what the safety of finality rests on: its tree of sealed blocks, its votes, and the blocks that
wait for approvals. It keeps all three when it crashes, as a node does on its disk.
"""

import random

import msgspec

from alys.chain import forkchoice, slots
from alys.chain.forkchoice import Objection, Standing, Vote

GENESIS = Standing(
    root=b"genesis", parent=b"", height=0, slot=0, finalised_height=0, finalised_root=b"genesis"
)
WITHOUT_POW_MAX = 4


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """A block on paper; ``range_end`` is what it makes final."""

    root: bytes
    parent: bytes
    height: int
    slot: int
    range_end: bytes = b""


class Authority:
    """One authority."""

    def __init__(self, index: int, world: "World") -> None:
        self.index = index
        self.world = world
        self.alive = True
        self.tree: dict[bytes, Standing] = {GENESIS.root: GENESIS}
        self.sealed: dict[bytes, Block] = {}
        self.votes: tuple[Vote, ...] = ()
        self.candidates: dict[bytes, Block] = {}
        self.approvals: dict[bytes, set[int]] = {}
        self.free: dict[bytes, set[int]] = {}
        self.refusals: dict[Objection, int] = {}

    @property
    def head(self) -> Standing:
        return forkchoice.best(self.tree)

    def ranges(self, parent: Standing) -> list[bytes]:
        """What an AuxPoW block on a parent may make final, highest first."""
        found, root = [], parent.root
        while root in self.tree and self.tree[root].height > parent.finalised_height:
            found.append(root)
            root = self.tree[root].parent
        return found

    def vote_for(self, block: Block) -> Vote:
        parent = self.tree[block.parent]
        strict = forkchoice.is_strict(block.slot, parent, self.world.count, WITHOUT_POW_MAX)
        return Vote(
            root=block.root,
            slot=block.slot,
            parent=parent.root,
            parent_slot=parent.slot,
            range_end=block.range_end,
            strict=strict and bool(block.range_end),
        )

    def may(self, block: Block) -> bool:
        why = forkchoice.objection(self.vote_for(block), self.votes, self.tree)
        if why is Objection.BEHIND and not self.world.prudent:
            why = None
        if why is not None:
            self.refusals[why] = self.refusals.get(why, 0) + 1
        return why is None

    def produce(self, slot: int) -> None:
        parent = forkchoice.base(self.votes, self.tree, slot)
        if not self.world.prudent and self.world.chance.random() < 0.6:
            parent = self.tree[self.world.chance.choice(sorted(self.tree))]
        due = parent.height - parent.finalised_height >= WITHOUT_POW_MAX
        chance = self.world.chance
        ranges = self.ranges(parent)
        wishes: list[bytes] = []
        if ranges and self.world.proofs(self.index):
            wishes.append(chance.choice(ranges) if self.world.wild else ranges[0])
        if not due:
            wishes.append(b"")
        for range_end in wishes:
            block = Block(
                root=chance.randbytes(4) + b"%d" % slot,
                parent=parent.root,
                height=parent.height + 1,
                slot=slot,
                range_end=range_end,
            )
            if self.may(block):
                self.candidates[block.root] = block
                self.approve(block)
                return

    def approve(self, block: Block) -> None:
        self.votes = (*self.votes, self.vote_for(block))
        self.world.tell(self.index, "block", block)
        self.counted(block.root, self.index)
        self.world.tell(self.index, "approval", (block.root, self.index))

    def hear(self, sender: int, kind: str, what: object) -> None:
        if kind == "block":
            assert isinstance(what, Block)
            self.offered(what, sender)
        elif kind == "sealed":
            assert isinstance(what, list)
            for block in what:
                self.seal(block)
        else:
            assert isinstance(what, tuple)
            self.counted(*what)

    def offered(self, block: Block, sender: int) -> None:
        if block.root in self.candidates or block.root in self.tree:
            return
        if block.parent not in self.tree:
            self.world.sync(self.index, sender)
            return
        self.candidates[block.root] = block
        if self.may(block):
            self.approve(block)
        elif self.tree[block.parent].height < self.head.height:
            self.world.sync(sender, self.index)
        self.counted(block.root, slots.author_index(block.slot, self.world.count))

    def learn(self, root: bytes) -> None:
        """What the approvals of a block say about our own votes."""
        block = self.candidates.get(root)
        if block is None or block.parent not in self.tree:
            return
        theirs = self.vote_for(block)
        for mine in self.votes:
            if forkchoice.disproves(theirs, mine, self.tree):
                free = self.free.setdefault(mine.root, set())
                free |= self.approvals.get(root, set()) - {self.index}
        enough = self.world.count - slots.quorum(self.world.count)
        self.votes = tuple(
            msgspec.structs.replace(mine, void=True)
            if len(self.free.get(mine.root, ())) > enough
            else mine
            for mine in self.votes
        )

    def counted(self, root: bytes, index: int) -> None:
        found = self.approvals.setdefault(root, set())
        found.add(index)
        self.learn(root)
        if len(found) >= slots.quorum(self.world.count) and root in self.candidates:
            self.seal(self.candidates[root])

    def seal(self, block: Block) -> None:
        """A quorum approved it."""
        if block.root in self.tree or block.parent not in self.tree:
            return
        parent = self.tree[block.parent]
        final_height, final_root = parent.finalised_height, parent.finalised_root
        end = self.tree.get(block.range_end)
        if end is not None and end.height > final_height:
            final_height, final_root = end.height, end.root
        self.sealed[block.root] = block
        self.tree[block.root] = Standing(
            root=block.root,
            parent=block.parent,
            height=block.height,
            slot=block.slot,
            finalised_height=final_height,
            finalised_root=final_root,
        )
        self.world.note(self, self.tree[block.root])
        final = self.head.finalised_root
        if final in self.tree:
            self.votes = forkchoice.kept(self.votes, self.tree[final])
            self.tree = forkchoice.above(self.tree, final)


class DoubleFinality(AssertionError):
    """Two blocks of one height are final."""


class World:
    """The authorities and what is on its way between them."""

    def __init__(self, count: int, seed: int, prudent: bool = True, wild: bool = True) -> None:
        self.count = count
        self.chance = random.Random(seed)
        self.prudent = prudent
        self.wild = wild
        self.loss = 0.0
        self.groups: list[int] = [0] * count
        self.mail: list[tuple[int, int, str, object]] = []
        self.final: dict[int, bytes] = {}
        self.slot = 0
        self.everyone = [Authority(index, self) for index in range(count)]

    def proofs(self, index: int) -> bool:
        """Whether the miner's proof is there."""
        return self.chance.random() < 0.5

    def tell(self, sender: int, kind: str, what: object) -> None:
        for other in range(self.count):
            if other != sender:
                self.send(sender, other, kind, what)

    def send(self, sender: int, other: int, kind: str, what: object) -> None:
        if self.groups[sender] == self.groups[other] and self.chance.random() >= self.loss:
            self.mail.append((sender, other, kind, what))

    def sync(self, reader: int, source: int) -> None:
        """One node gets what the other has."""
        blocks = sorted(self.everyone[source].sealed.values(), key=lambda one: one.height)
        self.send(source, reader, "sealed", blocks)

    def note(self, who: Authority, one: Standing) -> None:
        """What is final for one is final."""
        root = one.finalised_root
        while root in who.tree and who.tree[root].height > 0:
            height = who.tree[root].height
            if self.final.setdefault(height, root) != root:
                raise DoubleFinality(f"height {height}: {self.final[height]!r} and {root!r}")
            root = who.tree[root].parent

    def deliver(self, share: float) -> None:
        """Some of what is on its way arrives, in any order."""
        while self.mail and self.chance.random() < share:
            place = self.chance.randrange(len(self.mail))
            sender, other, kind, what = self.mail.pop(place)
            if self.everyone[other].alive and self.groups[sender] == self.groups[other]:
                self.everyone[other].hear(sender, kind, what)

    def one_slot(self, share: float) -> None:
        self.slot += 1
        author = self.everyone[slots.author_index(self.slot, self.count)]
        if author.alive:
            author.produce(self.slot)
        self.deliver(share)

    def trouble(self) -> None:
        """Chance crashes, cuts, loses."""
        chance = self.chance
        if chance.random() < 0.1:
            self.groups = [chance.randrange(2) for _ in range(self.count)]
        if chance.random() < 0.2:
            self.groups = [0] * self.count
        if chance.random() < 0.2:
            self.loss = chance.choice((0.0, 0.2, 0.5))
        for one in self.everyone:
            if chance.random() < (0.05 if one.alive else 0.5):
                one.alive = not one.alive
                one.approvals = {}

    def heal(self, down: int = 0) -> None:
        """All is well from now on, but for so many that stay down."""
        self.mail = []
        self.loss, self.groups = 0.0, [0] * self.count
        gone = self.chance.sample(range(self.count), down)
        for one in self.everyone:
            one.alive = one.index not in gone
        self._all_sync()
        while self.mail:
            self.deliver(1.0)

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self.trouble()
            self.one_slot(self.chance.choice((0.5, 0.8, 0.95)))

    def in_peace(self, rounds: int) -> None:
        """Everything arrives, and all hear of each other's blocks now and then."""
        for step in range(rounds * self.count):
            self.one_slot(1.0)
            if step % self.count == 0:
                self._all_sync()
            while self.mail:
                self.deliver(1.0)

    def _all_sync(self) -> None:
        alive = [one.index for one in self.everyone if one.alive]
        for reader in alive:
            for source in alive:
                if reader != source:
                    self.sync(reader, source)
