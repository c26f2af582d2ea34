"""The page of limits has the figures that the code has."""

import re
from pathlib import Path

import pytest

from alys.models.bitcoin import mining_calls, peer, peers
from alys.models.ethereum import chain_calls, dev_calls, engine_calls, pool, steps
from alys.models.governance.limits import Limits
from alys.node import gossip, sync
from alys.shells import jsonrpc_server
from alys.wire import bitcoin_p2p, jsonrpc
from tests.fuzz import test_bitcoin_doors as bitcoin_doors
from tests.fuzz import test_bitcoin_peers as bitcoin_peers
from tests.fuzz import test_bitcoin_rpc as bitcoin_rpc
from tests.fuzz import test_ethereum_doors as in_ethereum
from tests.fuzz import test_ethereum_rpc as ethereum_rpc
from tests.fuzz import test_governance as governance
from tests.fuzz import test_governance_doors as to_governance
from tests.fuzz import test_wire_items as wire_items

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "limits.md"
FIGURES = {
    "body of a request": jsonrpc_server.BODY_BYTES_MAX,
    "line or header of HTTP": 8190,
    "arrays and objects in each other": jsonrpc.DEPTH_MAX,
    "Bitcoin: calls in a batch": jsonrpc.BITCOIN_BATCH_MAX,
    "blocks in one `generatetoaddress`": mining_calls.GENERATE_BLOCKS_MAX,
    "payload of a peer's message": bitcoin_p2p.PAYLOAD_BYTES_MAX,
    "items in an `inv`": bitcoin_p2p.INVENTORY_MAX,
    "headers in a message": bitcoin_p2p.HEADERS_MAX,
    "peers that call": peers.INBOUND_MAX,
    "unread answers to a peer": peer.OUTGOING_BYTES_MAX,
    "Ethereum: calls in a batch": jsonrpc.ETHEREUM_BATCH_MAX,
    "results of a batch together": jsonrpc.ETHEREUM_BATCH_RESPONSE_BYTES_MAX,
    "message on WebSocket": jsonrpc_server.BODY_BYTES_MAX,
    "opcodes of a call that is only simulated": steps.STEPS_MAX,
    "a transaction that is sent": chain_calls.TRANSACTION_BYTES_MAX,
    "transactions in the pool": pool.POOL_TRANSACTIONS_MAX,
    "blocks in one `anvil_mine`": dev_calls.BLOCKS_MAX,
    "bodies in one `engine_getPayloadBodies…`": engine_calls.BODIES_MAX,
    "a message": Limits().message_bytes,
    "streams": Limits().streams,
    "`request_id` and `node_id`": Limits().name_characters,
    "requests of a stream that wait": Limits().waiting_requests,
    "an item from a peer": gossip.ITEM_BYTES_MAX,
    "blocks in one answer to a peer": sync.SyncFigures().batch_blocks,
}


def rows() -> dict[str, int]:
    """What the table says, by its second column; the batch is there twice."""
    found = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and re.match(r"\d", cells[2]):
            name = (
                f"{cells[0]}: {cells[1]}"
                if "batch" in cells[1] and "calls" in cells[1]
                else cells[1]
            )
            found[name] = int(cells[2].split()[0])
    return found


def test_there_are_as_many_requests_as_the_page_says() -> None:
    """Each row asserts its own count; here they are summed up by service."""
    ethereum_doors = sum(
        (
            *(in_ethereum.PUBLIC, in_ethereum.ENGINE, in_ethereum.MESSAGES, in_ethereum.ATTEMPTS),
            *(in_ethereum.ENGINE_ATTEMPTS, in_ethereum.SOCKETS),
        )
    )
    at_governance = (to_governance.STREAMED, to_governance.ASKED, to_governance.TORN)
    services = (
        len(bitcoin_rpc.SEEDS) * bitcoin_rpc.CALLS + bitcoin_doors.CALLS + bitcoin_doors.ATTEMPTS,
        len(bitcoin_peers.SEEDS) * bitcoin_peers.MESSAGES + bitcoin_peers.AT_THE_SOCKET,
        len(ethereum_rpc.SEEDS) * ethereum_rpc.CALLS + in_ethereum.ROUNDS * ethereum_doors,
        len(governance.SEEDS) * governance.REQUESTS + sum(at_governance) + to_governance.ATTEMPTS,
        len(wire_items.SEEDS) * wire_items.ITEMS,
    )
    assert services == (100_000,) * 5
    assert "100,000 malformed requests to each service" in PAGE.read_text(encoding="utf-8")


def test_the_page_has_every_limit_and_no_other() -> None:
    assert rows().keys() == FIGURES.keys()


@pytest.mark.parametrize("what", FIGURES)
def test_a_limit_is_what_the_page_says(what: str) -> None:
    assert rows()[what] == FIGURES[what]
