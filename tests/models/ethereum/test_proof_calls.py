"""eth_getProof: proofs that somebody checks who knows nothing of our tries."""

from typing import Any

import pytest
from ethereum_rlp import rlp

from alys.models.ethereum import proof_calls
from alys.wire.ethereum import from_data, keccak256, to_data
from tests.models.ethereum.asking import refused
from tests.models.ethereum.builders import START, USER
from tests.models.ethereum.development import ALICE, BOB, DevNode

NOBODY = b"\x77" * 20


def proven(root: bytes, key: bytes, nodes: list[str]) -> bytes | None:
    """The value that a proof leads to, None for a proof that there is none; raises AssertionError for a proof of nothing."""
    path = "".join(f"{byte:02x}" for byte in keccak256(key))
    listed = [from_data(node) for node in nodes]
    if not listed:
        assert root == keccak256(rlp.encode(b""))
        return None
    wanted: Any = root
    while True:
        if isinstance(wanted, bytes):
            if not wanted:
                return None
            encoded = listed.pop(0)
            assert keccak256(encoded) == wanted
            node: Any = rlp.decode(encoded)
        else:
            node = wanted  # inlined in its parent
        if len(node) == 17:
            wanted, path = node[int(path[0], 16)], path[1:]
            continue
        digits = node[0].hex()
        leaf, odd = int(digits[0], 16) >= 2, int(digits[0], 16) % 2
        part = digits[1:] if odd else digits[2:]
        if not path.startswith(part):
            return None
        if leaf:
            return bytes(node[1])
        wanted, path = node[1], path[len(part) :]


def checked(node: DevNode, address: bytes, *keys: str) -> Any:
    """A proof against the header's state root, each part checked."""
    found = node.ask("eth_getProof", to_data(address), list(keys), "latest")
    root = from_data(node.ask("eth_getBlockByNumber", "latest", False)["stateRoot"])
    value = proven(root, address, found["accountProof"])
    if value is not None:
        parts: Any = rlp.decode(value)
        nonce, balance, storage, code = parts
        assert int.from_bytes(nonce, "big") == int(found["nonce"], 16)
        assert int.from_bytes(balance, "big") == int(found["balance"], 16)
        assert (to_data(storage), to_data(code)) == (found["storageHash"], found["codeHash"])
    for slot in found["storageProof"]:
        key = int(slot["key"], 16).to_bytes(32, "big")
        stored = proven(from_data(found["storageHash"]), key, slot["proof"])
        said: Any = b"" if stored is None else rlp.decode(stored)
        assert int.from_bytes(said, "big") == int(slot["value"], 16)
    return found


def test_accounts_and_their_absence_are_proven() -> None:
    node = DevNode()
    for address in (ALICE, BOB, USER):
        node.ask("anvil_setBalance", to_data(address), "0x5")
    node.ask("evm_mine")
    assert checked(node, ALICE)["balance"] == "0x5"
    absent = checked(node, NOBODY)
    assert (absent["balance"], absent["nonce"]) == ("0x0", "0x0")
    assert absent["codeHash"] == to_data(keccak256(b""))


@pytest.mark.parametrize("slots", [0, 1, 2, 40])
def test_slots_and_their_absence_are_proven(slots: int) -> None:
    node = DevNode()
    for number in range(slots):
        node.ask("anvil_setStorageAt", to_data(BOB), hex(number), hex(number * number + 1))
    node.ask("evm_mine")
    found = checked(node, BOB, *(hex(number) for number in range(slots)), "0x" + f"{99:064x}")
    values = [int(slot["value"], 16) for slot in found["storageProof"]]
    assert values == [*(number * number + 1 for number in range(slots)), 0]
    assert found["storageProof"][-1]["key"] == "0x" + f"{99:064x}"


def test_an_older_block_has_its_own_proof() -> None:
    node = DevNode()
    node.pay(7)
    found = node.ask("eth_getProof", to_data(BOB), [], "0x0")
    root = from_data(node.ask("eth_getBlockByNumber", "0x0", False)["stateRoot"])
    assert proven(root, BOB, found["accountProof"]) is not None
    with pytest.raises(AssertionError):
        proven(node.tree.head.state.root, BOB, found["accountProof"])


@pytest.mark.parametrize(
    ("params", "code"),
    [
        (["0x12", [], "latest"], -32602),
        ([to_data(BOB), "0x0", "latest"], -32602),
        ([to_data(BOB), ["0x" + "0" * 65], "latest"], -32602),
        ([to_data(BOB), ["0x0"] * (proof_calls.KEYS_MAX + 1), "latest"], -32602),
        ([to_data(BOB), [], hex(START)], -32000),
    ],
)
def test_what_cannot_be_proven_is_refused(params: list[Any], code: int) -> None:
    assert refused(DevNode().handle, "eth_getProof", params).code == code
