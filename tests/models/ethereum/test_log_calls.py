"""eth_getLogs: which filters can be, and what they cover."""

from typing import Any

import pytest

from alys.models.ethereum import log_calls
from alys.wire.ethereum import BRIDGE_ADDRESS, REQUEST_PEG_OUT_TOPIC, to_data
from tests.models.ethereum.asking import peg_out, refused
from tests.models.ethereum.builders import ETHER, USER, make_node, mined, send

ANOTHER = "0x" + "11" * 20
CALLER = "0x" + "00" * 12 + USER.hex()


def count(wanted: dict[str, Any]) -> int:
    node = make_node()
    for nonce in range(2):
        send(node, peg_out(ETHER, nonce=nonce))
        mined(node)
    return len(node.handle("eth_getLogs", [wanted]))


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        ({}, 1),
        ({"fromBlock": "earliest"}, 2),
        ({"fromBlock": "0x1", "toBlock": "0x1"}, 1),
        ({"fromBlock": "0x0", "toBlock": "0x64"}, 2),
        ({"fromBlock": "0x64", "toBlock": "0x65"}, 0),
        ({"fromBlock": "0x0", "address": []}, 2),
        ({"fromBlock": "0x0", "address": [ANOTHER, to_data(BRIDGE_ADDRESS)]}, 2),
        ({"fromBlock": "0x0", "address": ANOTHER}, 0),
        ({"fromBlock": "0x0", "topics": [[REQUEST_PEG_OUT_TOPIC, CALLER]]}, 2),
        ({"fromBlock": "0x0", "topics": [None, [CALLER]]}, 2),
        ({"fromBlock": "0x0", "topics": [CALLER]}, 0),
        ({"fromBlock": "0x0", "topics": [None, None, None]}, 0),
    ],
)
def test_a_filter_covers_what_it_names(wanted: dict[str, Any], shown: int) -> None:
    assert count(wanted) == shown


@pytest.mark.parametrize(
    ("wanted", "code", "words"),
    [
        ({"fromBlock": "0x2", "toBlock": "0x1"}, -32602, "invalid block range"),
        ({"blockHash": "0x" + "00" * 32, "fromBlock": "0x0"}, -32602, "cannot specify both"),
        ({"blockHash": "0x" + "00" * 32}, -32000, "unknown block"),
        ({"topics": [None] * 5}, -32602, "topics"),
        ({"topics": ["0x00"]}, -32602, "topic"),
        ({"address": "0x00"}, -32602, "address"),
        ({"fromBlock": "new"}, -32602, "block number"),
        ([], -32602, "filter"),
    ],
)
def test_what_cannot_be_is_refused(wanted: Any, code: int, words: str) -> None:
    node = make_node()
    mined(node)
    mined(node)
    error = refused(node.handle, "eth_getLogs", [wanted])
    assert (error.code, words in error.message) == (code, True), error.message


def test_an_answer_that_would_be_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_calls, "LOGS_MAX", 1)
    with pytest.raises(Exception, match="more than 1 logs"):
        count({"fromBlock": "0x0"})
