"""How long blocks take: from what the chain actor takes up to what it says, and nothing that others say."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from alys.actors.envelope import Envelope
from alys.actors.message import Message
from alys.actors.ref import Ref
from alys.node import gossip, messages
from alys.shells.block_times import BlockTimes

CHAIN = cast(Ref, SimpleNamespace(path="/alys/node/consensus/chain"))
OTHER = cast(Ref, SimpleNamespace(path="/alys/node/network/network"))
PROPOSED = gossip.ProposedBlock(block=b"")
APPROVAL = gossip.Approval(root=b"", authority_index=1, signature=b"")


class Watched:
    """Chain's messages, with a clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0
        self.times = BlockTimes(lambda: self.now)

    def takes(self, target: Ref = CHAIN) -> None:
        self.times.handling(_envelope(messages.GetStatus(), OTHER), target)

    def says(self, message: Message, after: float, sender: Ref = CHAIN) -> None:
        self.now += after
        self.times.sent(_envelope(message, sender), OTHER)

    def found(self) -> dict[str, tuple[float, int]]:
        return {
            one.family.name.split("_")[2]: (round(one.value, 6), one.counts[-1])
            for one in self.times.samples()
        }


def _envelope(message: Message, sender: Ref) -> Envelope:
    return Envelope(message=message, sender=sender, sequence=1)


def imported() -> Message:
    return messages.BlockImported(height=1, root=b"", minted=(), proposed=None, refunded=())


def test_an_own_block_is_produced_and_imported_when_the_quorum_is_there() -> None:
    chain = Watched()
    chain.takes()
    chain.says(messages.Publish(item=PROPOSED), 0.2)
    chain.now += 5  # it waits for approvals
    chain.takes()
    chain.says(imported(), 0.03)
    assert chain.found() == {"production": (0.2, 1), "validation": (0, 0), "import": (0.03, 1)}


def test_somebody_elses_block_is_validated_and_the_own_approval_begins_the_import() -> None:
    chain = Watched()
    chain.takes()
    chain.says(messages.Publish(item=APPROVAL), 0.04)
    chain.says(imported(), 0.01)
    assert chain.found() == {"production": (0, 0), "validation": (0.04, 1), "import": (0.01, 1)}


def test_an_approval_that_goes_to_one_peer_is_one_too() -> None:
    chain = Watched()
    chain.takes()
    chain.says(messages.SendTo(peer="node", item=APPROVAL), 0.04)
    assert chain.found()["validation"] == (0.04, 1)


@pytest.mark.parametrize(
    "said", [messages.GetStatus(), messages.Publish(item=gossip.SealedBlock(block=b""))]
)
def test_what_else_chain_says_is_not_counted(said: Any) -> None:
    chain = Watched()
    chain.takes()
    chain.says(said, 1)
    assert {count for _, count in chain.found().values()} == {0}


def test_what_others_take_up_begins_nothing() -> None:
    chain = Watched()
    chain.takes(OTHER)
    chain.says(messages.Publish(item=PROPOSED), 1, OTHER)
    assert chain.found()["production"] == (0, 0)
