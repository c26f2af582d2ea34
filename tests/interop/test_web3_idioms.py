"""web3.py as its users write it, against ``alys mock ethereum``: filters, events, receipts, subscriptions, middleware."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from web3 import AsyncWeb3, HTTPProvider, Web3, WebSocketProvider
from web3.exceptions import (
    ContractLogicError,
    TimeExhausted,
    TransactionNotFound,
    Web3RPCError,
)

from alys.models.ethereum import dev_accounts
from alys.models.ethereum.genesis import bridge_artifact
from alys.wire.ethereum import BRIDGE_ADDRESS, BURN_ADDRESS, checksum_address, to_data
from tests.interop import ethereum_service
from tests.interop.ethereum_service import Service

ETHER = 10**18
SECRET = dev_accounts.secret_of(0)
PEG_OUT = b"bcrt1q6rhpng9evdsfnn833a4f4vej0asu6dk5srld6x"


@pytest.fixture
def service() -> Iterator[Service]:
    with ethereum_service.running() as service:
        yield service


@pytest.fixture
def web3(service: Service) -> Any:
    return Web3(HTTPProvider(service.http))


def bridge_of(web3: Any) -> Any:
    return web3.eth.contract(address=checksum_address(BRIDGE_ADDRESS), abi=bridge_artifact().abi)


def request(web3: Any, wei: int = ETHER) -> Any:
    """A peg-out from the node's first account; the hash."""
    account = web3.eth.accounts[0]
    return (
        bridge_of(web3).functions.requestPegOut(PEG_OUT).transact({"from": account, "value": wei})
    )


def test_a_transaction_is_waited_for(web3: Any) -> None:
    payer, payee = web3.eth.accounts[:2]
    tx = web3.eth.send_transaction({"from": payer, "to": payee, "value": ETHER})
    receipt = web3.eth.wait_for_transaction_receipt(tx, timeout=20)
    assert (receipt["status"], receipt["to"], receipt["gasUsed"]) == (1, payee, 21_000)
    assert web3.eth.get_transaction(tx)["blockHash"] == receipt["blockHash"]
    with pytest.raises(TransactionNotFound):
        web3.eth.get_transaction_receipt("0x" + "00" * 32)


def test_raw_transactions_are_read(web3: Any) -> None:
    tx = request(web3)
    raw = web3.eth.get_raw_transaction(tx)
    assert web3.keccak(raw) == tx
    assert web3.eth.get_raw_transaction_by_block("latest", 0) == raw
    assert web3.eth.get_block_receipts("latest")[0]["transactionHash"] == tx


def test_waiting_in_vain_ends_in_time(web3: Any) -> None:
    web3.provider.make_request("evm_setAutomine", [False])
    payer, payee = web3.eth.accounts[:2]
    tx = web3.eth.send_transaction({"from": payer, "to": payee, "value": 1})
    with pytest.raises(TimeExhausted):
        web3.eth.wait_for_transaction_receipt(tx, timeout=0.2, poll_latency=0.05)
    web3.provider.make_request("evm_mine", [])
    assert web3.eth.wait_for_transaction_receipt(tx, timeout=20)["status"] == 1


def test_an_events_filter_shows_decoded_entries_once(web3: Any) -> None:
    events = bridge_of(web3).events.RequestPegOut.create_filter(from_block="latest")
    request(web3)
    (entry,) = events.get_new_entries()
    assert list(entry["args"].values()) == [web3.eth.accounts[0], PEG_OUT, ETHER]
    assert events.get_new_entries() == []
    request(web3, 2 * ETHER)
    (entry,) = events.get_new_entries()
    assert list(entry["args"].values())[2] == 2 * ETHER
    assert len(bridge_of(web3).events.RequestPegOut.get_logs(from_block=0)) == 2
    assert web3.eth.uninstall_filter(events.filter_id) is True


def test_block_and_pending_filters(web3: Any) -> None:
    blocks, pending = web3.eth.filter("latest"), web3.eth.filter("pending")
    tx = request(web3)
    (block,) = blocks.get_new_entries()
    assert block == web3.eth.get_block("latest")["hash"]
    assert pending.get_new_entries() == [tx]


def test_a_log_filter_by_topics(web3: Any) -> None:
    caller = "0x" + "00" * 12 + web3.eth.accounts[0][2:].lower()
    wanted = web3.eth.filter(
        {"address": checksum_address(BRIDGE_ADDRESS), "topics": [None, [caller]]}
    )
    other = web3.eth.filter({"topics": [None, "0x" + "11" * 32]})
    request(web3)
    assert [len(one.get_new_entries()) for one in (wanted, other)] == [1, 0]
    assert len(wanted.get_all_entries()) == 1
    with pytest.raises(Web3RPCError, match="filter not found"):
        web3.eth.get_filter_changes("0x999")


