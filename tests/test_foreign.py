"""The real nodes that other tests are made with."""

from pathlib import Path

import pytest

from tests import foreign

GENESIS = {
    "config": {
        **dict.fromkeys(
            [
                "homesteadBlock",
                "eip150Block",
                "eip155Block",
                "eip158Block",
                "byzantiumBlock",
                "constantinopleBlock",
                "petersburgBlock",
                "istanbulBlock",
                "berlinBlock",
                "londonBlock",
                "mergeNetsplitBlock",
                "terminalTotalDifficulty",
                "shanghaiTime",
            ],
            0,
        ),
        "chainId": 121212,
        "terminalTotalDifficultyPassed": True,
    },
    "nonce": "0x0",
    "timestamp": "0x6955b900",
    "extraData": "0x",
    "gasLimit": "0x1c9c380",
    "difficulty": "0x0",
    "mixHash": "0x" + "00" * 32,
    "coinbase": "0x" + "00" * 20,
    "baseFeePerGas": "0x3b9aca00",
    "alloc": {"0x" + "11" * 20: {"balance": "0x1"}},
}


@pytest.mark.slow
def test_a_bitcoind_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    with foreign.bitcoind(tmp_path / "bitcoind") as node:
        node.call("generatetodescriptor", 2, "raw(51)#8lvh9jxk")
        assert node.p2p is None
    with foreign.bitcoind(tmp_path / "bitcoind", listen=True) as node:
        assert node.call("getblockcount") == 2
        assert node.p2p is not None
        with pytest.raises(AssertionError, match="Method not found"):
            node.call("nonsense")
    assert node.process.returncode == 0


@pytest.mark.slow
def test_an_ethereumjs_starts_on_a_genesis(tmp_path: Path) -> None:
    with foreign.ethereumjs(tmp_path / "ethereumjs", GENESIS) as node:
        assert node.call("eth_chainId") == hex(121212)
        assert node.call("eth_getBalance", "0x" + "11" * 20, "latest") == "0x1"
        assert node.call("eth_getBlockByNumber", "0x0", False)["timestamp"] == "0x6955b900"


def test_a_missing_program_is_a_skip_that_names_it() -> None:
    with pytest.raises(pytest.skip.Exception, match="no-such-node is not on PATH"):
        foreign.program("no-such-node")
