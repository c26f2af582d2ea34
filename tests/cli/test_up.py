"""``alys up`` at its edges; alive it is in tests/worlds/test_federation.py."""

from pathlib import Path

import pytest

from alys.cli import front as cli


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--nodes", "4"], "world.nodes = '4' cannot stand"),
        (["--nodes", "0"], "world.nodes"),
        (["--rpc-port", "x"], "--rpc-port 'x' cannot stand"),
        (["--status", "0"], "--status '0' cannot stand; allowed: seconds, more than 0"),
        (["--status", "soon"], "--status 'soon' cannot stand"),
        (["--config", "remote.toml"], "alys node joins services that are elsewhere"),
    ],
)
def test_what_cannot_be_is_told(
    words: list[str],
    named: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "remote.toml").write_text(
        '[mock_services]\nbitcoin_rpc_url = "http://127.0.0.1:9"\n'
    )
    assert cli.main(["up", *words], environment={}) == 2
    assert named in capsys.readouterr().err
