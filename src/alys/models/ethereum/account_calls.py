"""The calls of accounts that the node itself holds: eth_accounts, eth_sendTransaction, eth_sign.

A node has such accounts only when told to: the development accounts, and those impersonated (a transaction of theirs bears
no signature, so only this node can execute it).
"""

from collections.abc import Callable, Mapping
from typing import Any

import coincurve

from alys.models.ethereum import chain_calls, execution, gas_calls, impersonation, params, views
from alys.models.ethereum.development import Development
from alys.models.ethereum.forks import Fork
from alys.models.ethereum.gas_calls import DEFAULT_TIP_WEI
from alys.models.ethereum.params import SERVER_ERROR
from alys.models.ethereum.transactions import BadTransaction, SignedTransaction
from alys.wire.ethereum import (
    BadEthereumData,
    from_data,
    from_quantity,
    keccak256,
    sign_transaction,
    to_data,
)
from alys.wire.jsonrpc import INVALID_PARAMS, RpcError


def _accounts(dev: Development) -> list[str]:
    return [to_data(address) for address in (*dev.secrets, *sorted(dev.impersonated))]


def _send(dev: Development, asked: object) -> str:
    return chain_calls.send(dev.client, _signed(dev, asked))


def _sign_transaction(dev: Development, asked: object) -> dict[str, Any]:
    """geth's shape; every field that geth demands may be left out."""
    signed = _signed(dev, asked)
    return {"raw": to_data(signed.raw), "tx": views.transaction(signed, None, 0)}


def _signed(dev: Development, value: object) -> SignedTransaction:
    """A transaction object, filled in and signed; raises BadEthereumData, and RpcError for an account of others."""
    asked = params.as_object(value, "transaction")
    sender = from_data(asked.get("from"), 20, "from")
    secret = dev.secrets.get(sender)
    free = sender in dev.impersonated or dev.impersonate_all
    if secret is None and not free:
        raise RpcError(SERVER_ERROR, "unknown account")
    if asked.get("accessList"):
        raise BadEthereumData("accessList", "is not taken here: sign the transaction yourself")
    chain_id = dev.client.chain_id
    if asked.get("chainId") is not None and from_quantity(asked["chainId"], "chainId") != chain_id:
        raise RpcError(
            INVALID_PARAMS,
            f"chainId does not match node's (have={asked['chainId']}, want={chain_id})",
        )
    fields = _filled(dev, asked, sender)
    if secret is None:
        fork = dev.client.rules_ahead().fork
        if fork < Fork.LONDON:
            raise RpcError(SERVER_ERROR, "transaction type not supported before London")
        return impersonation.unsigned(sender, chain_id, fields, fork)
    try:
        return dev.client.read_transaction(sign_transaction(secret, chain_id=chain_id, **fields))
    except BadTransaction as error:
        raise RpcError(SERVER_ERROR, error.reason) from error


def _filled(dev: Development, asked: Mapping[str, Any], sender: bytes) -> dict[str, Any]:
    """What ``sign_transaction`` wants, with everything left out put in as geth would."""
    client = dev.client
    head = client.tree.head
    call = params.call(asked, int(head.header.gas_limit))
    nonce, gas = asked.get("nonce"), asked.get("gas")
    if nonce is None:
        next_nonce = client.pool.next_nonce(sender, int(head.state.account(sender).nonce))
    else:
        next_nonce = params.number(nonce, "nonce")
    max_fee, max_tip = _fees(execution.next_base_fee(head.header), asked)
    return {
        "nonce": next_nonce,
        "to": call.to,
        "value": call.value,
        "data": call.data,
        "gas": gas_calls.estimate(client, call) if gas is None else params.number(gas, "gas"),
        "max_fee": max_fee,
        "max_tip": max_tip,
    }


def _fees(base_fee: int, asked: Mapping[str, Any]) -> tuple[int, int]:
    """The most per gas, and the most of it as a tip. Raises BadEthereumData and RpcError."""
    price, fee, tip = (
        None if asked.get(name) is None else params.number(asked[name], name, 256)
        for name in ("gasPrice", "maxFeePerGas", "maxPriorityFeePerGas")
    )
    if price is not None:
        if fee is not None or tip is not None:
            raise RpcError(
                SERVER_ERROR,
                "both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified",
            )
        return price, price
    max_tip = min(DEFAULT_TIP_WEI, fee or DEFAULT_TIP_WEI) if tip is None else tip
    return (2 * base_fee + max_tip if fee is None else fee), max_tip


def _sign(dev: Development, address: object, data: object) -> str:
    """A message as EIP-191 has it (version 0x45); v is 27 or 28."""
    secret = dev.secrets.get(from_data(address, 20, "address"))
    message = from_data(data)
    if secret is None:
        raise RpcError(SERVER_ERROR, "unknown account")
    digest = keccak256(b"\x19Ethereum Signed Message:\n%d" % len(message) + message)
    signature = coincurve.PrivateKey(secret).sign_recoverable(digest, hasher=None)
    return to_data(signature[:64] + bytes([27 + signature[64]]))


METHODS: dict[str, Callable[..., Any]] = {
    "eth_accounts": _accounts,
    "eth_coinbase": lambda dev: to_data(dev.coinbase),
    "eth_mining": lambda dev: dev.automine or dev.mining_interval is not None,
    "eth_sendTransaction": _send,
    "eth_sign": _sign,
    "eth_signTransaction": _sign_transaction,
}
"""By name: called with the development side and the parameters as they came."""
