"""eth_getProof (EIP-1186): what an account and its slots are, with the nodes that lead to them from the state root."""

from collections.abc import Callable
from typing import Any

from alys.models.ethereum import params
from alys.models.ethereum.client import Client
from alys.models.ethereum.light_state import AnyState
from alys.wire.ethereum import BadEthereumData, from_data, keccak256, to_data, to_quantity

KEYS_MAX = 1024
"""More slots in one call are refused, as by geth."""


def _proof(client: Client, address: object, keys: object, tag: object = "latest") -> dict[str, Any]:
    where = from_data(address, 20, "address")
    slots = params.as_list(keys, "storage keys")
    if len(slots) > KEYS_MAX:
        raise BadEthereumData("storage keys", f"are {len(slots)}, at most {KEYS_MAX} are proven")
    read = [(params.storage_key(slot), slot) for slot in slots]
    state = params.block(client.tree, "latest" if tag is None else tag).state
    account = state.account(where)
    return {
        "address": to_data(where),
        "accountProof": [to_data(node) for node in state.account_proof(where)],
        "balance": to_quantity(int(account.balance)),
        "codeHash": to_data(keccak256(account.code)),
        "nonce": to_quantity(int(account.nonce)),
        "storageHash": to_data(state.storage_root(where)),
        "storageProof": [_slot(state, where, key, text) for key, text in read],
    }


def _slot(state: AnyState, where: bytes, key: bytes, text: str) -> dict[str, Any]:
    """The key as it was asked for: 32 bytes stay so, anything shorter is a number."""
    shown = text if len(text) == 66 else to_quantity(int.from_bytes(key, "big"))
    return {
        "key": shown,
        "value": to_quantity(state.storage(where, key)),
        "proof": [to_data(node) for node in state.storage_proof(where, key)],
    }


METHODS: dict[str, Callable[..., Any]] = {"eth_getProof": _proof}
"""By name: called with the client and the parameters as they came."""
