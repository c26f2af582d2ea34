"""A real execution client as the node needs it: both of its doors as one, and its receipts as the specification has them.

Consensus clients may call a few ``eth_`` methods on the Engine port (execution-apis, ``common.md``); receipts are not among them, and not
every client serves more than it must. Receipts are also where clients differ. The list of a block's receipts of
@ethereumjs/client 0.10.5 is not found by the block's hash, leaves the base fee out of ``effectiveGasPrice`` (EIP-1559), and numbers the
logs by transaction and not through the block. What was set right is counted, so that a report can say so.
"""

from typing import Any, Protocol

from alys.shells.jsonrpc_client import JsonRpcClient
from alys.wire.ethereum import from_quantity, to_quantity

ON_ENGINE_PORT = frozenset(
    {
        "eth_blockNumber",
        "eth_call",
        "eth_chainId",
        "eth_getBlockByHash",
        "eth_getBlockByNumber",
        "eth_getCode",
        "eth_getLogs",
        "eth_sendRawTransaction",
        "eth_syncing",
    }
)
_HASH_CHARACTERS = 66


class Caller(Protocol):
    """What a gateway stands in front of."""

    async def call(self, method: str, *params: Any) -> Any:
        """The result of a call; raises RpcError and PortDown."""
        ...

    async def close(self) -> None:
        """End the connections."""
        ...


class PublicDoor:
    """The public JSON-RPC. ``repaired``: how many receipts had to be set right."""

    def __init__(self, client: JsonRpcClient) -> None:
        self._client = client
        self.repaired = 0

    async def call(self, method: str, *params: Any) -> Any:
        """The result; raises RpcError and PortDown."""
        if method != "eth_getBlockReceipts":
            return await self._client.call(method, *params)
        by_hash = len(str(params[0])) == _HASH_CHARACTERS
        how = "eth_getBlockByHash" if by_hash else "eth_getBlockByNumber"
        block = await self._client.call(how, params[0], True)
        receipts = await self._client.call(method, *params)
        if receipts is None and block is not None:
            receipts = await self._client.call(method, block["number"])
            if any(receipt["blockHash"] != block["hash"] for receipt in receipts):
                return None  # another block has this number
        if receipts is None:
            return None
        if len(receipts) != len(block["transactions"]):
            return receipts  # whoever reads them sees it
        logs = 0
        right = []
        for tx, receipt in zip(block["transactions"], receipts, strict=True):
            right.append(_right(block, tx, receipt, logs))
            logs += len(receipt["logs"])
            self.repaired += right[-1] != receipt
        return right

    async def close(self) -> None:
        """End the connections."""
        await self._client.close()


def _right(block: Any, tx: Any, receipt: Any, first_log: int) -> Any:
    """The receipt with what a unit of gas really cost, and its logs numbered on from those of the transactions before it."""
    logs = [
        {**log, "logIndex": to_quantity(number)}
        for number, log in enumerate(receipt["logs"], first_log)
    ]
    if "maxFeePerGas" not in tx:
        return {**receipt, "logs": logs}
    base = from_quantity(block["baseFeePerGas"])
    fee, tip = from_quantity(tx["maxFeePerGas"]), from_quantity(tx["maxPriorityFeePerGas"])
    return {**receipt, "logs": logs, "effectiveGasPrice": to_quantity(min(fee, base + tip))}


class TwoDoors:
    """See the module's docstring."""

    def __init__(self, engine: JsonRpcClient, public: PublicDoor) -> None:
        self._engine = engine
        self._public = public

    async def call(self, method: str, *params: Any) -> Any:
        """Through the door that serves the method."""
        if method.startswith("engine_") or method in ON_ENGINE_PORT:
            return await self._engine.call(method, *params)
        return await self._public.call(method, *params)

    async def close(self) -> None:
        """Both."""
        await self._engine.close()
        await self._public.close()
