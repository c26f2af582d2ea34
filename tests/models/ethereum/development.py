"""A development node with accounts of its own, on a clock that a test turns."""

from typing import Any

from alys.models.ethereum import dev_accounts
from alys.models.ethereum.genesis import dev_genesis
from alys.models.ethereum.node import EthereumNode
from alys.wire.ethereum import to_data
from tests.models.ethereum.builders import START

ALICE, BOB = dev_accounts.secrets(2)


class DevNode(EthereumNode):
    """Alice and Bob have ether; the clock begins ten seconds after genesis."""

    def __init__(self, *, development: bool = True) -> None:
        self.clock = START + 10.0
        genesis = dev_genesis(START, balances=dev_accounts.balances(2))
        super().__init__(genesis, lambda: self.clock, development=development, accounts=2)

    def ask(self, method: str, *params: Any) -> Any:
        """A call on the public port."""
        return self.handle(method, list(params))

    def number(self) -> int:
        """The head's height."""
        return self.tree.head.number

    def time(self) -> int:
        """The head's time."""
        return int(self.tree.head.header.timestamp)

    def pay(self, wei: int = 1, **fields: Any) -> str:
        """Alice pays Bob; the hash."""
        sent = {"from": to_data(ALICE), "to": to_data(BOB), "value": hex(wei), **fields}
        return str(self.ask("eth_sendTransaction", sent))

    def balance(self, address: bytes, tag: str = "latest") -> int:
        """In wei."""
        return int(self.ask("eth_getBalance", to_data(address), tag), 16)