def test_a_revert_is_a_contract_logic_error(web3: Any) -> None:
    with pytest.raises(ContractLogicError):
        bridge_of(web3).functions.requestPegOut(PEG_OUT).call(
            {"from": web3.eth.accounts[0], "value": 1}
        )
    with pytest.raises(ContractLogicError):
        request(web3, 1)


def test_refusals_have_geths_words(web3: Any) -> None:
    account = web3.eth.account.from_key(SECRET)
    fields = {"to": account.address, "value": 0, "gas": 21_000, "chainId": 121212}
    fees = {"maxFeePerGas": 3 * 10**9, "maxPriorityFeePerGas": 10**9}

    def send(nonce: int, **changes: Any) -> None:
        signed = account.sign_transaction({**fields, **fees, "nonce": nonce, **changes})
        web3.eth.send_raw_transaction(signed.raw_transaction)

    send(0)
    with pytest.raises(Web3RPCError, match="nonce too low"):
        send(0, value=1)
    with pytest.raises(Web3RPCError, match="insufficient funds"):
        send(1, value=20_000 * ETHER)
    with pytest.raises(Web3RPCError, match="intrinsic gas too low"):
        send(1, gas=20_000)


def test_the_account_middleware_signs_by_itself(web3: Any) -> None:
    from web3.middleware import SignAndSendRawMiddlewareBuilder

    account = web3.eth.account.from_key(dev_accounts.secret_of(1))
    web3.middleware_onion.inject(SignAndSendRawMiddlewareBuilder.build(account), layer=0)
    web3.eth.default_account = account.address
    tx = bridge_of(web3).functions.requestPegOut(PEG_OUT).transact({"value": ETHER})
    receipt = web3.eth.wait_for_transaction_receipt(tx, timeout=20)
    assert (receipt["from"], receipt["status"]) == (account.address, 1)


def test_a_contract_is_deployed_and_called(web3: Any) -> None:
    runtime = bytes.fromhex("602a60005260206000f3")
    init = bytes.fromhex("600a600c600039600a6000f3") + runtime
    tx = web3.eth.send_transaction({"from": web3.eth.accounts[0], "data": to_data(init)})
    address = web3.eth.wait_for_transaction_receipt(tx, timeout=20)["contractAddress"]
    assert bytes(web3.eth.get_code(address)) == runtime
    assert int.from_bytes(web3.eth.call({"to": address}), "big") == 42
    other = {address: {"code": "0x602b60005260206000f3"}}
    assert int.from_bytes(web3.eth.call({"to": address}, "latest", other), "big") == 43


def test_the_namespaces_beside_eth(web3: Any) -> None:
    assert web3.client_version.startswith("alys-ethereum/")
    assert (web3.net.version, web3.net.listening, web3.net.peer_count) == ("121212", True, 0)
    web3.provider.make_request("evm_setAutomine", [False])
    tx = web3.eth.send_transaction({"from": web3.eth.accounts[0], "to": web3.eth.accounts[1]})
    assert web3.geth.txpool.status() == {"pending": "0x1", "queued": "0x0"}
    (waiting,) = web3.geth.txpool.content()["pending"][web3.eth.accounts[0]].values()
    assert waiting["hash"] == tx.to_0x_hex()
    assert web3.geth.admin.node_info()["protocols"]["eth"]["network"] == 121212


def test_an_anvil_user_goes_back_in_time(web3: Any) -> None:
    def rpc(method: str, *params: Any) -> Any:
        return web3.provider.make_request(method, list(params))["result"]

    payee = checksum_address(b"\x42" * 20)
    snapshot = rpc("evm_snapshot")
    rpc("anvil_setBalance", payee, hex(5 * ETHER))
    rpc("evm_increaseTime", 3600)
    before = web3.eth.get_block("latest")["timestamp"]
    rpc("evm_mine")
    assert web3.eth.get_block("latest")["timestamp"] >= before + 3600
    assert web3.eth.get_balance(payee) == 5 * ETHER
    assert rpc("evm_revert", snapshot) is True
    assert (web3.eth.block_number, web3.eth.get_balance(payee)) == (0, 0)


def subscribed(service: Service, run: Callable[[Any], Awaitable[Any]]) -> Any:
    async def life() -> Any:
        async with AsyncWeb3(WebSocketProvider(service.websocket)) as web3:
            return await asyncio.wait_for(run(web3), 30)

    return asyncio.run(life())


async def next_of(web3: Any) -> Any:
    async for message in web3.socket.process_subscriptions():
        return message
    return None


