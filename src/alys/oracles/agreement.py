"""Whether the nodes of a federation agree, judged from what each of them says and from what crosses the wire between them.

It is fed with every node's status, with the blocks that it shows, and with the approvals that authorities were seen to send, in
the order in which these were seen, and forgets nothing: what any node ever called final must stay final, for all nodes and all
time. A node that was killed and came back is the same node. Signatures are not verified here: who approved is the nodes' word.

What must hold (D19):

finals      no height is final twice; a final block stands on the final block below
agreed      what one node calls final another calls final too, so every finalised chain is a prefix of the longest
standing    a head stands on what its node calls final
progress    no node's finalised height goes back; its head goes back only where its finalised height rose
quorums     every block that a node has imported was approved by two thirds of the authorities
approvals   no authority approves two blocks of one slot
converged   all living nodes have one head, when somebody asks for it
"""

import enum
from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec

from alys.base.errors import AlysError, Inconclusive
from alys.oracles.claims import number, plain_hex
from alys.oracles.statement import BrokenFeed

Json = Mapping[str, Any]

CHECKS = ("agreed", "approvals", "converged", "finals", "progress", "quorums", "standing")
"""What is counted in ``samples``, besides ``reorganisations``, which prove nothing by themselves."""


class Flaw(enum.StrEnum):
    """What can be wrong between nodes; the value says it in plain words."""

    FINALISED_TWICE = "two blocks were called final at one height"
    FINAL_CHAIN_BROKEN = "a final block does not stand on the final block below"
    FINALITY_WENT_BACK = "a node's finalised height went back"
    HEAD_BELOW_FINALITY = "a node's head is below its finalised height"
    HEAD_WENT_BACK = "a node's head went back though its finalised height did not rise"
    HEAD_OFF_FINALITY = "a node's head does not stand on a block that was called final"
    FINAL_MISSING = "a node cannot show a block that it calls final"
    QUORUM = "fewer than two thirds of the authorities approved a block that a node imported"
    APPROVED_TWICE = "an authority approved two blocks of one slot"
    NOT_CONVERGED = "living nodes have different heads"


class Disagreement(AlysError):
    """The nodes do not agree, or one of them broke its word. ``node`` is who showed it last, ``height`` where."""

    def __init__(
        self, flaw: Flaw, *, node: str, height: int, expected: object, actual: object
    ) -> None:
        super().__init__(
            f"{node}, height {height}: {flaw.value}: expected {expected}, found {actual}"
        )
        self.flaw = flaw
        self.node = node
        self.height = height
        self.expected = expected
        self.actual = actual


class View(msgspec.Struct, frozen=True, kw_only=True):
    """Where a node said it stands. Roots in plain hex."""

    height: int
    head: str
    finalised_height: int


