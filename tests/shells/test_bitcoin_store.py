"""The data directory: one process at a time, nothing that was answered is lost, and damage is named with its remedy."""

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any

import msgspec
import pytest

from alys.base.errors import EnvironmentFailure
from alys.config.services import BitcoinService
from alys.models.bitcoin import journal
from alys.shells.bitcoin_mock import BitcoinMock
from alys.shells.bitcoin_store import BitcoinStore
from alys.shells.session import BitcoinSession, Session
from tests.models.bitcoin.builders import ADDRESS, Clock, funded_node, make_node, mine
from tests.shells.mocks import Opened, settings, with_open

SECONDS = 60.0


def told(folder: Path) -> BitcoinService:
    return settings(BitcoinService, BITCOIN_DATA_DIR=str(folder))


def height(folder: Path) -> Any:
    """What a service that is started there has."""
    mock = BitcoinMock(told(folder))
    try:
        return mock.handle("getblockcount", [])
    finally:
        mock.close()


def test_a_service_goes_on_where_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"

    async def life(service: Opened) -> None:
        mock.handle("generatetoaddress", [3, ADDRESS])

    mock = BitcoinMock(told(folder))
    with_open(mock, told(folder), life)
    best = mock.handle("getbestblockhash", [])
    again = BitcoinMock(told(folder))
    assert again.handle("getbestblockhash", []) == best
    again.handle("generatetoaddress", [1, ADDRESS])
    again.close()
    again.close()
    assert height(folder) == 4
    assert oct((folder / "journal").stat().st_mode & 0o777) == "0o600"


def test_a_session_begins_anew_and_its_name_and_clock_go_on(tmp_path: Path) -> None:
    wanted = Session(name="run 7", now=1_800_000_000, time_scale=10)

    async def life(service: Opened) -> None:
        mock.handle("generatetoaddress", [2, ADDRESS])
        answer = await service.admin.session(wanted, BitcoinSession)
        assert answer.height == 0
        mock.handle("generatetoaddress", [5, ADDRESS])

    mock = BitcoinMock(told(tmp_path))
    with_open(mock, told(tmp_path), life)
    again = BitcoinMock(told(tmp_path))
    assert again.session == wanted
    assert again.handle("getblockcount", []) == 5
    assert (
        again.handle("getblockheader", [again.handle("getblockhash", [0])])["time"] == 1_800_000_000
    )
    header = again.handle("getblockheader", [again.handle("getbestblockhash", [])])
    assert 1_800_000_000 <= header["time"] < 1_800_000_600
    again.handle("generatetoaddress", [1, ADDRESS])
    again.close()


def test_a_second_process_is_refused_and_told_who_has_it(tmp_path: Path) -> None:
    first = BitcoinStore(tmp_path)
    with pytest.raises(
        EnvironmentFailure, match=rf"in use by process {os.getpid()}; end it, or give"
    ):
        BitcoinStore(tmp_path)
    first.close()
    BitcoinStore(tmp_path).close()


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("dear")
    with pytest.raises(EnvironmentFailure, match=r"holds letters\.txt, which is no part"):
        BitcoinStore(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]
    with pytest.raises(EnvironmentFailure, match=r"cannot use the data directory .*letters\.txt"):
        BitcoinStore(tmp_path / "letters.txt")


def test_damage_is_named_with_its_place_and_remedy_and_nothing_is_changed(tmp_path: Path) -> None:
    mock = BitcoinMock(told(tmp_path))
    mock.handle("generatetoaddress", [3, ADDRESS])
    mock.close()
    path = tmp_path / "journal"
    good = path.read_bytes()
    bad = good[:200] + bytes((good[200] ^ 1,)) + good[201:]
    path.write_bytes(bad)
    for _ in range(2):
        with pytest.raises(
            EnvironmentFailure, match=r"journal is damaged at byte \d+: .*; move it away"
        ):
            BitcoinMock(told(tmp_path))
    assert path.read_bytes() == bad
    path.write_bytes(good)
    assert height(tmp_path) == 3


