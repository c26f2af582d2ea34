"""The lock file: one holder, a queue in order of arrival, and nothing left by the dead."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from alys.base.errors import EnvironmentFailure
from alys.base.turns import NoTurn, TurnLost
from alys.shells import lease
from alys.shells.lease import EveryTurn, FileTurns


class Enough(Exception):
    """Ends a wait."""


def never(holder: str) -> None:
    raise AssertionError(f"had to wait for {holder}")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "turns" / "chains.lock"


def test_the_first_has_it_at_once_and_the_second_hears_who_has_it(path: Path) -> None:
    first, second = FileTurns(path), FileTurns(path)
    first.acquire("serve", never)
    heard: list[str] = []

    def waiting(holder: str) -> None:
        heard.append(holder)
        heard.append(first.wanted())
        first.release()

    second.acquire("run 1", waiting)
    assert heard == ["serve", "run 1"]
    assert second.wanted() == ""
    second.renew()


def test_a_wait_that_is_given_up_wants_nothing_any_more(path: Path) -> None:
    first, second = FileTurns(path), FileTurns(path)
    first.acquire("serve", never)

    def waiting(_: str) -> None:
        raise NoTurn("enough")

    with pytest.raises(NoTurn):
        second.acquire("run 1", waiting)
    assert first.wanted() == ""
    first.release()
    second.acquire("run 1", never)


def test_first_come_first_served(path: Path) -> None:
    holder = FileTurns(path)
    holder.acquire("serve", never)
    order: list[str] = []
    waits = {name: threading.Event() for name in ("a", "b", "c")}

    def run(name: str) -> None:
        turns = FileTurns(path)
        turns.acquire(name, lambda _: waits[name].set())
        order.append(name)
        turns.release()

    threads = []
    for name, wait in waits.items():
        threads.append(threading.Thread(target=run, args=(name,)))
        threads[-1].start()
        assert wait.wait(30)
    assert holder.wanted() == "a"
    holder.release()
    for thread in threads:
        thread.join(30)
    assert order == ["a", "b", "c"]


CHILD = """
import sys, pathlib
from alys.shells.lease import EveryTurn, FileTurns
turns = FileTurns(pathlib.Path(sys.argv[1]))
def waiting(holder):
    print("waits for", holder, flush=True)
turns.acquire("child", waiting)
print("has it", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def child(path: Path) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


def said(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_holder_that_is_killed_holds_nothing(path: Path, child: "subprocess.Popen[str]") -> None:
    assert said(child) == "has it"
    heard: list[str] = []

    def waiting(holder: str) -> None:
        heard.append(holder)
        child.kill()

    FileTurns(path).acquire("next", waiting)
    assert heard[0] == "child"


def test_a_waiter_that_is_killed_wants_nothing(path: Path) -> None:
    turns = FileTurns(path)
    turns.acquire("serve", never)
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert said(process) == "waits for serve"
    assert turns.wanted() == "child"
    process.kill()
    process.communicate()
    assert turns.wanted() == ""
    assert list(path.with_name("chains.lock.queue").iterdir()) == []


def test_a_lock_file_that_was_removed_is_noticed(path: Path) -> None:
    turns = FileTurns(path)
    turns.acquire("serve", never)
    path.unlink()
    with pytest.raises(TurnLost, match="removed"):
        turns.renew()
    with pytest.raises(TurnLost, match="not held"):
        turns.renew()


def test_equal_chains_have_one_lock_and_others_another() -> None:
    assert lease.path_of("http://a:1") == lease.path_of("http://a:1")
    assert lease.path_of("http://a:1") != lease.path_of("http://b:1")


def test_several_leases_are_had_together_or_not_at_all(tmp_path: Path) -> None:
    coin, chain = tmp_path / "t" / "a.lock", tmp_path / "t" / "b.lock"
    both, one = EveryTurn([chain, coin]), FileTurns(chain)
    one.acquire("run with one", never)

    def give_up(holder: str) -> None:
        raise NoTurn(holder)

    with pytest.raises(NoTurn, match="run with one"):
        both.acquire("run with both", give_up)
    free = FileTurns(coin)
    free.acquire("somebody", never)  # what was taken before the wait was given back
    free.release()
    one.release()
    both.acquire("run with both", never)
    both.renew()
    assert both.wanted() == ""
    with pytest.raises(NoTurn, match="run with both"):
        free.acquire("somebody", give_up)
    both.release()
    free.acquire("somebody", never)


def test_a_folder_has_one_user_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with (
        lease.sole_user(folder),
        pytest.raises(EnvironmentFailure, match="another process uses"),
        lease.sole_user(folder),
    ):
        pass
    with lease.sole_user(folder):
        assert folder.is_dir()
