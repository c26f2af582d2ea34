"""eth_sendRawTransaction on ours and on the real client: what one takes both mine, and both refuse what no block can hold.

The codes differ: geth, whom we follow, has -32000 for every refusal of the pool; ethereumjs has -32602, and -32700 for what
it cannot read.
"""

from typing import Any

import pytest

from alys.wire.ethereum import to_data
from tests.contract.ethereum import stage
from tests.contract.ethereum.client import Client
from tests.contract.ethereum.stage import ALICE, BOB, CAROL, ETHER, Known, sign

GWEI = 10**9
PAY: dict[str, Any] = {"to": BOB, "value": 1, "gas": 21_000}

REFUSED: dict[str, tuple[Any, int, str]] = {
    "not hexadecimal": ("0xzz", -32602, "is not hexadecimal"),
    "no such type": ("0x1234", -32000, "transaction type not supported"),
    "nonce too low": (sign(ALICE, 0, **PAY), -32000, "nonce too low: next nonce 3, tx nonce 0"),
    "insufficient funds": (
        sign(ALICE, 3, **{**PAY, "value": 20_000 * ETHER}),
        -32000,
        "insufficient funds for gas * price + value",
    ),
    "intrinsic gas": (sign(ALICE, 4, **{**PAY, "gas": 20_000}), -32000, "intrinsic gas too low"),
    "too much gas": (
        sign(ALICE, 5, **{**PAY, "gas": 31_000_000}),
        -32000,
        "exceeds block gas limit",
    ),
    "tip above fee": (
        sign(ALICE, 6, **PAY, max_fee=3 * GWEI, max_tip=4 * GWEI),
        -32000,
        "max priority fee per gas higher than max fee per gas",
    ),
}
TAKEN_THERE = {"intrinsic gas": "ethereumjs 0.10.5 looks at it only when it builds a block"}


@pytest.mark.parametrize("case", REFUSED)
def test_both_refuse_what_no_block_can_hold(
    ours: Client, theirs: Client, known: Known, case: str
) -> None:
    raw, code, words = REFUSED[case]
    params = [raw if isinstance(raw, str) else to_data(raw)]
    mine, other = (client.ask("eth_sendRawTransaction", params) for client in (ours, theirs))
    assert (mine.code, words in str(mine.message)) == (code, True), mine.message
    assert (other.code is None) == (case in TAKEN_THERE), other


def test_both_mine_what_they_take(ours: Client, theirs: Client, known: Known) -> None:
    raw = to_data(sign(CAROL, 1, **PAY))
    tx = ours.call("eth_sendRawTransaction", raw)
    assert theirs.call("eth_sendRawTransaction", raw) == tx
    for client in (ours, theirs):
        assert client.call("eth_getTransactionReceipt", tx) is None
    head = ours.call("eth_getBlockByNumber", "latest", False)
    state = dict.fromkeys(("headBlockHash", "safeBlockHash", "finalizedBlockHash"), head["hash"])
    attributes = {
        "timestamp": hex(int(head["timestamp"], 16) + 12),
        "prevRandao": stage.ZERO,
        "suggestedFeeRecipient": to_data(stage.NOBODY),
        "withdrawals": [],
    }
    begun = ours.engine("engine_forkchoiceUpdatedV2", state, attributes)
    payload = ours.engine("engine_getPayloadV2", begun["payloadId"])["executionPayload"]
    assert payload["transactions"] == [raw]
    state["headBlockHash"] = payload["blockHash"]
    for client in (ours, theirs):
        assert client.engine("engine_newPayloadV2", payload)["status"] == "VALID"
        client.engine("engine_forkchoiceUpdatedV2", state, None)
        assert client.call("eth_getTransactionReceipt", tx)["status"] == "0x1"
        assert client.call("eth_getTransactionCount", to_data(CAROL), "latest") == "0x2"
