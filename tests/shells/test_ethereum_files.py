"""Genesis and blocks from files: read once, refused with the file's name, and there in every session."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from alys.base.errors import UsageError
from alys.base.prng import SeededRandom
from alys.config.services import EthereumService
from alys.models.ethereum.genesis import geth_genesis
from alys.shells.ethereum_files import ChainFiles, read_files
from alys.shells.ethereum_mock import EthereumMock
from alys.shells.jsonrpc_client import JsonRpcClient
from alys.shells.session import EthereumSession, Session
from tests.models.ethereum.test_chain_file import SHORT, SHORT_CHAIN, exported
from tests.shells.mocks import Opened, settings, with_open


def written(folder: Path, **files: object) -> dict[str, str]:
    """Paths of a genesis and of a chain."""
    genesis, chain = folder / "genesis.json", folder / "chain.rlp"
    text = files.get("genesis", json.dumps(geth_genesis(SHORT)))
    genesis.write_text(str(text))
    found = files.get("chain", exported(*SHORT_CHAIN))
    assert isinstance(found, bytes)
    chain.write_bytes(found)
    return {"genesis": str(genesis), "chain": str(chain)}


def now() -> float:
    return 1_800_000_000.0


@pytest.mark.parametrize("packed", [False, True])
def test_the_chain_of_the_file_is_there(tmp_path: Path, packed: bool) -> None:
    data = exported(*SHORT_CHAIN)
    files = read_files(**written(tmp_path, chain=gzip.compress(data) if packed else data))
    for _ in range(2):
        assert files.begin(now, SeededRandom(0)).tree.head.hash == SHORT_CHAIN[-1].hash


def test_without_files_a_chain_begins_in_the_second_of_its_session() -> None:
    assert read_files("", "") == ChainFiles()
    assert int(read_files("", "").begin(now, SeededRandom(0)).tree.genesis.header.timestamp) == int(
        now()
    )


def test_a_bad_block_is_logged_and_those_before_it_stay(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = exported(*SHORT_CHAIN)
    node = read_files(**written(tmp_path, chain=data[:-1])).begin(now, SeededRandom(0))
    assert node.tree.head.hash == SHORT_CHAIN[-2].hash
    assert "chain.rlp: block 4: the file ends 1 bytes before the block does" in caplog.text


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"genesis": "{"}, "genesis.json is not JSON"),
        ({"genesis": "[" * 100_000}, "genesis.json is not JSON of a genesis: it nests too deep"),
        ({"genesis": "{}"}, "genesis.json: genesis: config is not there"),
        ({"chain": b"\x1f\x8bjunk"}, "chain.rlp is not whole gzip"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_files_name(
    tmp_path: Path, files: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        read_files(**written(tmp_path, **files))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read .*nowhere.*: No such file"):
        read_files(str(tmp_path / "nowhere.json"), "")
    with pytest.raises(UsageError, match="--import x needs --genesis"):
        read_files("", "x")


def test_each_session_of_the_service_begins_with_the_files_chain(tmp_path: Path) -> None:
    paths = written(tmp_path)
    told = settings(
        EthereumService, ETHEREUM_GENESIS=paths["genesis"], ETHEREUM_IMPORT=paths["chain"]
    )

    async def run(service: Opened) -> None:
        begun = await service.admin.session(Session(name="one", now=5.0), EthereumSession)
        assert begun.genesis_hash == "0x" + SHORT_CHAIN[0].hash.hex()
        async with JsonRpcClient(service.doors["http"], None) as client:
            head: Any = await client.call("eth_getBlockByNumber", "latest", False)
        assert head["hash"] == "0x" + SHORT_CHAIN[-1].hash.hex()

    with_open(EthereumMock(told), told, run)
