"""bitcoin-cli, Bitcoin Core's own client, drives the service: authentication, arguments, wallets, exit codes."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests import foreign

ADDRESS = "bcrt1qxc5etfhxjg4qfc9cx25qh3tvxdcf5skj6nx0yj"
SECONDS = 30


class Cli:
    """bitcoin-cli with the words that lead it to a service."""

    def __init__(self, *words: str) -> None:
        self.words = [foreign.program("bitcoin-cli"), "-regtest", *words]

    def run(self, *words: str, said: str = "") -> tuple[int, str, str]:
        """Exit code, standard output and standard error."""
        done = subprocess.run(
            [*self.words, *words], capture_output=True, text=True, input=said, timeout=SECONDS
        )
        return done.returncode, done.stdout.strip(), done.stderr.strip()

    def text(self, *words: str) -> str:
        """The output of a call that must succeed."""
        code, out, told = self.run(*words)
        assert code == 0, f"{words}: {told}"
        return out

    def json(self, *words: str) -> Any:
        """The same, read; numbers with a point as they were written."""
        return json.loads(self.text(*words), parse_float=str)


@contextlib.contextmanager
def service(*words: str) -> Iterator[int]:
    """``alys mock bitcoin`` and its port."""
    ports = ["--rpc-port", "0", "--p2p-port", "0", "--metrics-port", "0", "--admin-port", "0"]
    process = subprocess.Popen(
        [sys.executable, "-m", "alys", "mock", "bitcoin", *ports, *words],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        name, url = process.stdout.readline().split()
        assert name == "rpc"
        yield int(urlsplit(url).port or 0)
    finally:
        process.terminate()
        process.wait(SECONDS)
        if process.stdout is not None:
            process.stdout.close()


def to(port: int) -> tuple[str, ...]:
    return (f"-rpcport={port}", "-rpcuser=alys", "-rpcpassword=regtest", "-datadir=/")


@pytest.fixture(scope="module")
def cli() -> Iterator[Cli]:
    foreign.program("bitcoin-cli")
    with service() as port:
        yield Cli(*to(port))


def test_getinfo_without_and_with_a_wallet(cli: Cli) -> None:
    text = cli.text("-getinfo")
    assert "Chain: regtest" in text
    assert "Blocks:" in text
    cli.text("createwallet", "informed")
    assert "Wallet: informed" in cli.text("-getinfo")
    cli.text("unloadwallet", "informed")


def test_coins_are_mined_sent_and_listed(cli: Cli) -> None:
    assert cli.json("createwallet", "w") == {"name": "w"}
    address = cli.text("getnewaddress")
    assert address.startswith("bcrt1q")
    assert len(cli.json("generatetoaddress", "101", address)) == 101
    assert cli.text("getbalance") == "50.00000000"
    txid = cli.text("sendtoaddress", ADDRESS, "1.5")
    assert cli.json("getmempoolentry", txid)["fees"]["base"].count("0") > 0
    (digest,) = cli.json("-generate", "1")["blocks"]
    assert cli.json("gettransaction", txid)["blockhash"] == digest
    coins = cli.json("listunspent")
    assert {"txid", "vout", "amount", "spendable"} <= set(coins[0])
    found = cli.json("scantxoutset", "start", json.dumps([f"addr({ADDRESS})"]))
    assert found["total_amount"] == "1.50000000"
    cli.text("unloadwallet", "w")


def test_a_wallet_is_chosen_with_rpcwallet(cli: Cli) -> None:
    for name in ("first", "second wallet"):
        cli.text("createwallet", name)
    code, _, told = cli.run("getwalletinfo")
    assert (code, "error code: -19" in told, "-rpcwallet=<walletname>" in told) == (19, True, True)
    chosen = cli.json("-rpcwallet=second wallet", "getwalletinfo")
    assert chosen["walletname"] == "second wallet"
    assert cli.run("-rpcwallet=third", "getwalletinfo")[0] == 18
    for name in ("first", "second wallet"):
        cli.text(f"-rpcwallet={name}", "unloadwallet")


def test_arguments_go_by_name_and_by_standard_input(cli: Cli) -> None:
    tip = cli.text("getbestblockhash")
    named = cli.json("-named", "getblock", f"blockhash={tip}", "verbosity=1")
    assert named == cli.json("getblock", tip)
    assert cli.text("-named", "getblock", tip, "verbosity=0") == cli.text("getblock", tip, "0")
    code, out, _ = cli.run("-stdin", "getblockhash", said="0\n")
    assert (code, len(out)) == (0, 64)


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("nosuchmethod",), 89, "Method not found"),
        (("getblockhash", "1000000"), 8, "Block height out of range"),
        (("getblock", "ab" * 32), 5, "Block not found"),
        (("sendrawtransaction", "00"), 22, "TX decode failed"),
        (("getbalance",), 18, "No wallet is loaded"),
        (("getblock",), 1, "getblock"),
    ],
)
def test_an_error_is_the_exit_code(cli: Cli, words: tuple[str, ...], code: int, told: str) -> None:
    found, _, said = cli.run(*words)
    assert found == code
    assert told in said


def test_a_wrong_password_is_told(cli: Cli) -> None:
    port = next(word for word in cli.words if word.startswith("-rpcport="))
    wrong = Cli(port, "-rpcuser=alys", "-rpcpassword=wrong", "-datadir=/")
    code, _, told = wrong.run("getblockcount")
    assert (code, "Authorization failed" in told) == (1, True)


def test_the_cookie_of_a_data_directory_is_found(tmp_path: Path) -> None:
    foreign.program("bitcoin-cli")
    cookie = tmp_path / "regtest" / ".cookie"
    with service("--cookie-file", str(cookie)) as port:
        assert Cli(f"-rpcport={port}", f"-datadir={tmp_path}").text("getblockcount") == "0"
    assert not cookie.exists()


def test_wallets_and_cookie_are_in_the_data_directory(tmp_path: Path) -> None:
    foreign.program("bitcoin-cli")
    with service("--data-dir", str(tmp_path)) as port:
        cli = Cli(f"-rpcport={port}", f"-datadir={tmp_path}")
        cli.text("-named", "createwallet", "wallet_name=kept", "load_on_startup=true")
        address = cli.text("getnewaddress", "savings")
        cli.text("generatetoaddress", "101", address)
        txid = cli.text("sendtoaddress", ADDRESS, "1", "rent")
        before = cli.text("getbalance")
    with service("--data-dir", str(tmp_path)) as port:
        cli = Cli(f"-rpcport={port}", f"-datadir={tmp_path}")
        assert cli.json("listwallets") == ["kept"]
        assert cli.text("getbalance") == before
        assert cli.json("getaddressesbylabel", "savings") == {address: {"purpose": "receive"}}
        assert cli.json("gettransaction", txid)["comment"] == "rent"
        assert cli.text("getnewaddress") != address


def test_rpcwait_waits_for_a_service_that_comes_up(tmp_path: Path) -> None:
    port = foreign.free_port()
    words = [*Cli(*to(port)).words, "-rpcwait", "-rpcwaittimeout=60", "getblockcount"]
    waiting = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        with service("--rpc-port", str(port)):
            assert waiting.communicate(timeout=60)[0] == "0\n"
    finally:
        waiting.kill()
        waiting.wait()


def test_a_wait_for_a_block_ends_with_it(cli: Cli) -> None:
    height = int(cli.text("getblockcount"))
    words = [*cli.words, "waitforblockheight", str(height + 1), "30000"]
    waiting = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        cli.text("generatetoaddress", "1", ADDRESS)
        told = json.loads(waiting.communicate(timeout=SECONDS)[0])
    finally:
        waiting.kill()
        waiting.wait()
    assert told["height"] == height + 1


def test_stop_ends_the_service() -> None:
    foreign.program("bitcoin-cli")
    with service() as port:
        cli = Cli(*to(port))
        assert cli.text("stop") == "Bitcoin Core stopping"
        deadline = time.monotonic() + SECONDS  # noqa: TID251 - of a real process
        while cli.run("getblockcount")[0] == 0:
            assert time.monotonic() < deadline, "it goes on"  # noqa: TID251
