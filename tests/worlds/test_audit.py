"""What the auditor reads of a client that leaves its node's branch in the middle of it."""

import asyncio
from typing import Any

import pytest
from typing_extensions import override

from alys.oracles.terms import Terms
from alys.wire import ethereum
from alys.worlds.audit import Auditor
from tests.worlds.execution_side import ALICE, BOB, GWEI, Side

TERMS = Terms(
    federation_scripts=(),
    bridge_address=bytes(20),
    genesis_wei=5,
    bitcoin_genesis_height=0,
    confirmations=6,
    fee_members=(),
    network="regtest",
    pegout_minimum_sats=1_000,
    fee_rate_sat_vb=1,
)


class Straying(Side):
    """On a branch of its own from the first question for balances on, until the node is asked for its head again."""

    def __init__(self) -> None:
        super().__init__(lists=True)
        self.shared, self.own = self.block((ALICE, 7)), self.block((BOB, 5))
        self.strayed = False

    @override
    async def call(self, method: str, *params: object) -> Any:
        if method == "debug_dumpBlock" and params == ("0x1",) and not self.strayed:
            self.strayed = True
            self.move(self.own)
        return await super().call(method, *params)


class Node:
    """Says that it has the shared block, and brings its client back to it."""

    def __init__(self, client: Straying) -> None:
        self._client = client

    async def call(self, method: str, *params: Any) -> Any:
        client = self._client
        if method == "getheadblock":
            client.move(client.shared)
            return {"height": 1, "root": "1", "parentRoot": "0"}
        (height,) = params
        digest = client.node.handle("eth_getBlockByNumber", [hex(height), False])["hash"]
        if height == 1:
            digest = ethereum.to_data(client.shared)
        payload = {"blockHash": digest}
        return {"root": str(height), "parentRoot": str(height - 1), "executionPayload": payload}


@pytest.mark.parametrize(("patient", "gwei"), [(True, 7), (False, 5)])
def test_balances_of_another_branch_are_read_again_where_a_client_may_go_astray(
    patient: bool, gwei: int
) -> None:
    client = Straying()
    auditor = Auditor(TERMS, None, client, Node(client))  # type: ignore[arg-type]  # it asks Bitcoin nothing here
    auditor.patient = patient
    fresh: Any = asyncio.run(auditor._read_evm())
    assert fresh[-1][0]["hash"] == ethereum.to_data(client.shared)
    assert fresh[-1][2].total_wei == gwei * GWEI
