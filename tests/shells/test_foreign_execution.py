"""Which door a call goes through, and receipts as the specification has them."""

import asyncio
from typing import Any, cast

import pytest

from alys.shells.foreign_execution import PublicDoor, TwoDoors
from alys.shells.jsonrpc_client import JsonRpcClient

HASH = "0x" + "ab" * 32
TX = {"maxFeePerGas": "0x64", "maxPriorityFeePerGas": "0x5"}
BLOCK = {"hash": HASH, "number": "0x7", "baseFeePerGas": "0xa", "transactions": [TX, TX, {}]}
LOG = {"logIndex": "0x0"}
RIGHT: list[dict[str, Any]] = [
    {"blockHash": HASH, "effectiveGasPrice": "0xf", "logs": [LOG, {"logIndex": "0x1"}]},
    {"blockHash": HASH, "effectiveGasPrice": "0xf", "logs": [{"logIndex": "0x2"}]},
    {"blockHash": HASH, "effectiveGasPrice": "0xf", "logs": []},
]


class Door:
    """Answers from a table, None for what is not in it, and remembers what was asked."""

    def __init__(self, **answers: Any) -> None:
        self._answers = answers
        self.asked: list[str] = []
        self.closed = False

    async def call(self, method: str, *params: Any) -> Any:
        self.asked.append(method)
        found = self._answers.get(method)
        return found.get(params[0]) if isinstance(found, dict) else found

    async def close(self) -> None:
        self.closed = True


def public(**answers: Any) -> tuple[PublicDoor, Door]:
    door = Door(**answers)
    return PublicDoor(cast(JsonRpcClient, door)), door


def receipts(given: Any, tag: str = HASH, **more: Any) -> tuple[Any, int]:
    door, _ = public(
        eth_getBlockByHash={HASH: BLOCK},
        eth_getBlockByNumber={"0x7": BLOCK},
        eth_getBlockReceipts=given,
        **more,
    )
    return asyncio.run(door.call("eth_getBlockReceipts", tag)), door.repaired


@pytest.mark.parametrize("tag", [HASH, "0x7"])
def test_receipts_that_are_right_stay_as_they_are(tag: str) -> None:
    assert receipts({tag: RIGHT}, tag) == (RIGHT, 0)


def test_a_price_without_the_base_fee_and_logs_by_transaction_are_set_right_and_counted() -> None:
    shown = [
        {**RIGHT[0], "effectiveGasPrice": "0x5"},
        {**RIGHT[1], "logs": [{"logIndex": "0x1"}]},
        RIGHT[2],
    ]
    assert receipts({HASH: shown}) == (RIGHT, 2)


def test_receipts_that_are_not_found_by_hash_are_asked_for_by_number() -> None:
    assert receipts({"0x7": RIGHT}) == (RIGHT, 0)
    assert receipts({}, "0x" + "cd" * 32) == (None, 0)


def test_receipts_of_another_block_of_that_number_are_none() -> None:
    other = [{**one, "blockHash": "0x" + "cd" * 32} for one in RIGHT]
    assert receipts({"0x7": other}) == (None, 0)


def test_too_few_receipts_are_left_for_the_ledger_to_see() -> None:
    assert receipts({HASH: RIGHT[:1]}) == (RIGHT[:1], 0)


def test_what_the_engine_port_must_serve_goes_there_and_the_rest_elsewhere() -> None:
    door, outside = public()
    inside = Door()
    both = TwoDoors(cast(JsonRpcClient, inside), door)
    for method in ("engine_newPayloadV2", "eth_getBlockByHash", "txpool_status", "eth_getBalance"):
        asyncio.run(both.call(method))
    assert inside.asked == ["engine_newPayloadV2", "eth_getBlockByHash"]
    assert outside.asked == ["txpool_status", "eth_getBalance"]
    asyncio.run(both.close())
    assert (inside.closed, outside.closed) == (True, True)
