"""Who the node is: answers that clients ask for before anything else."""

from alys.models.ethereum.info_calls import CLIENT_VERSION
from alys.models.ethereum.node import PUBLIC
from tests.models.ethereum.builders import head_of, make_node, mined


def test_the_node_knows_its_chain_and_talks_to_nobody() -> None:
    node = make_node()
    genesis = head_of(node)["hash"]
    mined(node)
    info = node.handle("admin_nodeInfo", [])
    assert info["name"] == node.handle("web3_clientVersion", []) == CLIENT_VERSION
    assert info["protocols"]["eth"] == {
        "network": 121212,
        "genesis": genesis,
        "head": head_of(node)["hash"],
    }
    assert node.handle("admin_peers", []) == []
    assert node.handle("net_peerCount", []) == "0x0"


def test_rpc_modules_names_the_namespaces_that_calls_have() -> None:
    named = make_node().handle("rpc_modules", [])
    assert set(named.values()) == {"1.0"}
    development = {"anvil", "evm", "hardhat"}
    assert set(named) | development == {name.split("_")[0] for name in PUBLIC}


def test_sha3_is_keccak() -> None:
    digest = "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert make_node().handle("web3_sha3", ["0x"]) == digest