def test_new_heads_come_over_the_websocket(service: Service) -> None:
    async def run(web3: Any) -> None:
        name = await web3.eth.subscribe("newHeads")
        accounts = await web3.eth.accounts
        tx = await web3.eth.send_transaction({"from": accounts[0], "to": accounts[1]})
        head = await next_of(web3)
        assert head["subscription"] == name
        receipt = await web3.eth.wait_for_transaction_receipt(tx, timeout=20)
        assert head["result"]["hash"] == receipt["blockHash"]
        assert await web3.eth.unsubscribe(name) is True

    subscribed(service, run)


def test_logs_come_over_the_websocket_and_are_decoded(service: Service) -> None:
    async def run(web3: Any) -> None:
        await web3.eth.subscribe("logs", {"address": checksum_address(BRIDGE_ADDRESS)})
        accounts = await web3.eth.accounts
        bridge = bridge_of(web3)
        await bridge.functions.requestPegOut(PEG_OUT).transact(
            {"from": accounts[2], "value": 3 * ETHER}
        )
        log = (await next_of(web3))["result"]
        event = bridge.events.RequestPegOut().process_log(log)
        assert list(event["args"].values()) == [accounts[2], PEG_OUT, 3 * ETHER]

    subscribed(service, run)


def test_the_subscription_manager_calls_handlers(service: Service) -> None:
    from web3.utils.subscriptions import LogsSubscription, NewHeadsSubscription

    async def run(web3: Any) -> None:
        heard: list[Any] = []

        async def on_event(context: Any) -> None:
            heard.append(context.result)
            if len(heard) == 2:
                await context.subscription.manager.unsubscribe_all()

        bridge = bridge_of(web3)
        event = bridge.events.RequestPegOut()
        await web3.subscription_manager.subscribe(
            [
                NewHeadsSubscription(label="heads", handler=on_event),
                LogsSubscription(
                    label="requests", address=bridge.address, topics=[event.topic], handler=on_event
                ),
            ]
        )
        account = (await web3.eth.accounts)[0]
        await bridge.functions.requestPegOut(PEG_OUT).transact({"from": account, "value": ETHER})
        await web3.subscription_manager.handle_subscriptions()
        assert {"number" in one for one in heard} == {True, False}

    subscribed(service, run)


def test_pending_transactions_come_over_the_websocket(service: Service) -> None:
    async def run(web3: Any) -> None:
        await web3.provider.make_request("evm_setAutomine", [False])
        await web3.eth.subscribe("newPendingTransactions")
        await web3.eth.subscribe("newPendingTransactions", True)
        accounts = await web3.eth.accounts
        tx = await web3.eth.send_transaction({"from": accounts[0], "to": accounts[1]})
        by_hash, whole = (await next_of(web3))["result"], (await next_of(web3))["result"]
        assert (by_hash, whole["hash"]) == (tx, tx)
        assert whole["from"] == accounts[0]

    subscribed(service, run)


def test_a_contract_call_over_the_websocket(service: Service) -> None:
    async def run(web3: Any) -> None:
        payer = (await web3.eth.accounts)[0]
        burn = await bridge_of(web3).functions.BURN_ADDRESS().call()
        assert burn == checksum_address(BURN_ADDRESS)
        with pytest.raises(ContractLogicError):
            await bridge_of(web3).functions.requestPegOut(b"x").call({"from": payer, "value": 1})

    subscribed(service, run)


def test_a_proof_is_read(web3: Any) -> None:
    bridge = checksum_address(BRIDGE_ADDRESS)
    proof = web3.eth.get_proof(bridge, [0])
    assert (proof["address"], proof["nonce"]) == (bridge, 1)
    assert len(proof["accountProof"]) > 0
    (slot,) = proof["storageProof"]
    assert int.from_bytes(slot["value"], "big") == 0


def test_a_transaction_is_traced(web3: Any) -> None:
    tx = request(web3)
    asked = [tx.to_0x_hex(), {"tracer": "callTracer"}]
    calls = web3.provider.make_request("debug_traceTransaction", asked)["result"]
    assert calls["to"] == "0x" + "bb" * 20
    assert len(calls["calls"]) == 1


def test_the_pending_block_is_read(web3: Any) -> None:
    web3.provider.make_request("evm_setAutomine", [False])
    payer, payee = web3.eth.accounts[:2]
    before = web3.eth.get_balance(payee)
    tx = web3.eth.send_transaction({"from": payer, "to": payee, "value": 9})
    pending = web3.eth.get_block("pending")
    assert (pending["number"], pending["transactions"]) == (1, [tx])
    assert web3.eth.get_balance(payee, "pending") == before + 9
    assert web3.eth.get_transaction_count(payer, "pending") == 1
    assert web3.eth.block_number == 0


def test_fees_and_history_add_up(web3: Any) -> None:
    request(web3)
    history = web3.eth.fee_history(1, "latest", [50])
    assert history["reward"] == [[web3.eth.max_priority_fee]]
    assert history["baseFeePerGas"][-1] + web3.eth.max_priority_fee == web3.eth.gas_price