class _Block(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of a block that a node showed."""

    parent: str
    height: int


class _Final(msgspec.Struct, frozen=True, kw_only=True):
    """A block that was called final, and who said so first."""

    root: str
    node: str


class Agreed(msgspec.Struct, frozen=True, kw_only=True):
    """What was found: how many things each check looked at (zero proves nothing), and how far finality is."""

    samples: dict[str, int]
    finalised_height: int
    nodes: tuple[str, ...]

    def require(self, *checks: str) -> None:
        """Raise Inconclusive when one of these checks saw nothing."""
        empty = [check for check in checks if not self.samples.get(check)]
        if empty:
            raise Inconclusive(f"agreement shows no {', '.join(empty)}: nothing was proven")


class Agreement:
    """Feed it as you look; each feeding raises Disagreement when what it is told contradicts what it was told before."""

    def __init__(self, authorities: int, genesis_height: int = 0) -> None:
        self._authorities = authorities
        self._genesis_height = genesis_height
        self._views: dict[str, View] = {}
        #: Where each stood when ``stand`` was last asked.
        self._stood: dict[str, View] = {}
        self._blocks: dict[str, _Block] = {}
        self._final: dict[int, _Final] = {}
        self._approved: dict[tuple[int, int], str] = {}
        self._samples: Counter[str] = Counter(dict.fromkeys((*CHECKS, "reorganisations"), 0))

    # What is seen

    def feed_status(self, node: str, status: Json) -> View:
        """A node's ``alys_status``, in the order in which it gave them; raises BrokenFeed when it is malformed."""
        view = _read_view(status)
        before = self._views.get(node)
        self._views[node] = view
        if view.height < view.finalised_height:
            raise self._fault(Flaw.HEAD_BELOW_FINALITY, node, view, view.finalised_height)
        if before is not None:
            self._progress(node, before, view)
        return view

    def feed_block(self, node: str, block: Json, *, final: bool) -> None:
        """A block that a node has imported; ``final``: it is at or below the height that the node calls final."""
        root, parent, height, slot, signers = _read_block(block)
        self._blocks[root] = _Block(parent=parent, height=height)
        if height > self._genesis_height:
            self._quorum(node, height, signers)
            for authority in sorted(signers):
                self.feed_approval(node, authority=authority, slot=slot, root=root, height=height)
        if final:
            self._call_final(node, height, root, parent)

    def feed_missing(self, node: str, height: int) -> None:
        """A node does not have the block of a height that it called final; raises Disagreement."""
        raise Disagreement(
            Flaw.FINAL_MISSING,
            node=node,
            height=height,
            expected=f"the final block of height {height}",
            actual="none",
        )

    def feed_approval(
        self, node: str, *, authority: int, slot: int, root: str, height: int
    ) -> None:
        """An authority's approval, seen in a block or on the wire at a node. ``root`` in plain hex."""
        self._samples["approvals"] += 1
        known = self._approved.setdefault((authority, slot), root)
        if known != root:
            raise Disagreement(
                Flaw.APPROVED_TWICE,
                node=node,
                height=height,
                expected=f"authority {authority} to approve {known} only, in slot {slot}",
                actual=root,
            )

    # What is judged when somebody asks

    def stand(self, node: str) -> None:
        """Whether a node's head stands on what was called final by anybody, as far down as its blocks were shown."""
        view = self._views[node]
        self._moved(node, view)
        at, height = view.head, view.height
        while at in self._blocks:
            block = self._blocks[at]
            height = block.height
            final = self._final.get(height)
            if height <= view.finalised_height and final is not None:
                self._samples["standing"] += 1
                if final.root != at:
                    raise Disagreement(
                        Flaw.HEAD_OFF_FINALITY,
                        node=node,
                        height=height,
                        expected=f"{final.root}, which {final.node} called final",
                        actual=at,
                    )
                return
            at = block.parent

    def one_head(self, nodes: tuple[str, ...]) -> bool:
        """Whether these nodes said last that they have the same head; False where one said nothing yet."""
        heads = {self._views[node].head for node in nodes if node in self._views}
        return len(heads) == 1 and all(node in self._views for node in nodes)

    def require_one_head(self, nodes: tuple[str, ...]) -> None:
        """Raise Disagreement unless they have; needs two nodes at least (Inconclusive)."""
        if len(nodes) < 2:
            raise Inconclusive("one node always has one head: nothing was proven")
        self._samples["converged"] += 1
        if not self.one_head(nodes):
            said = {node: self._views.get(node) for node in nodes}
            heads = ", ".join(
                f"{node} {'nothing' if view is None else f'{view.height} {view.head}'}"
                for node, view in said.items()
            )
            raise Disagreement(
                Flaw.NOT_CONVERGED,
                node=nodes[0],
                height=max((view.height for view in said.values() if view is not None), default=0),
                expected="one head",
                actual=heads,
            )

    def found(self) -> Agreed:
        """How much was seen."""
        return Agreed(
            samples=dict(sorted(self._samples.items())),
            finalised_height=max(self._final, default=self._genesis_height),
            nodes=tuple(sorted(self._views)),
        )

    # How

    def _progress(self, node: str, before: View, view: View) -> None:
        self._samples["progress"] += 1
        if view.finalised_height < before.finalised_height:
            raise self._fault(Flaw.FINALITY_WENT_BACK, node, view, before.finalised_height)
        rose = view.finalised_height > before.finalised_height
        if view.height < before.height and not rose:
            raise self._fault(Flaw.HEAD_WENT_BACK, node, view, before.height)

    def _moved(self, node: str, view: View) -> None:
        """Whether the node left the branch that it had stood on when this was last asked."""
        before = self._stood.get(node)
        self._stood[node] = view
        if before is not None and self._at(before.height, view) not in (before.head, None):
            self._samples["reorganisations"] += 1

    def _at(self, height: int, view: View) -> str | None:
        """The root of a node's chain at a height, as far as its blocks were shown; empty above its head."""
        if height > view.height:
            return ""
        at = view.head
        while at in self._blocks and self._blocks[at].height > height:
            at = self._blocks[at].parent
        return at if at in self._blocks else None

    def _fault(self, flaw: Flaw, node: str, view: View, least: int) -> Disagreement:
        actual = f"head {view.height}, final {view.finalised_height}"
        return Disagreement(
            flaw, node=node, height=view.height, expected=f"at least {least}", actual=actual
        )

    def _quorum(self, node: str, height: int, signers: frozenset[int]) -> None:
        self._samples["quorums"] += 1
        counted = {signer for signer in signers if 0 <= signer < self._authorities}
        needed = (2 * self._authorities + 2) // 3
        if len(counted) < needed:
            raise Disagreement(
                Flaw.QUORUM,
                node=node,
                height=height,
                expected=f"{needed} of {self._authorities}",
                actual=sorted(signers),
            )

    def _call_final(self, node: str, height: int, root: str, parent: str) -> None:
        self._samples["finals"] += 1
        known = self._final.setdefault(height, _Final(root=root, node=node))
        if known.root != root:
            raise Disagreement(
                Flaw.FINALISED_TWICE,
                node=node,
                height=height,
                expected=f"{known.root}, which {known.node} called final",
                actual=root,
            )
        if known.node != node:
            self._samples["agreed"] += 1
        below = self._final.get(height - 1)
        if below is not None and below.root != parent:
            raise Disagreement(
                Flaw.FINAL_CHAIN_BROKEN,
                node=node,
                height=height,
                expected=f"{below.root}, which {below.node} called final, as its parent",
                actual=parent,
            )


def _read_view(status: Json) -> View:
    try:
        return View(
            height=number(status["height"]),
            head=plain_hex(status["headRoot"]),
            finalised_height=number(status["finalisedHeight"]),
        )
    except KeyError as missing:
        raise BrokenFeed("consensus", f"a status without {missing}") from missing
    except (TypeError, ValueError, AttributeError) as bad:
        raise BrokenFeed("consensus", f"a malformed status: {bad}") from bad


def _read_block(block: Json) -> tuple[str, str, int, int, frozenset[int]]:
    """Root, parent's root, height, slot, signers."""
    try:
        approvals = block["approvals"]
        return (
            plain_hex(block["root"]),
            plain_hex(block["parentRoot"]),
            number(block["height"]),
            number(block["slot"]),
            frozenset(() if approvals is None else approvals["indices"]),
        )
    except KeyError as missing:
        raise BrokenFeed("consensus", f"a block without {missing}") from missing
    except (TypeError, ValueError, AttributeError) as bad:
        raise BrokenFeed("consensus", f"a malformed block: {bad}") from bad
