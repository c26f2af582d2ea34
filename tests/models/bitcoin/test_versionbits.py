"""The deployment that nothing depends on. Beside bitcoind's: tests/contract/bitcoin."""

from alys.models.bitcoin import versionbits
from alys.models.bitcoin.versionbits import Status
from tests.models.bitcoin import builders


def test_a_chain_that_signals_goes_through_all_of_it() -> None:
    node = builders.make_node()
    told = {}
    for height in (142, 143, 286, 287, 430, 431, 600):
        builders.mine(node, height - node.chain.tip.height)
        tip = node.chain.tip
        told[height] = (versionbits.status_after(tip), versionbits.since(tip))
    assert told == {
        142: (Status.DEFINED, 0),
        143: (Status.STARTED, 144),
        286: (Status.STARTED, 144),
        287: (Status.LOCKED_IN, 288),
        430: (Status.LOCKED_IN, 288),
        431: (Status.ACTIVE, 432),
        600: (Status.ACTIVE, 432),
    }
    versions = [entry.block.header.version for entry in node.chain.active]
    assert versions[143:145] == [0x20000000, 0x30000000]
    assert versions[431:433] == [0x30000000, 0x20000000]


def test_too_few_signals_leave_it_started() -> None:
    node = builders.make_node(143)
    for _ in range(144):
        quiet = builders.with_header(builders.block_on_tip(node), version=0x20000000)
        node.chain.accept(quiet)
    assert versionbits.status_after(node.chain.tip) is Status.STARTED
    assert versionbits.of_period(node.chain.tip) == [False] * 144
