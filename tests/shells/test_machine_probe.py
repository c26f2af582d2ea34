"""This machine as it is: a folder that can be written or not, the group's limits, a port that is free or taken."""

import os
import socket
import stat
from pathlib import Path

import pytest

from alys.shells import machine_probe

HOST = "127.0.0.1"


def test_a_folder_that_is_not_there_is_judged_by_the_one_it_goes_into(tmp_path: Path) -> None:
    seen = machine_probe.look(tmp_path / "not" / "yet", HOST, {})
    assert seen.folder_problem == ""
    assert seen.disk_free_bytes > 0
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    seen = machine_probe.look(tmp_path / "taken" / "results", HOST, {})
    assert seen.folder_problem == f"{tmp_path / 'taken'} is no folder"


def test_a_folder_without_the_right_to_write_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The superuser may write everywhere, so the answer of the operating system is the mode alone here.
    monkeypatch.setattr(os, "access", lambda path, _: bool(os.stat(path).st_mode & stat.S_IWUSR))
    tmp_path.chmod(0o500)
    seen = machine_probe.look(tmp_path / "results", HOST, {})
    tmp_path.chmod(0o700)
    assert seen.folder_problem == f"{tmp_path} cannot be written by this user"


def test_the_limits_are_those_of_the_control_group(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("1048576\n")
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    seen = machine_probe.look(tmp_path, HOST, {}, tmp_path)
    assert (seen.memory_bytes, seen.cpu_cores) == (1048576, 0.5)


def test_a_taken_port_is_named_and_a_free_one_is_not() -> None:
    with socket.create_server((HOST, 0)) as server, socket.socket() as free:
        free.bind((HOST, 0))
        ports = {"taken": server.getsockname()[1], "free": free.getsockname()[1]}
        free.close()
        seen = machine_probe.look(Path(), HOST, ports)
    assert seen.ports_taken == {"taken": "Address already in use"}


def test_an_address_that_is_not_this_machines_is_told_for_each_port() -> None:
    seen = machine_probe.look(Path(), "192.0.2.1", {"one": 0})
    assert list(seen.ports_taken) == ["one"]
