"""One chain on two clients: ours mines it, the other is given each block over the Engine API."""

import json
from pathlib import Path
from typing import Any

from alys.models.ethereum import dev_accounts
from alys.wire import ethereum
from alys.wire.ethereum import BRIDGE_ADDRESS, to_data
from tests.contract.ethereum.client import Client

GENESIS = Path(__file__).parent / "genesis.json"
"""Shanghai from block 0 on, the bridge contract, and three development accounts with ether."""

ZERO = "0x" + "00" * 32
ALICE, BOB, CAROL = dev_accounts.secrets(3)
SECRETS = dev_accounts.secrets(3)
NOBODY = b"\x77" * 20
ETHER = 10**18

CONTRACT_CODE = "5f3560e01c5f5260015460205260405ff3"
"""Gives back the call's selector and slot 1."""
DEPLOYS = "6007600155602a600255" + f"60{len(CONTRACT_CODE) // 2:02x}8060135f395ff3" + CONTRACT_CODE
"""Stores 7 in slot 1 and 42 in slot 2, and leaves that code."""

Known = dict[str, Any]
"""What the calls are about, by name."""


def genesis() -> Any:
    """The document."""
    return json.loads(GENESIS.read_text())


def prepare(ours: Client, theirs: Client) -> Known:
    """Mine on ours, hand over, and make the head of both safe and final at the same places."""
    known = _mined(ours)
    height = int(ours.call("eth_blockNumber"), 16)
    for number in range(1, height + 1):
        payload = payload_at(ours, number)
        assert theirs.engine("engine_newPayloadV2", payload)["status"] == "VALID"
        follow(theirs, ours, number)
    follow(ours, ours, height)
    follow(theirs, ours, height)
    for client in (ours, theirs):
        assert client.call("eth_getBlockByNumber", "latest", False)["hash"] == known["tip"]
    return known


def follow(client: Client, ours: Client, number: int) -> None:
    """Make the block at a height of ours the client's head; safe is one below, final two."""
    hashes = [
        ours.call("eth_getBlockByNumber", hex(max(0, number - back)), False)["hash"]
        for back in range(3)
    ]
    state = dict(zip(("headBlockHash", "safeBlockHash", "finalizedBlockHash"), hashes, strict=True))
    answer = client.engine("engine_forkchoiceUpdatedV2", state, None)
    assert answer["payloadStatus"]["status"] == "VALID", answer


def payload_at(client: Client, number: int) -> dict[str, Any]:
    """A block of a client's as the Engine API has it."""
    block = client.call("eth_getBlockByNumber", hex(number), False)
    names = "parentHash stateRoot receiptsRoot logsBloom gasLimit gasUsed timestamp extraData"
    same = (*names.split(), "baseFeePerGas", "withdrawals")
    raw = [client.call("debug_getRawTransaction", tx) for tx in block["transactions"]]
    return {
        **{name: block[name] for name in same},
        "feeRecipient": block["miner"],
        "prevRandao": block["mixHash"],
        "blockNumber": block["number"],
        "blockHash": block["hash"],
        "transactions": raw,
    }


def _mined(ours: Client) -> Known:
    """Payments, a contract, its events, a failure: two transactions in one block, an empty block, and more."""
    ours.call("evm_setAutomine", False)
    ours.call("evm_setNextBlockTimestamp", int(genesis()["timestamp"], 16) + 12)
    alice, bob = (to_data(one) for one in (ALICE, BOB))
    bridge = to_data(BRIDGE_ADDRESS)
    pay = _send(ours, ALICE, 0, to=BOB, value=ETHER, gas=21_000)
    request = _send(
        ours,
        BOB,
        0,
        to=BRIDGE_ADDRESS,
        value=2 * ETHER,
        data=ethereum.encode_request_peg_out("bcrt1q"),
        gas=200_000,
    )
    ours.call("anvil_mine", 2, 12)
    create = _send(ours, ALICE, 1, to=None, value=0, data=bytes.fromhex(DEPLOYS), gas=300_000)
    ours.call("anvil_mine", 1)
    failed = _send(ours, CAROL, 0, to=BRIDGE_ADDRESS, value=1, gas=100_000)
    again = _send(
        ours,
        ALICE,
        2,
        to=BRIDGE_ADDRESS,
        value=ETHER,
        data=ethereum.encode_request_peg_out("other"),
        gas=200_000,
    )
    ours.call("anvil_mine", 1)
    receipt = ours.call("eth_getTransactionReceipt", create)
    first = ours.call("eth_getBlockByNumber", "0x1", False)
    return {
        "genesis": ours.call("eth_getBlockByNumber", "0x0", False)["hash"],
        "block": first["hash"],
        "tip": ours.call("eth_getBlockByNumber", "latest", False)["hash"],
        "pay": pay,
        "request": request,
        "create": create,
        "failed": failed,
        "again": again,
        "contract": receipt["contractAddress"],
        "alice": alice,
        "bob": bob,
        "nobody": to_data(NOBODY),
        "bridge": bridge,
        "absent": ZERO,
        "event": ethereum.REQUEST_PEG_OUT_TOPIC,
        "bobs_topic": "0x" + "00" * 12 + BOB.hex(),
        "data": to_data(ethereum.encode_request_peg_out("bcrt1q")),
        "burn": "0x" + ethereum.keccak256(b"BURN_ADDRESS()")[:4].hex(),
    }


def _send(ours: Client, sender: bytes, nonce: int, **fields: Any) -> str:
    raw = sign(sender, nonce, **fields)
    return str(ours.call("eth_sendRawTransaction", to_data(raw)))


def sign(sender: bytes, nonce: int, **fields: Any) -> bytes:
    """A transaction of one of the three."""
    fees = {"max_fee": 3 * 10**9, "max_tip": 10**9}
    return ethereum.sign_transaction(
        SECRETS[sender], chain_id=121212, nonce=nonce, **{**fees, **fields}
    )
