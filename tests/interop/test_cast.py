"""Foundry's cast, as its users type it, against ``alys mock ethereum``."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from alys.config.services import LOCAL_SECRETS
from alys.models.ethereum import dev_accounts
from alys.wire.ethereum import BRIDGE_ADDRESS, BURN_ADDRESS, checksum_address, to_data
from tests import foreign
from tests.interop import ethereum_service

KEYS = [to_data(dev_accounts.secret_of(number)) for number in range(2)]
PAYER = checksum_address(next(iter(dev_accounts.secrets(1))))
PAYEE = "0x" + "42" * 20
BRIDGE = checksum_address(BRIDGE_ADDRESS)


class Cast:
    """cast with the service's address in its environment."""

    def __init__(self, service: ethereum_service.Service) -> None:
        self.service = service
        self._path = foreign.program("cast")

    def __call__(self, *words: str) -> str:
        """What it prints; raises AssertionError with what it says when it fails."""
        done = self._run(*words)
        assert not _failed(done), done
        return done.stdout.strip()

    def refused(self, *words: str) -> str:
        """What it says of a call that must fail."""
        done = self._run(*words)
        assert _failed(done), done.stdout
        return done.stderr

    def _run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        environment = {"ETH_RPC_URL": self.service.http, "NO_COLOR": "1", "HOME": "/nonexistent"}
        return subprocess.run(
            [self._path, *words], env=environment, capture_output=True, text=True, timeout=60
        )

    def json(self, *words: str) -> Any:
        """What it prints with ``--json``."""
        return json.loads(self(*words, "--json"))


def _failed(done: "subprocess.CompletedProcess[str]") -> bool:
    """The npm package's launcher loses the exit code of the program that it runs."""
    return done.returncode != 0 or done.stderr.startswith("Error")


@pytest.fixture
def cast() -> Iterator[Cast]:
    with ethereum_service.running() as service:
        yield Cast(service)


def send(cast: Cast, *words: str) -> Any:
    return cast.json("send", "--private-key", KEYS[0], *words)


def test_it_derives_the_development_accounts_by_itself(cast: Cast) -> None:
    assert cast("keccak", "alys dev account 0") == KEYS[0]
    assert cast("wallet", "address", "--private-key", KEYS[0]) == PAYER


def test_the_chain_is_looked_at(cast: Cast) -> None:
    assert cast("chain-id") == "121212"
    assert cast("block-number") == "0"
    assert cast("client").startswith("alys-ethereum/")
    assert float(cast("balance", PAYER, "--ether")) == 10_000
    assert cast("nonce", PAYER) == "0"
    assert cast("code", BRIDGE).startswith("0x60")
    assert cast("rpc", "--rpc-url", cast.service.websocket, "eth_chainId") == '"0x1d97c"'


def test_a_payment_is_sent_and_its_receipt_read(cast: Cast) -> None:
    receipt = send(cast, PAYEE, "--value", "1ether")
    assert (receipt["status"], receipt["blockNumber"]) == ("0x1", "0x1")
    assert cast("balance", PAYEE, "--ether").startswith("1.0")
    assert cast.json("receipt", receipt["transactionHash"])["gasUsed"] == "0x5208"
    transaction = cast.json("tx", receipt["transactionHash"])
    assert int(transaction["value"], 16) == 10**18
    block = cast.json("block", "latest")
    assert block["transactions"] == [receipt["transactionHash"]]
    assert block["hash"] == receipt["blockHash"]


def test_contracts_are_called_estimated_and_refused(cast: Cast) -> None:
    burn = cast("call", BRIDGE, "BURN_ADDRESS()(address)")
    assert burn == checksum_address(BURN_ADDRESS)
    request = (BRIDGE, "requestPegOut(bytes)", "0x626372743171")
    assert int(cast("estimate", "--from", PAYER, "--value", "1ether", *request)) > 21_000
    failed = cast.refused("call", "--from", PAYER, "--value", "1", *request)
    assert "error code 3: execution reverted" in failed


