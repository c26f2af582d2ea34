"""The keys of services elsewhere: from the environment, from the URL, and never shown."""

import pytest

from alys.config import errors, keys
from alys.config.settings import MockServices

THERE = {
    "bitcoin_rpc_url": "http://mock-bitcoin-node:18332",
    "ethereum_rpc_url": "http://mock-ethereum-node:8545",
    "engine_api_url": "http://mock-ethereum-node:8551",
}
HERE = {
    "bitcoin_rpc_url": "http://127.0.0.1:1",
    "ethereum_rpc_url": "http://localhost:2",
    "engine_api_url": "http://[::1]:3",
}
ALL = {
    "BITCOIN_RPC_USER": "alice",
    "BITCOIN_RPC_PASSWORD": "hush",
    "ENGINE_JWT_SECRET": "0x" + "5e" * 32,
    "GOVERNANCE_TOKEN": "gov-hush",
    "ADMIN_TOKEN": "admin-hush",
}


def services(urls: dict[str, str], node: str) -> MockServices:
    return MockServices(governance_nodes=(node,), **urls)  # type: ignore[arg-type]


def test_every_key_comes_from_its_variable_and_none_is_shown() -> None:
    found = keys.read(ALL, services(THERE, "http://mock-governance-1:50051"))
    assert found.bitcoin_user.reveal() == b"alice"
    assert found.bitcoin_password.reveal() == b"hush"
    assert found.engine_jwt_secret.reveal() == bytes.fromhex("5e" * 32)
    assert found.governance_token.reveal() == b"gov-hush"
    assert found.admin_token.reveal() == b"admin-hush"
    assert "hush" not in repr(found)


@pytest.mark.parametrize("missing", sorted(ALL))
def test_a_key_of_a_service_elsewhere_must_be_given(missing: str) -> None:
    variables = {name: value for name, value in ALL.items() if name != missing}
    with pytest.raises(errors.ConfigError, match=f"{missing} is not set"):
        keys.read(variables, services(HERE, "http://mock-governance-1:50051"))


def test_on_this_machine_the_local_constants_do() -> None:
    found = keys.read({}, services(HERE, "http://127.0.0.1:4"))
    assert found.admin_token.reveal() == b"local-admin-token"


def test_user_and_password_may_stand_in_the_bitcoin_url() -> None:
    urls = THERE | {"bitcoin_rpc_url": "http://bob:p%40ss@mock-bitcoin-node:18332"}
    found = keys.read(ALL, services(urls, "http://mock-governance-1:50051"))
    assert found.bitcoin_user.reveal() == b"bob"
    assert found.bitcoin_password.reveal() == b"p@ss"


def test_a_real_node_in_the_local_world_needs_its_own_key_alone() -> None:
    coin = MockServices(bitcoin_rpc_url="http://bitcoin.example:18443")
    found = keys.read({"BITCOIN_RPC_USER": "alice", "BITCOIN_RPC_PASSWORD": "hush"}, coin)
    assert found.bitcoin_password.reveal() == b"hush"
    with pytest.raises(errors.ConfigError, match="BITCOIN_RPC_PASSWORD is not set"):
        keys.read({"BITCOIN_RPC_USER": "alice"}, coin)
    engine = MockServices(engine_api_url="http://geth.example:8551")
    with pytest.raises(errors.ConfigError, match="ENGINE_JWT_SECRET is not set"):
        keys.read({}, engine)
