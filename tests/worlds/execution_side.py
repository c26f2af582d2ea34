"""An execution client of ours as a world reaches it, to which withdrawals can be given."""

from typing import Any

from alys.models.ethereum.genesis import dev_genesis
from alys.models.ethereum.node import EthereumNode
from alys.oracles.terms import BURN_ADDRESS
from alys.wire import ethereum
from alys.wire.engine import ForkchoiceState, PayloadAttributes, Withdrawal
from alys.wire.jsonrpc import METHOD_NOT_FOUND, RpcError

ALICE, BOB = bytes([0xA1]) * 20, bytes([0xB0]) * 20
BURN = bytes.fromhex(BURN_ADDRESS[2:])
GWEI = 10**9


class Side:
    """The model as the auditor reaches it."""

    def __init__(self, *, lists: bool) -> None:
        self._lists = lists
        self.node = EthereumNode(dev_genesis(1_767_225_600, balances={BOB: 5}), lambda: 0.0)

    async def call(self, method: str, *params: object) -> Any:
        if method == "debug_dumpBlock" and not self._lists:
            raise RpcError(METHOD_NOT_FOUND, "Method not found")
        return self.node.handle(method, list(params))

    def move(self, head: bytes) -> None:
        """To a block that it has."""
        self._forkchoice(head, None)

    def credit(self, *credits: tuple[bytes, int]) -> None:
        """A block with withdrawals, in gwei."""
        self.move(self.block(*credits))

    def block(self, *credits: tuple[bytes, int]) -> bytes:
        """The hash of such a block on the head, which stays what it is."""
        head = self.node.handle("eth_getBlockByNumber", ["latest", False])
        digest = ethereum.from_data(head["hash"])
        attributes = PayloadAttributes(
            timestamp=ethereum.from_quantity(head["timestamp"]) + 1,
            prev_randao=bytes(32),
            suggested_fee_recipient=BURN,
            withdrawals=tuple(
                Withdrawal(index=0, validator_index=0, address=address, amount_gwei=gwei)
                for address, gwei in credits
            ),
        )
        built = self._forkchoice(digest, attributes.to_json())
        payload = self.node.handle_engine("engine_getPayloadV2", [built["payloadId"]])
        told = payload["executionPayload"]
        self.node.handle_engine("engine_newPayloadV2", [told])
        return ethereum.from_data(told["blockHash"])

    def _forkchoice(self, head: bytes, attributes: Any) -> Any:
        state = ForkchoiceState(
            head_block_hash=head, safe_block_hash=bytes(32), finalized_block_hash=bytes(32)
        )
        return self.node.handle_engine("engine_forkchoiceUpdatedV2", [state.to_json(), attributes])
