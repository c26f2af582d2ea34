"""What calls wait for."""

import pytest

from alys.models.bitcoin.node import BitcoinNode
from alys.wire.jsonrpc import Params
from tests.models.bitcoin import builders


@pytest.fixture
def node() -> BitcoinNode:
    return builders.make_node(1)


@pytest.mark.parametrize(
    ("method", "params", "seconds"),
    [
        ("waitfornewblock", [], 0),
        ("waitfornewblock", {"timeout": 500}, 0.5),
        ("waitforblockheight", [2, 2000], 2),
        ("waitforblockheight", {"args": [2], "timeout": 1000}, 1),
    ],
)
def test_a_wait_is_over_with_the_next_block(
    node: BitcoinNode, method: str, params: Params, seconds: float
) -> None:
    wait = node.waits(method, params)
    assert wait is not None
    assert (wait.over(), wait.seconds) == (False, seconds)
    builders.mine(node)
    assert wait.over()


def test_what_is_there_already_is_not_waited_for(node: BitcoinNode) -> None:
    tip = node.chain.tip.hash
    for method, params in (("waitforblock", [tip.upper()]), ("waitforblockheight", [1])):
        wait = node.waits(method, params)
        assert wait is not None
        assert wait.over()
    wait = node.waits("waitfornewblock", [0, "ab" * 32])
    assert wait is not None
    assert wait.over()


def test_a_template_is_waited_for_by_its_longpollid(node: BitcoinNode) -> None:
    rules = {"rules": ["segwit"]}
    known = node.handle("getblocktemplate", [rules])["longpollid"]
    wait = node.waits("getblocktemplate", [{**rules, "longpollid": known}])
    assert wait is not None
    assert (wait.over(), wait.seconds) == (False, 60)
    builders.mine(node)
    assert wait.over()
    assert node.waits("getblocktemplate", [rules]) is None


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("getblockcount", []),
        ("waitforblock", []),
        ("waitforblock", ["ab"]),
        ("waitforblockheight", ["x"]),
        ("waitforblockheight", [1, -1]),
        ("waitfornewblock", ["x"]),
        ("getblocktemplate", ["x"]),
    ],
)
def test_other_calls_and_bad_ones_are_answered_at_once(
    node: BitcoinNode, method: str, params: Params
) -> None:
    assert node.waits(method, params) is None
