"""``alys mine``: its flags, its exit codes, and a proof by the command itself."""

import asyncio
import re
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from alys.cli import front as cli
from alys.models.bitcoin.node import BitcoinNode
from alys.shells.bitcoin_server import serve_bitcoin
from tests.shells.miners import FEES_TO, START, Desk, desk, served

ROOT = Path(__file__).parents[2]
AWAY = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("words", "code", "named"),
    [
        (["--internal"], 2, "--fees-to is missing"),
        (["--fees-to", FEES_TO], 2, "--bitcoin (BITCOIN_RPC_URL) is missing"),
        (["--internal", "--fees-to", "0x12"], 2, "--fees-to '0x12' cannot stand"),
        (["--internal", "--bitcoin", AWAY, "--fees-to", FEES_TO], 2, "exclude each other"),
        (["--internal", "--fees-to", FEES_TO, "--every", "0"], 2, "--every 0.0 cannot stand"),
        (["--internal", "--fees-to", FEES_TO, "--node", "here"], 2, "--node 'here' is no URL"),
        (["--bitcoin", "here", "--fees-to", FEES_TO], 2, "--bitcoin 'here' is no URL"),
        (["--internal", "--fees-to", FEES_TO, "--once", "--node", AWAY], 3, "cannot be reached"),
        (["--bitcoin", AWAY, "--fees-to", FEES_TO, "--once"], 3, "the Bitcoin node: "),
    ],
)
def test_what_cannot_be_is_told(
    words: list[str], code: int, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["mine", *words], environment={}) == code
    assert named in capsys.readouterr().err


def mine(*words: str) -> tuple[int, str, str]:
    """The command in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "alys", "mine", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


def beside(node: Desk, run: Callable[[str, str], Awaitable[Any]]) -> tuple[Any, BitcoinNode]:
    """What ``run`` returns, and the Bitcoin node: it gets the URLs of both."""
    parent = BitcoinNode(lambda: START, START)

    async def life() -> Any:
        async with served(node) as server:
            other = await serve_bitcoin(parent, "127.0.0.1", 0, "alys", "regtest")
            try:
                return await run(server.url, other.url)
            finally:
                await other.close()

    return asyncio.run(life()), parent


def once(
    node: Desk, *words: str, user: str = "alys:regtest@"
) -> tuple[tuple[int, str, str], BitcoinNode]:
    async def run(ours: str, theirs: str) -> tuple[int, str, str]:
        url = theirs.replace("http://", f"http://{user}")
        where = [] if "--internal" in words else ["--bitcoin", url]
        return await asyncio.to_thread(
            mine, "--node", ours, *where, "--fees-to", FEES_TO, "--once", *words
        )

    return beside(node, run)


def test_once_makes_one_proof_and_one_block() -> None:
    node = desk()
    (code, out, err), parent = once(
        node, "--coins-to", "bcrt1qxc5etfhxjg4qfc9cx25qh3tvxdcf5skj6nx0yj"
    )
    assert (code, err) == (0, "")
    assert out.startswith("proof up to height 3 at 207fffff: Bitcoin block 1 ")
    assert node.queued is not None
    first = parent.handle("getblock", [parent.handle("getbestblockhash", []), 2])["tx"][0]
    assert (
        first["vout"][0]["scriptPubKey"]["address"]
        == "bcrt1qxc5etfhxjg4qfc9cx25qh3tvxdcf5skj6nx0yj"
    )


def test_once_needs_no_bitcoin_node() -> None:
    node = desk()
    (code, out, _), parent = once(node, "--internal")
    assert (code, out.startswith("proof up to height 3")) == (0, True)
    assert parent.handle("getblockcount", []) == 0


def test_once_without_work_proves_nothing() -> None:
    (code, out, err), _ = once(desk(0), "--internal")
    assert (code, out) == (4, "")
    assert "has no work" in err


def test_a_wrong_password_and_a_foreign_address_are_told() -> None:
    (code, _, err), _ = once(desk(), user="alys:wrong@")
    assert code == 3
    assert "wrong" not in err, "the password is said to nobody"
    (code, _, err), _ = once(desk(), "--coins-to", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4")
    assert (code, "--coins-to" in err) == (2, True)


def test_it_mines_until_told_to_end() -> None:
    node = desk()

    async def run(ours: str, theirs: str) -> tuple[str, int]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "alys", "mine", "--node", ours, "--internal",
            "--fees-to", FEES_TO, "--every", "0.01",
            cwd=ROOT, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        told = [(await process.stdout.readline()).decode() for _ in range(2)]
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), 30)
        assert process.returncode is not None
        return "".join(told), process.returncode

    (told, code), _ = beside(node, run)
    assert told.startswith("proof up to height 3")
    assert "has no work" in told.splitlines()[1]
    assert code == 0


def test_the_page_has_every_flag_and_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs/how-to/mine.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| `(--[\w-]+)", page, re.MULTILINE)
    with pytest.raises(SystemExit):
        cli.main(["mine", "--help"])
    flags = set(re.findall(r"(?<!\w)--[a-z][a-z-]*", capsys.readouterr().out)) - {"--help"}
    assert sorted(named) == sorted(flags)
