"""Balances relative to the block that the chain starts from, from a client that lists accounts and from one that does not."""

import asyncio
from typing import Any

import pytest
from typing_extensions import override

from alys.wire import ethereum
from alys.wire.jsonrpc import RpcError
from alys.worlds.books import Books
from tests.worlds.execution_side import ALICE, BOB, BURN, GWEI, Side


@pytest.mark.parametrize("lists", [True, False])
@pytest.mark.parametrize("first", [0, 1])
def test_what_was_there_before_does_not_count(lists: bool, first: int) -> None:
    side = Side(lists=lists)
    side.credit((ALICE, 7))  # of an earlier chain where the books begin with block 1
    side.credit((ALICE, 2), (BURN, 3))
    side.credit((BOB, 10))
    books = Books(side)

    async def read() -> list[tuple[int, int]]:
        found = []
        for number in range(first, 4):
            tag = ethereum.to_quantity(number)
            block = await side.call("eth_getBlockByNumber", tag, True)
            after = await books.after(block, await side.call("eth_getBlockReceipts", tag))
            found.append((after.total_wei // GWEI, after.burn_wei // GWEI))
        return found

    before = 7 if first == 0 else 0
    expected = [(0, 0), (7, 0)][: 2 - first] if first == 0 else [(0, 0)]
    assert asyncio.run(read()) == [*expected, (before + 5, 3), (before + 15, 3)]


def test_an_error_that_is_not_about_the_method_is_told() -> None:
    class Broken(Side):
        @override
        async def call(self, method: str, *params: object) -> Any:
            raise RpcError(-32000, "out of order")

    with pytest.raises(RpcError, match="out of order"):
        asyncio.run(Books(Broken(lists=True)).after({"number": "0x0"}, []))
