"""Block 0, and that the committed bytecode is what the committed source compiles to."""

import importlib.resources
import json
import shutil
import subprocess
from typing import Any

import pytest

from alys.models.ethereum import genesis
from alys.models.ethereum.execution import genesis_block
from alys.wire.ethereum import BRIDGE_ADDRESS, to_data
from tests.models.ethereum.builders import START, make_node

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
