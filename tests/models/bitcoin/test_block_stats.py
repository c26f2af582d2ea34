"""The figures of a block. Beside bitcoind's: tests/contract/bitcoin."""

from alys.models.bitcoin import block_stats
from tests.models.bitcoin import builders


def test_a_block_with_a_coinbase_alone_has_no_fees() -> None:
    node = builders.make_node(1)
    figures = block_stats.figures(node.chain, node.chain.tip)
    assert (figures["txs"], figures["maxfee"], figures["minfeerate"]) == (1, 0, 0)
    assert (figures["utxo_increase"], figures["utxo_increase_actual"]) == (2, 1)
    assert figures["feerate_percentiles"] == [0, 0, 0, 0, 0]


def test_percentiles_are_by_weight() -> None:
    assert block_stats.percentiles([1, 2, 3], [10, 10, 80]) == [1, 3, 3, 3, 3]
    assert block_stats.percentiles([5], [400]) == [5, 5, 5, 5, 5]
