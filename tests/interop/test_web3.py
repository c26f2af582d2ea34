"""web3.py, which knows nothing of us, reads and writes the Ethereum node over HTTP."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from web3 import HTTPProvider, Web3

from alys.models.ethereum.genesis import bridge_artifact, dev_genesis
from alys.models.ethereum.node import EthereumNode
from alys.shells.ethereum_server import serve_ethereum
from alys.wire import ethereum
from alys.wire.ethereum import BRIDGE_ADDRESS, BURN_ADDRESS, checksum_address, to_data

SECRET = bytes(31) + b"\x09"
START = 1_767_225_600
ZERO = "0x" + "00" * 32
ETHER = 10**18


class Served:
    """A node behind a real port, in a thread with a loop of its own."""

    def __init__(self) -> None:
        self.user = ethereum.address_of(SECRET)
        self.node = EthereumNode(
            dev_genesis(START, balances={self.user: 5 * ETHER}), lambda: START + 1000.0
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(
            serve_ethereum(self.node), self._loop
        ).result(10)
        self.web3 = Web3(HTTPProvider(self._server.url))

    def mine(self) -> None:
        """A block with what is in the pool, through the Engine API's own calls."""
        head = self.node.handle("eth_getBlockByNumber", ["latest", False])
        state = {"headBlockHash": head["hash"], "safeBlockHash": ZERO, "finalizedBlockHash": ZERO}
        attributes = {
            "timestamp": hex(int(head["timestamp"], 16) + 2),
            "prevRandao": ZERO,
            "suggestedFeeRecipient": to_data(BURN_ADDRESS),
            "withdrawals": [],
        }
        call = self.node.handle_engine
        begun = call("engine_forkchoiceUpdatedV2", [state, attributes])
        payload = call("engine_getPayloadV2", [begun["payloadId"]])["executionPayload"]
        assert call("engine_newPayloadV2", [payload])["status"] == "VALID"
        state["headBlockHash"] = payload["blockHash"]
        call("engine_forkchoiceUpdatedV2", [state, None])

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._server.close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@pytest.fixture
def served() -> Iterator[Served]:
    served = Served()
    yield served
    served.close()


def send(served: Served, **fields: Any) -> str:
    """Sign with web3's own account code and send."""
    web3 = served.web3
    tx = {
        "chainId": web3.eth.chain_id,
        "from": checksum_address(served.user),
        "nonce": web3.eth.get_transaction_count(checksum_address(served.user)),  # type: ignore[arg-type]
        "maxFeePerGas": 3 * 10**9,
        "maxPriorityFeePerGas": 10**9,
        **fields,
    }
    signed = web3.eth.account.sign_transaction(tx, SECRET)
    return web3.eth.send_raw_transaction(signed.raw_transaction).to_0x_hex()


def test_it_reads_chain_id_balances_and_blocks(served: Served) -> None:
    web3 = served.web3
    assert web3.is_connected()
    assert web3.eth.chain_id == 121212
    assert web3.eth.get_balance(checksum_address(served.user)) == 5 * ETHER  # type: ignore[arg-type]
    served.mine()
    block = web3.eth.get_block("latest")
    assert (block["number"], block["parentHash"]) == (1, web3.eth.get_block(0)["hash"])


def test_a_transfer_has_a_receipt_that_agrees_with_the_balances(served: Served) -> None:
    web3, payee = served.web3, checksum_address(b"\x42" * 20)
    tx_hash = send(served, to=payee, value=ETHER, gas=21_000)
    served.mine()
    receipt = web3.eth.get_transaction_receipt(tx_hash)  # type: ignore[arg-type]
    assert (receipt["status"], receipt["gasUsed"]) == (1, 21_000)
    assert web3.eth.get_balance(payee) == ETHER  # type: ignore[arg-type]
    fee = receipt["gasUsed"] * receipt["effectiveGasPrice"]
    left = web3.eth.get_balance(checksum_address(served.user))  # type: ignore[arg-type]
    assert left == 4 * ETHER - fee


