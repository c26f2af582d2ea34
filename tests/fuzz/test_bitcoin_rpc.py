"""Malformed calls to the Bitcoin node: each gets bitcoind's own error and changes nothing, and nothing of it stays."""

from collections.abc import Callable

import pytest

from alys.wire.jsonrpc import Dialect
from tests.fuzz import bitcoin_crafted, bitcoin_good
from tests.fuzz.bodies import Bodies
from tests.fuzz.run import fuzz, nothing_stays, well

SEEDS = (1, 2, 3, 4, 5)
CALLS = 17_000
"""For each of the seeds, on a node of its own."""


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_no_malformed_call_breaks_the_node(
    seed: int, record_property: Callable[[str, object], None]
) -> None:
    node = bitcoin_good.node_with_history()
    bodies = Bodies(bitcoin_good.good_calls(node), bitcoin_crafted.crafted(node), seed)
    outcome = fuzz(node.handle, Dialect.BITCOIN, bodies, CALLS, lambda: bitcoin_good.state_of(node))
    left = nothing_stays(outcome, node.handle, Dialect.BITCOIN)
    record_property("requests", dict(bodies.made))
    record_property("left", str(left))
    well(outcome, bodies, CALLS)
    # Some of the calls were good, and mined, or set the clock.
    node.handle("setmocktime", [node.chain.tip.block.header.time + 10])
    height = node.handle("getblockcount", [])
    assert len(node.handle("generatetoaddress", [1, bitcoin_good.ADDRESS])) == 1
    assert node.handle("getblockcount", []) == height + 1
