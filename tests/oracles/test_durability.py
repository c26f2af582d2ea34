"""What a node lets out must be on its disk: the first breach is kept, and nothing seen proves nothing."""

import pytest

from alys.base.errors import Inconclusive
from alys.oracles.durability import Act, Durability, NotOnDisk


def test_the_first_breach_is_kept_and_named() -> None:
    found = Durability()
    found.feed(Act.APPROVAL, "node-1", "aa", kept=True)
    found.feed(Act.APPROVAL, "node-1", "bb", kept=False)
    found.feed(Act.HEAD, "node", "cc", kept=False)
    with pytest.raises(
        NotOnDisk, match="node-1 let out an approval without its vote on its disk: bb"
    ):
        found.require()


def test_what_was_not_seen_is_not_proven() -> None:
    found = Durability()
    found.feed(Act.APPROVAL, "node-1", "aa", kept=True)
    found.require(Act.APPROVAL)
    with pytest.raises(Inconclusive, match="no broadcast was seen"):
        found.require(Act.APPROVAL, Act.BROADCAST)
    assert found.samples == {"approval": 1}