def test_it_decodes_request_peg_out_by_the_committed_abi(served: Served) -> None:
    web3 = served.web3
    bridge: Any = web3.eth.contract(
        address=checksum_address(BRIDGE_ADDRESS),  # type: ignore[call-overload]
        abi=bridge_artifact().abi,
    )
    address = b"bcrt1q6rhpng9evdsfnn833a4f4vej0asu6dk5srld6x"
    data = bridge.encode_abi("requestPegOut", [address])
    gas = web3.eth.estimate_gas(
        {"from": checksum_address(served.user), "to": bridge.address, "data": data, "value": ETHER}  # type: ignore[typeddict-item]
    )
    tx_hash = send(served, to=bridge.address, value=ETHER, data=data, gas=gas)
    served.mine()
    receipt = web3.eth.get_transaction_receipt(tx_hash)  # type: ignore[arg-type]
    (event,) = bridge.events.RequestPegOut().process_receipt(receipt)
    values = list(event["args"].values())
    assert values == [checksum_address(served.user), address, ETHER]
    (logged,) = bridge.events.RequestPegOut().get_logs(from_block=0)
    assert logged["transactionHash"].to_0x_hex() == tx_hash
    assert bridge.functions.BURN_ADDRESS().call() == checksum_address(BURN_ADDRESS)


def test_below_the_minimum_the_call_reverts(served: Served) -> None:
    with pytest.raises(Exception, match="0x"):
        served.web3.eth.call(
            {
                "from": checksum_address(served.user),
                "to": checksum_address(BRIDGE_ADDRESS),
                "data": to_data(ethereum.encode_request_peg_out("x")),  # type: ignore[typeddict-item]
                "value": ETHER // 100 - 1,  # type: ignore[typeddict-item]
            }
        )


def test_it_fills_in_nonce_gas_and_fees_by_itself(served: Served) -> None:
    """What a user of web3.py gets without naming any fee."""
    web3 = served.web3
    served.mine()
    filled: Any = (
        web3.eth.contract(
            address=checksum_address(BRIDGE_ADDRESS),  # type: ignore[call-overload]
            abi=bridge_artifact().abi,
        )
        .functions.requestPegOut(b"bcrt1q")
        .build_transaction(
            {
                "from": checksum_address(served.user),
                "value": ETHER,
                "nonce": web3.eth.get_transaction_count(checksum_address(served.user)),  # type: ignore[arg-type]
            }
        )
    )
    assert filled["maxFeePerGas"] >= web3.eth.gas_price - filled["maxPriorityFeePerGas"]
    signed = web3.eth.account.sign_transaction(filled, SECRET)
    tx_hash = web3.eth.send_raw_transaction(signed.raw_transaction)
    served.mine()
    receipt = web3.eth.get_transaction_receipt(tx_hash)
    assert (receipt["status"], len(receipt["logs"])) == (1, 1)
    history = web3.eth.fee_history(2, "latest", [50])
    assert history["reward"][-1] == [filled["maxPriorityFeePerGas"]]


def test_both_sign_the_same_bytes(served: Served) -> None:
    ours = ethereum.sign_transaction(
        SECRET,
        chain_id=121212,
        nonce=3,
        to=BRIDGE_ADDRESS,
        value=ETHER,
        data=b"\x01\x02",
        gas=100_000,
        max_fee=3 * 10**9,
        max_tip=10**9,
    )
    fields = {"to": checksum_address(BRIDGE_ADDRESS), "value": ETHER, "data": "0x0102"}
    theirs = served.web3.eth.account.sign_transaction(
        {
            **fields,
            "chainId": 121212,
            "nonce": 3,
            "gas": 100_000,
            "maxFeePerGas": 3 * 10**9,
            "maxPriorityFeePerGas": 10**9,
        },
        SECRET,
    )
    assert bytes(theirs.raw_transaction) == ours


def test_both_encode_the_same_call(served: Served) -> None:
    bridge: Any = served.web3.eth.contract(abi=bridge_artifact().abi)
    for text in ("", "a", "bcrt1q" * 10):
        theirs = bridge.encode_abi("requestPegOut", [text.encode()])
        assert theirs == to_data(ethereum.encode_request_peg_out(text))
