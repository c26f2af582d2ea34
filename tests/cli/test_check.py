"""``alys check`` round nodes that are processes of their own: ours as it is, ours with a rule taken away, and none at all."""

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from alys.cli import front as cli
from alys.report import conformance
from alys.shells.jsonrpc_client import JsonRpcClient
from alys.wire.auxpow import AuxPow, MerkleBranch, encode
from alys.wire.bitcoin import Header, Tx
from tests.worlds import test_remote as services

ROOT = Path(__file__).parents[2]
SCALE = "10"

Rows = dict[str, tuple[str, str]]


@pytest.fixture(scope="module")
def variables() -> Iterator[dict[str, str]]:
    """Five service processes, as users start them: no session is asked of any."""
    processes = [services.start(name, number) for number, name in enumerate(services.SERVICES)]
    try:
        *governance, coin, chain = [services.doors(process) for process in processes]
        yield {
            "GOVERNANCE_ENDPOINTS": ",".join(f"http://{one['grpc']}" for one in governance),
            "BITCOIN_RPC_URL": coin["rpc"],
            "ETHEREUM_RPC_URL": chain["http"],
            "ENGINE_API_URL": chain["engine"],
        }
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.communicate(timeout=30)


@contextmanager
def node(variables: dict[str, str], *breakage: str) -> Iterator[str]:
    """The URL of a node that lives meanwhile; it starts from where the services stand."""
    module = ["tests.broken_nodes", *breakage] if breakage else ["alys"]
    told = ["node", "--rpc-port", "0", "--time-scale", SCALE]
    process = subprocess.Popen(
        [sys.executable, "-m", *module, *told],
        cwd=ROOT,
        env=os.environ | variables,  # noqa: TID251 - for a child process
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("rpc "), "it ended before it was open"
        yield line.split()[1]
    finally:
        process.terminate()
        process.communicate(timeout=30)
    assert process.returncode == 0


def check(
    variables: dict[str, str], results: Path, capsys: pytest.CaptureFixture[str], *words: str
) -> tuple[int, Rows, dict[str, Any]]:
    """The command; its rows, and all that it printed."""
    typed = ["check", "--time-scale", SCALE, "-o", "json", "--results-dir", str(results), *words]
    code = cli.main(typed, environment=variables)
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert told["exit_code"] == code
    rows = {one["requirement"]: (one["verdict"], one["evidence"]) for one in told["conformance"]}
    return code, rows, told


@pytest.mark.slow
def test_a_node_of_ours_does_what_a_node_must(
    variables: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with node(variables) as url:
        code, rows, told = check(variables, tmp_path, capsys, "--node-rpc", url)
        assert (code, told["causes"]) == (0, [])
        assert {verdict for verdict, _ in rows.values()} == {"pass"}
        assert set(rows) == {one.key for one in conformance.REQUIREMENTS}
        assert told["world"] == "foreign"
        folder = Path(told["results_dir"])
        page = (folder / "conformance.md").read_text()
        assert f"- node: {url}" in page
        assert page.count("| pass |") == len(conformance.REQUIREMENTS)
        assert json.loads((folder / "conformance.json").read_text())["about"]["verdict"] == "pass"
        assert told["replay"].startswith("alys check --bitcoin http://")
        # Again: what was done to the node before is part of its books.
        code, rows, told = check(variables, tmp_path, capsys, "--node-rpc", url, "-k", "peg_in")
        assert (code, rows["pegin.exact"][0], rows["ledger.balanced"][0]) == (0, "pass", "pass")
        assert rows["pegout.paid"] == ("inconclusive", "not reached")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("breakage", "scenario", "requirement", "named"),
    [
        ("mints-twice", "peg_in", "pegin.once", "double_mint"),
        ("never-pays", "peg_out", "pegout.paid", "a Bitcoin transaction pays the request"),
    ],
)
def test_a_broken_node_fails_and_the_cause_is_named(
    variables: dict[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    breakage: str,
    scenario: str,
    requirement: str,
    named: str,
) -> None:
    with node(variables, breakage) as url:
        code, rows, told = check(variables, tmp_path, capsys, "--node-rpc", url, "-k", scenario)
    assert code == 1
    assert rows[requirement][0] == "fail", rows
    assert named in rows[requirement][1]
    assert named in told["cause"]


@pytest.mark.slow
def test_a_node_without_an_rpc_of_its_own_is_judged_by_the_chains(
    variables: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with node(variables) as url, mined_for(url):
        spec = tmp_path / "spec.json"
        spec.write_text(json.dumps({"result": asyncio.run(asked(url, "alys_spec"))}))
        words = ["--spec", str(spec), "-k", "peg_in"]
        code, rows, _ = check(variables, tmp_path / "results", capsys, *words)
    assert code == 0
    assert rows["pegin.exact"][0] == rows["pegin.once"][0] == "pass"
    assert rows["ledger.balanced"] == ("not-asked", "it needs --node-rpc")


async def asked(url: str, method: str) -> Any:
    async with JsonRpcClient(url) as client:
        return await client.call(method)


@contextmanager
def mined_for(url: str) -> Iterator[None]:
    """Somebody who finds work for the node, and leaves the Bitcoin node alone."""
    words = ["mine", "--internal", "--node", url, "--fees-to", "0x" + "a1" * 20, "--every", "0.2"]
    process = subprocess.Popen(
        [sys.executable, "-m", "alys", *words], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        yield
    finally:
        process.terminate()
        told, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "proof up to height" in told


def spoken(url: str, body: dict[str, Any] | None, verb: str = "POST") -> tuple[int, Any]:
    """Status and answer of a call as the field's clients make it: plain HTTP, version 1.0."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, method=verb)
    try:
        with urllib.request.urlopen(request, timeout=30) as got:
            return got.status, json.loads(got.read())
    except urllib.error.HTTPError as error:
        said = error.read()
        return error.code, json.loads(said) if said.startswith(b"{") else None


@pytest.mark.slow
def test_the_fields_methods_over_plain_http(variables: dict[str, str]) -> None:
    """Each of them on a whole node: the shapes, the codes, the statuses; and the way of a proof from work to finality."""
    with node(variables) as url:

        def call(method: str, *params: Any) -> Any:
            status, told = spoken(url, {"method": method, "params": params, "id": "x"})
            assert list(told) == ["result", "error", "id"]
            assert (status, told["error"], told["id"]) == (200, None, "x"), told
            return told["result"]

        def refused(method: str, params: Any) -> tuple[int, int]:
            status, told = spoken(url, {"method": method, "params": params, "id": 1})
            assert told["result"] is None
            return status, told["error"]["code"]

        def work() -> Any:
            status, told = spoken(
                url, {"method": "createauxblock", "params": ["0x" + "a1" * 20], "id": 1}
            )
            assert status == 200
            return told["result"]

        assert call("getdepositaddress").startswith("bcrt1p")
        work_over = until(work)
        assert list(work_over) == [
            "hash", "chainid", "previousblockhash", "coinbasevalue", "bits", "height", "_target",
        ]  # fmt: skip
        height = work_over["height"]
        last = call("getblockbyheight", height)
        assert (
            spoken(url, {"method": "getblockbyheight", "params": height, "id": 1})[1]["result"]
            == last
        )
        assert call("getblockbyhash", last["root"]) == last
        assert call("getblockbyhash", last["root"][2:]) == last
        assert call("getheadblock")["height"] >= height
        assert call("getqueuedpow") is None
        wrong = AuxPow(
            coinbase=Tx(inputs=(), outputs=()),
            block_hash="00" * 32,
            coinbase_branch=MerkleBranch(),
            blockchain_branch=MerkleBranch(),
            parent=Header(
                version=0, previous="00" * 32, merkle_root="00" * 32, time=0, bits=0, nonce=0
            ),
        )
        assert refused("submitauxblock", [work_over["hash"], encode(wrong).hex()]) == (400, -32602)
        assert refused("submitauxblock", ["00" * 32, "00"]) == (400, -32602)
        assert refused("createauxblock", ["0x12"]) == (400, -32602)
        assert refused("createauxblock", None) == (200, -32600)
        assert refused("getblockbyheight", [10**9]) == (200, -32604)
        assert refused("getblockbyhash", ["11" * 32]) == (200, -32604)
        assert refused("nosuchmethod", []) == (404, -32601)
        assert spoken(url, None, "GET")[0] == 405
        with mined_for(url):
            until(lambda: call("alys_status")["finalisedHeight"] >= height)


def until(probe: Callable[[], Any], seconds: float = 60.0) -> Any:
    """The first truthy answer."""
    end = time.monotonic() + seconds  # noqa: TID251 - of a real process
    while True:
        found = probe()
        if found:
            return found
        assert time.monotonic() < end, "it never came about"  # noqa: TID251
        threading.Event().wait(0.05)


@pytest.mark.slow
def test_a_node_that_is_down_is_the_environments_fault(
    variables: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, rows, told = check(variables, tmp_path, capsys, "--node-rpc", "http://127.0.0.1:9")
    assert (code, told["verdict"]) == (3, "environment")
    assert "the node: http://127.0.0.1:9" in told["cause"]
    assert "is it up?" in told["cause"]
    assert {verdict for verdict, _ in rows.values()} == {"inconclusive"}
    assert all("is it up?" in evidence for _, evidence in rows.values())


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ([], "--bitcoin is missing"),
        (["--bitcoin", "http://a:1"], "--ethereum is missing"),
        (["--bitcoin", "http://a:1", "--ethereum", "http://a:2"], "engine_api_url is empty"),
        (["--bitcoin", "a:1"], "mock_services.bitcoin_rpc_url"),
    ],
)
def test_what_is_missing_is_named(
    words: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["check", *words], environment={}) == 2
    assert named in capsys.readouterr().err


def test_a_node_that_can_be_asked_nothing_needs_a_specification(
    capsys: pytest.CaptureFixture[str],
) -> None:
    urls = ["--bitcoin", "http://a:1", "--ethereum", "http://a:2", "--engine", "http://a:3"]
    assert cli.main(["check", *urls], environment={}) == 2
    assert "--spec FILE" in capsys.readouterr().err
    assert cli.main(["check", *urls, "--node-rpc", "a:1"], environment={}) == 2
    assert "flag --node-rpc" in capsys.readouterr().err
