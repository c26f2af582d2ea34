"""What services are told: defaults of the document, flags over variables, and secrets that are shown nowhere."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from alys.config import services
from alys.config.errors import ConfigError

SECRETS = {
    "ADMIN_TOKEN": "adm1n",
    "BITCOIN_RPC_USER": "us3r",
    "BITCOIN_RPC_PASSWORD": "p4ss:word",
    "ENGINE_JWT_SECRET": "0x" + "7b" * 32,
    "GOVERNANCE_TOKEN": "t0ken",
}
OUTSIDE = {"ALYS_HOST": "0.0.0.0", "ADMIN_HOST": "0.0.0.0"}


def plain(told: services.Doors) -> dict[str, Any]:
    """The settings without their secrets."""
    found = {name: getattr(told, name) for name in told.__struct_fields__}
    return {name: value for name, value in found.items() if not hasattr(value, "reveal")}


DOORS = {
    "host": "127.0.0.1",
    "metrics_port": 9100,
    "admin_host": "127.0.0.1",
    "admin_port": 9101,
}


@pytest.mark.parametrize(
    ("service", "own"),
    [
        (
            "bitcoin",
            {
                "network": "regtest",
                "rpc_port": 18332,
                "p2p_port": 18333,
                "connect": (),
                "cookie_file": "",
                "data_dir": "",
            },
        ),
        (
            "ethereum",
            {
                "network": "development",
                "genesis": "",
                "chain": "",
                "http_rpc_port": 8545,
                "ws_rpc_port": 8546,
                "engine_port": 8551,
                "dev_methods": True,
                "dev_accounts": 0,
            },
        ),
        (
            "governance",
            {"node_id": "governance-node-1", "grpc_port": 50051, "delay_ms": 0, "peers": ()},
        ),
    ],
)
def test_on_a_machine_of_ones_own_nothing_needs_to_be_said(
    service: str, own: dict[str, Any]
) -> None:
    assert plain(services.read(service, {"RPC_PORT": " "}, {})) == {**DOORS, **own}


def test_the_documents_variables_are_read_and_a_flag_goes_over_them() -> None:
    environment = {"GOVERNANCE_NODE_ID": "governance-node-3", "MOCK_DELAY_MS": "20"}
    flags = {"--grpc-port": "0", "--node-id": None}
    told = services.read("governance", {**environment, "GRPC_PORT": "50052"}, flags)
    assert isinstance(told, services.GovernanceService)
    assert (told.node_id, told.number, told.delay_ms) == ("governance-node-3", 3, 20)
    assert told.grpc_port == 0


def test_secrets_come_from_the_environment_and_are_not_shown() -> None:
    for service in services.SERVICES:
        told = services.read(service, {**SECRETS, **OUTSIDE}, {})
        for secret in SECRETS.values():
            assert secret.removeprefix("0x") not in repr(told)
    bitcoin = services.read("bitcoin", {**SECRETS, **OUTSIDE}, {})
    assert isinstance(bitcoin, services.BitcoinService)
    assert bitcoin.rpc_password.reveal() == b"p4ss:word"
    ethereum = services.read("ethereum", {**SECRETS, **OUTSIDE}, {})
    assert isinstance(ethereum, services.EthereumService)
    assert ethereum.engine_jwt_secret.reveal() == b"\x7b" * 32
    with pytest.raises(TypeError):
        msgspec.json.encode(ethereum)


@pytest.mark.parametrize(
    ("service", "missing"),
    [
        ("bitcoin", "BITCOIN_RPC_USER"),
        ("bitcoin", "BITCOIN_RPC_PASSWORD"),
        ("ethereum", "ENGINE_JWT_SECRET"),
        ("governance", "GOVERNANCE_TOKEN"),
        ("governance", "ADMIN_TOKEN"),
    ],
)
def test_where_others_can_call_no_secret_may_lack(service: str, missing: str) -> None:
    given = {name: text for name, text in SECRETS.items() if name != missing}
    with pytest.raises(ConfigError, match=rf"{missing} is not set.*0\.0\.0\.0.*allowed: ") as error:
        services.read(service, {**given, **OUTSIDE}, {})
    assert error.value.exit_code == 2


def test_the_admin_token_is_asked_for_where_the_admin_port_is_open() -> None:
    given = {name: text for name, text in SECRETS.items() if name != "ADMIN_TOKEN"}
    services.read("governance", {**given, "ALYS_HOST": "0.0.0.0"}, {})
    with pytest.raises(ConfigError, match="ADMIN_TOKEN"):
        services.read("governance", {"ADMIN_HOST": "0.0.0.0"}, {})


@pytest.mark.parametrize(
    ("service", "variable", "value", "allowed"),
    [
        ("bitcoin", "RPC_PORT", "65536", "a port, 0 to 65535"),
        ("bitcoin", "RPC_PORT", "-1", "a port"),
        ("bitcoin", "RPC_PORT", "http", "a port"),
        ("bitcoin", "RPC_PORT", "１", "a port"),
        ("bitcoin", "P2P_PORT", "p2p", "a port"),
        ("bitcoin", "BITCOIN_CONNECT", "somewhere", "host:port of the nodes"),
        ("bitcoin", "BITCOIN_CONNECT", "a:1,b:0", "host:port of the nodes"),
        ("bitcoin", "BITCOIN_NETWORK", "mainnet", "regtest"),
        ("ethereum", "ETHEREUM_NETWORK", "sepolia", "development"),
        ("ethereum", "DEV_METHODS", "yes", "on or off"),
        ("ethereum", "DEV_ACCOUNTS", "1001", "a whole number, 0 to 1000"),
        ("governance", "GOVERNANCE_NODE_ID", "governance-node-4", "a name of letters"),
        ("governance", "GOVERNANCE_NODE_ID", "governance-node-11", "a name of letters"),
        ("governance", "MOCK_DELAY_MS", "10ms", "whole milliseconds"),
        ("governance", "MOCK_DELAY_MS", "60001", "whole milliseconds"),
        ("governance", "ALYS_HOST", "http://here", "a name or an address"),
        ("governance", "METRICS_PORT", "9100.5", "a port"),
    ],
)
def test_a_value_that_cannot_stand_is_named_with_what_is_allowed(
    service: str, variable: str, value: str, allowed: str
) -> None:
    with pytest.raises(ConfigError) as error:
        services.read(service, {variable: value}, {})
    said = str(error.value)
    assert said.startswith(f"environment variable {variable}: {variable} = {value!r} cannot stand")
    assert f"allowed: {allowed}" in said


def test_nodes_to_connect_to_are_a_list() -> None:
    told = services.read("bitcoin", {"BITCOIN_CONNECT": "a.b:1, [::1]:2,"}, {})
    assert isinstance(told, services.BitcoinService)
    assert told.connect == ("a.b:1", "[::1]:2")


def test_a_wrong_flag_is_named_as_it_was_typed() -> None:
    with pytest.raises(ConfigError, match=r"^--rpc-port: RPC_PORT = 'x'.*allowed: a port"):
        services.read("bitcoin", {}, {"--rpc-port": "x"})


@pytest.mark.parametrize(
    ("service", "variable", "value"),
    [
        ("bitcoin", "BITCOIN_RPC_USER", "us:er"),
        ("bitcoin", "BITCOIN_RPC_PASSWORD", "two words"),
        ("ethereum", "ENGINE_JWT_SECRET", "abcd" * 15),
        ("governance", "GOVERNANCE_TOKEN", "gehеim"),
        ("governance", "ADMIN_TOKEN", "two words"),
    ],
)
def test_a_secret_that_cannot_stand_is_not_repeated(
    service: str, variable: str, value: str
) -> None:
    with pytest.raises(ConfigError) as error:
        services.read(service, {variable: value}, {})
    assert variable in str(error.value)
    assert value not in str(error.value)
    assert error.value.__suppress_context__


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.0.0.5", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.7", False),
        ("mock-bitcoin-node", False),
    ],
)
def test_only_the_loopback_is_a_machine_of_ones_own(host: str, loopback: bool) -> None:
    assert services.is_loopback(host) is loopback


def test_a_caller_finds_the_secret_that_the_service_has() -> None:
    here = services.secret("GOVERNANCE_TOKEN", {}, "localhost")
    told = services.read("governance", {}, {})
    assert isinstance(told, services.GovernanceService)
    assert here.reveal() == told.token.reveal()
    there = services.secret("GOVERNANCE_TOKEN", SECRETS, "mock-governance-1")
    assert there.reveal() == b"t0ken"
    with pytest.raises(ConfigError, match="GOVERNANCE_TOKEN is not set"):
        services.secret("GOVERNANCE_TOKEN", {}, "mock-governance-1")


def test_the_api_key_may_be_left_out_where_others_can_call_and_is_then_none() -> None:
    outside = services.read("governance", {**SECRETS, **OUTSIDE}, {})
    here = services.read("governance", {}, {})
    assert isinstance(outside, services.GovernanceService)
    assert isinstance(here, services.GovernanceService)
    assert outside.api_key.reveal() == b""
    assert here.api_key.reveal() == b"local-governance-api-key"
    with pytest.raises(ConfigError, match="GOVERNANCE_API_KEY cannot stand"):
        services.read("governance", {"GOVERNANCE_API_KEY": "tooshort"}, {})


def test_peers_are_targets_with_commas_between_them() -> None:
    told = services.read("governance", {"GOVERNANCE_PEERS": "gov-2:50051, [::1]:50052 ,"}, {})
    assert isinstance(told, services.GovernanceService)
    assert told.peers == ("gov-2:50051", "[::1]:50052")
    for wrong in ("gov-2", "gov-2:0", "gov-2:99999", "http://gov-2:1", "a:1,a:1", ":50051"):
        with pytest.raises(ConfigError, match="GOVERNANCE_PEERS"):
            services.read("governance", {"GOVERNANCE_PEERS": wrong}, {})


def test_every_secret_has_a_constant_and_every_variable_but_secrets_a_flag() -> None:
    variables = [one for _, table in services.SERVICES.values() for one in table]
    assert {one.name for one in variables if not one.flag} == set(services.LOCAL_SECRETS)
    assert services.flags()["--network"] == ("bitcoin", "ethereum")
    assert services.flags()["--admin-port"] == ("bitcoin", "ethereum", "governance")


def test_the_page_has_every_variable_with_its_flag_and_default() -> None:
    page = Path(__file__).parents[2] / "docs" / "reference" / "mock-services.md"
    rows = re.findall(
        r"^\| `([A-Z0-9_]+)` \| (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE
    )
    told = dict(rows)
    for one in (one for _, table in services.SERVICES.values() for one in table):
        if one.flag:
            default = f"`{one.default}`" if one.default else "none"
            assert told[one.name].startswith(f"`{one.flag}` | {default} | ")
        elif one.name != "ENGINE_JWT_SECRET":
            assert told[one.name].endswith(f" `{services.LOCAL_SECRETS[one.name]}` |")
    assert told["ENGINE_JWT_SECRET"].endswith("`a1` 32 times |")
