"""Whether authorities believe what they must not: blocks, each with one thing wrong, that somebody with an author's key offered them.

It is fed with each offer's outcome. An authority that approves such a block is at fault, and so is one that refuses it for its own
votes alone: to say so it must have found nothing wrong with the block. (Where the votes are what forbids it, the word for that is expected.)
"""

from collections import Counter
from collections.abc import Collection

from alys.base.errors import Inconclusive
from alys.oracles.broken import Broken


class Believed(Broken):
    """An authority took a forgery for a block. ``form`` is what was wrong with it, ``node`` who took it."""

    def __init__(self, form: str, node: str, said: str) -> None:
        super().__init__("forgery", f"{node} {said} a block that is forged: {form}")
        self.form = form
        self.node = node


class Forgery:
    """Feed it with every offer."""

    def __init__(self, votes: Collection[str]) -> None:
        """``votes``: the words by which an authority refuses a block for its votes alone."""
        self._votes = frozenset(votes)
        self._samples: Counter[str] = Counter(forgeries=0, refused_otherwise=0)

    def feed(self, form: str, node: str, *, approved: bool, reason: str, expected: str) -> None:
        """What an authority said; raises Believed. ``expected`` is the word for what is wrong."""
        if approved:
            raise Believed(form, node, "approved")
        if reason in self._votes and reason != expected:
            raise Believed(form, node, f"found nothing wrong ({reason}) with")
        self._samples["forgeries" if reason == expected else "refused_otherwise"] += 1

    def feed_imported(self, form: str, node: str, *, imported: bool) -> None:
        """Whether a node has a block now that was shown to it as one of the chain; raises Believed."""
        if imported:
            raise Believed(form, node, "imported")
        self._samples["forgeries"] += 1

    @property
    def samples(self) -> dict[str, int]:
        """How many were refused for what was wrong with them (none proves nothing), and how many for something else."""
        return dict(self._samples)

    def require(self) -> None:
        """Raise Inconclusive when nothing was offered that could have been believed."""
        if not self._samples["forgeries"]:
            raise Inconclusive("no forgery was judged: nothing was proven")
