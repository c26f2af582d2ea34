"""``alys mine`` beside a real bitcoind: its blocks carry our commitments, and are proofs for the sidechain."""

import asyncio
from pathlib import Path
from typing import Any

from alys.wire import auxpow
from tests import foreign
from tests.cli.test_mine import mine
from tests.shells.miners import FEES_TO, desk, served

ADDRESS = "bcrt1qxc5etfhxjg4qfc9cx25qh3tvxdcf5skj6nx0yj"
ROUNDS = 20
"""Over the heights that BIP34 pushes in one byte, and some beyond."""


def test_bitcoind_takes_every_block_and_each_is_a_proof(tmp_path: Path) -> None:
    with foreign.bitcoind(tmp_path / "bitcoind") as coin:
        url = coin.url.replace("http://", f"http://{coin.user}:{coin.password}@")

        async def life() -> None:
            for number in range(1, ROUNDS + 1):
                node = desk(1 + number % 3)
                async with served(node) as server:
                    words = ["--node", server.url, "--bitcoin", url, "--fees-to", FEES_TO, "--once"]
                    code, out, err = await asyncio.to_thread(mine, *words, "--coins-to", ADDRESS)
                assert (code, err) == (0, "")
                best = coin.call("getbestblockhash")
                assert f"Bitcoin block {number} {best}" in out
                queued = node.queued
                assert queued is not None
                assert queued.auxpow is not None
                proof = auxpow.decode(queued.auxpow)
                assert proof.parent.hash == best
                first: Any = coin.call("getblock", best, 2)["tx"][0]
                committed = auxpow.parse_commitment(
                    bytes.fromhex(first["vout"][2]["scriptPubKey"]["hex"])
                )
                assert committed is not None
                assert first["vout"][0]["scriptPubKey"]["address"] == ADDRESS

        asyncio.run(life())
        assert coin.call("getblockcount") == ROUNDS
