"""``alys node`` at its edges; alive it is in tests/cli/test_check.py."""

from pathlib import Path

import pytest

from alys.cli import front as cli

URLS = {
    "BITCOIN_RPC_URL": "http://127.0.0.1:9",
    "ETHEREUM_RPC_URL": "http://127.0.0.1:9",
    "ENGINE_API_URL": "http://127.0.0.1:9",
    "GOVERNANCE_ENDPOINTS": "http://127.0.0.1:9",
}


@pytest.mark.parametrize(
    ("words", "environment", "code", "named"),
    [
        (
            [],
            {},
            2,
            "--bitcoin (BITCOIN_RPC_URL) is missing: the node starts no services of its own",
        ),
        (
            [],
            {**URLS, "GOVERNANCE_ENDPOINTS": ""},
            2,
            "--governance (GOVERNANCE_ENDPOINTS) is missing",
        ),
        (
            ["--config", "empty.toml"],
            {},
            2,
            "is empty, but world remote starts no services of its own",
        ),
        (["--rpc-port", "x"], URLS, 2, "--rpc-port 'x' cannot stand"),
        (["--rpc-port", "65536"], URLS, 2, "0 to 65535"),
        (["--governance", "nowhere"], URLS, 2, "mock_services.governance_nodes"),
        (["--spec", "nowhere.json"], URLS, 2, "cannot read nowhere.json"),
        ([], URLS, 3, "the Bitcoin node: http://127.0.0.1:9"),
    ],
)
def test_what_cannot_be_is_told(
    words: list[str],
    environment: dict[str, str],
    code: int,
    named: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.toml").touch()
    assert cli.main(["node", *words], environment=environment) == code
    assert named in capsys.readouterr().err