def test_logs_are_found_by_event(cast: Cast) -> None:
    sent = send(cast, BRIDGE, "requestPegOut(bytes)", "0x626372743171", "--value", "1ether")
    event = "RequestPegOut(address,bytes,uint256)"
    (log,) = cast.json("logs", "--from-block", "0", "--address", BRIDGE, event)
    assert log["transactionHash"] == sent["transactionHash"]
    assert cast.json("logs", "--from-block", "0", "--address", PAYEE, event) == []


def test_state_is_looked_into(cast: Cast) -> None:
    assert cast("storage", BRIDGE, "0") == "0x" + "00" * 32
    proof = cast.json("proof", BRIDGE, "0")
    assert (proof["nonce"], len(proof["accountProof"]) > 0) == ("0x1", True)
    request = (BRIDGE, "requestPegOut(bytes)", "0x626372743171")
    listed = cast.json("access-list", "--from", PAYER, "--value", "1ether", *request)
    assert int(listed["gasUsed"], 16) > 21_000
    assert float(cast("base-fee")) > 0


def test_the_node_signs_for_its_own_accounts(cast: Cast) -> None:
    receipt = cast.json("send", "--unlocked", "--from", PAYER, PAYEE, "--value", "5")
    assert (receipt["status"], cast("balance", PAYEE)) == ("0x1", "5")


def test_development_calls_go_through_rpc(cast: Cast) -> None:
    snapshot = json.loads(cast("rpc", "evm_snapshot"))
    cast("rpc", "anvil_setBalance", PAYEE, "0x7")
    cast("rpc", "anvil_mine", "3")
    assert (cast("block-number"), cast("balance", PAYEE)) == ("3", "7")
    assert cast("rpc", "evm_revert", snapshot) == "true"
    assert (cast("block-number"), cast("balance", PAYEE)) == ("0", "0")
    cast("rpc", "anvil_impersonateAccount", BRIDGE)
    cast("rpc", "anvil_setBalance", BRIDGE, "0xde0b6b3a7640000")
    cast.json("send", "--unlocked", "--from", BRIDGE, PAYEE, "--value", "9")
    assert cast("balance", PAYEE) == "9"


def test_refusals_reach_the_user(cast: Cast) -> None:
    send(cast, PAYEE, "--value", "1")
    late = cast.refused(
        "send", "--private-key", KEYS[0], "--nonce", "0", "--gas-limit", "21000", PAYEE
    )
    assert "nonce too low" in late
    unknown = cast.refused("rpc", "eth_noSuchMethod")
    assert "-32601" in unknown
    assert "does not exist/is not available" in unknown


def test_the_engine_port_wants_the_secret(cast: Cast) -> None:
    there = ("rpc", "--rpc-url", cast.service.engine)
    secret = ("--jwt-secret", LOCAL_SECRETS["ENGINE_JWT_SECRET"])
    named = json.loads(cast(*there, *secret, "engine_exchangeCapabilities", "[]"))
    assert "engine_newPayloadV2" in named
    assert cast("block-number", "--rpc-url", cast.service.engine, *secret) == "0"
    assert "401" in cast.refused(*there, "engine_exchangeCapabilities", "[]")
    wrong = ("--jwt-secret", "b2" * 32)
    assert "401" in cast.refused(*there, *wrong, "engine_exchangeCapabilities", "[]")


def test_a_consensus_client_ends_development(cast: Cast) -> None:
    head = cast.json("block", "latest")["hash"]
    zero = "0x" + "00" * 32
    state = {"headBlockHash": head, "safeBlockHash": zero, "finalizedBlockHash": zero}
    secret = ("--jwt-secret", LOCAL_SECRETS["ENGINE_JWT_SECRET"])
    cast(
        *("rpc", "--rpc-url", cast.service.engine, *secret),
        *("engine_forkchoiceUpdatedV2", json.dumps(state)),
    )
    refused = cast.refused("rpc", "anvil_setBalance", PAYEE, "0x7")
    assert "a consensus client drives this chain" in refused
    raw = cast("send", "--async", "--private-key", KEYS[0], PAYEE, "--value", "1")
    assert (raw[:2], cast("block-number")) == ("0x", "0")