def test_blocks_of_another_chain_are_damage(tmp_path: Path) -> None:
    store = BitcoinStore(tmp_path)
    store.memory.blocks = {
        entry.hash: (entry.block, True) for entry in make_node(2).chain.active[1:]
    }
    other = Clock(1_500_000_000)
    with pytest.raises(EnvironmentFailure, match="do not stand on each other"):
        store.restore(type(make_node())(other, 1_500_000_000))


def test_a_missing_end_is_dropped_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mock = BitcoinMock(told(tmp_path))
    mock.handle("generatetoaddress", [3, ADDRESS])
    mock.close()
    path = tmp_path / "journal"
    path.write_bytes(path.read_bytes()[:-5])
    assert height(tmp_path) == 3, "the clock's record was cut, the block's was whole"
    assert "not whole; its" in caplog.text


def test_a_full_disk_ends_the_service_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def life(service: Opened) -> None:
        mock.handle("generatetoaddress", [1, ADDRESS])

        def full(*_: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "write", full)
            mock.handle("generatetoaddress", [1, ADDRESS])
        assert service.ended.is_set()

    mock = BitcoinMock(told(tmp_path))
    with_open(mock, told(tmp_path), life)
    assert "the service ends: cannot use" in caplog.text
    assert "No space left on device" in caplog.text


def test_what_peers_bring_is_written_without_any_call(tmp_path: Path) -> None:
    store = BitcoinStore(tmp_path)
    node = make_node()
    changes: list[bool] = []
    store.follow(node, b"s", node.now, lambda: changes.append(True))
    for entry in funded_node(1).chain.active[1:4]:
        node.chain.accept(entry.block)
    assert changes
    store.write()
    size = (tmp_path / "journal").stat().st_size
    store.write()
    assert (tmp_path / "journal").stat().st_size == size, "nothing new, nothing written"
    mine(node, 1)
    store.close()
    records, _ = journal.read((tmp_path / "journal").read_bytes())
    assert len(journal.gathered(records).blocks) == 4


class Running:
    """``alys mock bitcoin`` in a process of its own."""

    def __init__(self, folder: Path) -> None:
        ports = [f"--{door}-port=0" for door in ("rpc", "p2p", "metrics", "admin")]
        command = [sys.executable, "-m", "alys", "mock", "bitcoin", f"--data-dir={folder}", *ports]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url = ""
        for line in self.process.stdout:
            name, url = line.split()
            self.url = url if name == "rpc" else self.url
            if name == "metrics":
                break

    def call(self, method: str, *params: Any) -> Any:
        body = msgspec.json.encode({"id": 1, "method": method, "params": params})
        request = urllib.request.Request(self.url, body)
        request.add_header("Authorization", "Basic YWx5czpyZWd0ZXN0")
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return json.loads(answer.read())["result"]

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(SECONDS)
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.mark.slow
def test_whatever_was_answered_before_a_kill_is_there_after_it(tmp_path: Path) -> None:
    answered: list[str] = []
    for _ in range(3):
        running = Running(tmp_path)
        for block in answered:
            assert running.call("getblockheader", block)["confirmations"] > 0
        assert running.call("getblockcount") >= len(answered)
        enough = threading.Event()

        def mine_on(running: Running = running, enough: threading.Event = enough) -> None:
            try:
                while True:
                    answered.extend(running.call("generatetoaddress", 1, ADDRESS))
                    if len(answered) % 15 == 0:
                        enough.set()
            except (OSError, ValueError, KeyError):
                return

        miner = threading.Thread(target=mine_on)
        miner.start()
        assert enough.wait(SECONDS)
        running.kill()
        miner.join(SECONDS)
    assert len(answered) >= 45
    assert height(tmp_path) >= len(answered)
