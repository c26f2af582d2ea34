"""The calls about the process. Their answers beside bitcoind's: tests/contract/bitcoin."""

from alys.models.bitcoin.control_calls import CALLS
from tests.models.bitcoin import builders
from tests.models.bitcoin.builders import START, Clock, refusal


def test_the_clock_is_stopped_and_let_go() -> None:
    clock = Clock()
    node = builders.make_node(0, clock)
    node.handle("setmocktime", [START + 5000])
    (digest,) = builders.mine(node)
    assert node.handle("getblockheader", [digest])["time"] == START + 5000
    clock.seconds += 10
    assert node.now() == START + 5000
    assert node.handle("uptime", []) == 10
    node.handle("setmocktime", [0])
    assert node.now() == START + 10
    for time in (-1, 1 << 60):
        assert refusal(node, "setmocktime", time)[0] == -8


def test_what_is_to_be_logged_is_remembered() -> None:
    node = builders.make_node()
    assert not any(node.handle("logging", []).values())
    told = node.handle("logging", [["net", "mempool"], ["net"]])
    assert [name for name, on in told.items() if on] == ["mempool"]
    assert all(node.handle("logging", [["all"]]).values())
    assert refusal(node, "logging", ["nosuch"]) == (-8, "unknown logging category nosuch")


def test_arguments_come_back() -> None:
    node = builders.make_node()
    assert node.handle("echo", [1, "a", None, {"b": []}]) == [1, "a", None, {"b": []}]
    assert node.handle("echo", {"arg1": 2}) == [None, 2]


def test_every_call_of_the_table_is_reached_by_its_name() -> None:
    node = builders.make_node()
    for name, call in CALLS.items():
        assert node.handle("help", [name]) == call.usage
        assert call.usage.split()[0] == name
