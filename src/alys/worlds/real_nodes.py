"""The real nodes that settings name, as a run finds them: what it starts from, and what sets it apart from every run before it."""

from collections.abc import Collection

import msgspec

from alys.base.prng import SeededRandom
from alys.config.keys import ServiceKeys
from alys.config.settings import MockServices
from alys.shells.jsonrpc_client import Jwt
from alys.worlds import addresses, real, real_execution


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """None of a kind: that one is ours."""

    coins: real.CoinAnchor | None = None
    chain: real_execution.ExecutionAnchor | None = None

    @property
    def not_before(self) -> float:
        """Node time begins no earlier: a run at a faster clock may have left a head that lies ahead of the wall's."""
        return 0.0 if self.chain is None else self.chain.timestamp + 1.0

    @property
    def facts(self) -> dict[str, object]:
        """For the report."""
        told: dict[str, object] = {}
        if self.coins is not None:
            told["bitcoin_anchor"] = self.coins.about
        if self.chain is not None:
            told["execution_anchor"] = self.chain.about
        return told

    def fresh(self, random: SeededRandom) -> SeededRandom:
        """Chance of this run alone: whoever comes after an earlier run has other keys and other users than that one had."""
        if self.coins is not None:
            random = random.fork(f"after Bitcoin block {self.coins.hash}")
        if self.chain is not None:
            random = random.fork(f"after block {self.chain.hash.hex()}")
        return random


async def found(given: MockServices, keys: ServiceKeys, kinds: Collection[str]) -> Found:
    """Look at those of these kinds (``bitcoin``, ``ethereum``); raises what ``real`` and ``real_execution`` raise."""
    coins = chain = None
    if "bitcoin" in kinds:
        url = addresses.without_user(given.bitcoin_rpc_url)
        coins = await real.anchor_bitcoin(url, addresses.basic(keys))
    if "ethereum" in kinds:
        door = Jwt(secret=keys.engine_jwt_secret.reveal())
        chain = await real_execution.anchor_execution(
            given.ethereum_rpc_url, given.engine_api_url, door
        )
    return Found(coins=coins, chain=chain)
