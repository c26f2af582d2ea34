"""Block 0, and that the committed bytecode is what the committed source compiles to."""

import importlib.resources
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from alys.models.ethereum import genesis
from alys.models.ethereum.execution import genesis_block
from alys.models.ethereum.forks import Fork, Schedule
from alys.models.ethereum.geth_config import written
from alys.wire.ethereum import BRIDGE_ADDRESS, to_data
from tests import foreign
from tests.models.ethereum.builders import START, USER, genesis_of, make_node

SOLC = "0.8.37"

COMPILE = """
const solc = require('solc');
if (process.argv[1] === 'version') { console.log(solc.version()); process.exit(0); }
let input = '';
process.stdin.on('data', part => input += part);
process.stdin.on('end', () => console.log(solc.compile(input)));
"""


def node_says(*arguments: str, stdin: str = "") -> str | None:
    """What node prints, None when node or solc is not there."""
    if shutil.which("node") is None:
        return None
    done = subprocess.run(
        ["node", "-e", COMPILE, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.stdout if done.returncode == 0 else None


def test_supply_begins_at_nothing_and_the_bridge_is_there() -> None:
    block = genesis_block(genesis.dev_genesis(START))
    balances = {address: int(account.balance) for address, account in block.state.accounts()}
    assert balances == {BRIDGE_ADDRESS: 0}
    assert len(block.state.account(BRIDGE_ADDRESS).code) > 100


def test_the_genesis_hash_depends_on_time_and_balances_alone() -> None:
    hashes = [
        genesis_block(genesis.dev_genesis(*arguments)).hash
        for arguments in ((START,), (START,), (START + 1,), (START, False))
    ]
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3


def test_the_development_genesis_stays_what_it_was() -> None:
    """Chains kept by others begin with it."""
    block = genesis_block(genesis.dev_genesis(START))
    assert block.hash.hex() == "ed58bfa3e41613cf40433d019ac959340fdb589baf2a2476ae2a59e107a9d4a3"


FULL: dict[str, Any] = {
    "config": {**written(Schedule(by_time=((0, Fork.CANCUN),)), 7), "blobSchedule": None},
    "nonce": "0x42",
    "timestamp": "1500",
    "extraData": "0x11bbe8db",
    "gasLimit": "0x1c9c380",
    "difficulty": "0x0",
    "mixHash": "0x" + "07" * 32,
    "coinbase": "0x" + "08" * 20,
    "number": "0x0",
    "gasUsed": "0x0",
    "parentHash": "0x" + "00" * 32,
    "baseFeePerGas": "0x7",
    "excessBlobGas": "0x20000",
    "blobGasUsed": "0x20000",
    "alloc": {
        "0x" + "0a" * 20: {"balance": "0x10"},
        "0b" * 20: {
            "balance": "1000000000000000000",
            "nonce": "0x1",
            "code": "0x6000",
            "storage": {"0x01": "0x02", "0x" + "00" * 32: "0x" + "ff" * 32},
        },
    },
}


def test_every_field_of_a_geth_genesis_is_read() -> None:
    read = genesis.read_genesis(FULL)
    assert (read.chain_id, read.timestamp, read.gas_limit) == (7, 1500, 30_000_000)
    assert read.rules.fork is Fork.CANCUN
    block = genesis_block(read)
    header = block.header
    assert bytes(header.nonce) == (0x42).to_bytes(8, "big")
    assert bytes(header.prev_randao) == b"\x07" * 32
    assert bytes(header.coinbase) == b"\x08" * 20
    assert bytes(header.extra_data).hex() == "11bbe8db"
    assert int(header.base_fee_per_gas) == 7
    assert int(header.excess_blob_gas) == int(header.blob_gas_used) == 131072
    assert int(block.state.account(b"\x0a" * 20).balance) == 16
    contract = block.state.account(b"\x0b" * 20)
    assert (int(contract.balance), int(contract.nonce), contract.code.hex()) == (
        10**18,
        1,
        "6000",
    )
    slots = block.state.storage_of(b"\x0b" * 20)
    assert slots == {(1).to_bytes(32, "big"): 2, bytes(32): 2**256 - 1}


def test_a_genesis_survives_the_way_to_json_and_back() -> None:
    read = genesis.read_genesis(FULL)
    again = genesis.read_genesis(json.loads(json.dumps(genesis.geth_genesis(read))))
    assert again == read
    ours = genesis.dev_genesis(START, balances={USER: 5})
    assert genesis.read_genesis(genesis.geth_genesis(ours)) == ours


def test_the_main_networks_block_0_has_its_well_known_hash() -> None:
    """Its accounts are too many to repeat here; the specification's package has them."""
    stored = importlib.resources.files("ethereum").joinpath("assets/mainnet.json").read_bytes()
    document = json.loads(stored)
    document["config"] = {"chainId": 1, "homesteadBlock": 1150000}
    block = genesis_block(genesis.read_genesis(document))
    assert block.hash.hex() == "d4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"config": None}, "genesis: config is not there"),
        ({"config": []}, "genesis: config is []: it must be an object"),
        ({"config": {}}, "genesis: config.chainId is not there"),
        ({"alloc": None}, "genesis: alloc is not there"),
        ({"difficulty": None}, "genesis: difficulty is not there"),
        ({"gasLimit": "0x1" + "0" * 16}, "genesis: gasLimit is '0x10000000000000000': it must"),
        ({"mixHash": "0x07"}, "genesis: mixHash is '0x07': it must be 0x hex of 32 bytes"),
        ({"number": "0x5"}, "genesis: number is '0x5': block 0 cannot have one"),
        ({"timestamp": 1.5}, "genesis: timestamp is 1.5: it must be a number"),
        ({"alloc": {"0x12": {}}}, "genesis: alloc.0x12 is '0x12': it must be 0x hex of 20 bytes"),
        ({"alloc": {"0a" * 20: {}}}, f"genesis: alloc.{'0a' * 20}.balance is not there"),
        (
            {"alloc": {"0a" * 20: {"balance": "1"}, "0x" + "0A" * 20: {"balance": "1"}}},
            "is there twice",
        ),
        (
            {"alloc": {"0a" * 20: {"balance": "1", "storage": {"0x" + "0" * 66: "0x1"}}}},
            "it must be hex of at most 32 bytes",
        ),
        (
            {"alloc": {"0a" * 20: {"balance": "1", "code": "0x" + "zz" * 99}}},
            "zzz...: it must be 0x hex of whole bytes",
        ),
    ],
)
def test_what_is_wrong_in_a_genesis_is_named(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(genesis.BadGenesis) as refused:
        genesis.read_genesis({**FULL, **changes})
    assert words in str(refused.value)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("document", [None, [], "text", 5])
def test_what_is_no_object_is_no_genesis(document: object) -> None:
    with pytest.raises(genesis.BadGenesis, match="must be an object"):
        genesis.read_genesis(document)


@pytest.mark.slow
@pytest.mark.parametrize("fork", [Fork.PARIS, Fork.SHANGHAI, Fork.CANCUN])
def test_ethereumjs_computes_the_same_block_0(tmp_path: Path, fork: Fork) -> None:
    """With the bridge contract and an account with storage in it."""
    ours = msgspec.structs.replace(
        genesis.dev_genesis(START, balances={USER: 5}), schedule=genesis_of(fork).schedule
    )
    stored = genesis.GenesisAccount(
        address=b"\x0c" * 20, code=b"\0", storage={bytes(32): 5, b"\x01" * 32: 2**255}
    )
    ours = msgspec.structs.replace(ours, accounts=(*ours.accounts, stored))
    with foreign.ethereumjs(tmp_path, genesis.geth_genesis(ours)) as theirs:
        found = theirs.call("eth_getBlockByNumber", "0x0", False)
    assert found["hash"] == to_data(genesis_block(ours).hash)


def test_the_node_serves_the_committed_code() -> None:
    code = make_node().handle("eth_getCode", [to_data(BRIDGE_ADDRESS), "latest"])
    assert code == genesis.bridge_artifact().runtime


@pytest.mark.slow
def test_the_committed_bytecode_is_what_the_source_compiles_to() -> None:
    version = node_says("version")
    if version is None or not version.startswith(f"{SOLC}+"):
        pytest.skip(
            f"node with the npm package solc {SOLC} is not here (found: {version}): "
            f"npm install solc@{SOLC} somewhere and set NODE_PATH to its node_modules"
        )
    folder = importlib.resources.files("alys.models.ethereum")
    settings: dict[str, Any] = json.loads((folder / "bridge.json").read_bytes())
    compiler = {key: value for key, value in settings["compiler"].items() if key != "solc"}
    source = (folder / "bridge.sol").read_text()
    asked = {
        "language": "Solidity",
        "sources": {"bridge.sol": {"content": source}},
        "settings": {
            **compiler,
            "outputSelection": {"*": {"*": ["evm.deployedBytecode.object", "abi"]}},
        },
    }
    told = json.loads(node_says(stdin=json.dumps(asked)) or "{}")
    contract = told["contracts"]["bridge.sol"][settings["contract"]]
    assert "0x" + contract["evm"]["deployedBytecode"]["object"] == settings["runtime"]
    assert contract["abi"] == settings["abi"]
