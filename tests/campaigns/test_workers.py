"""Seeds in processes of their own: none is lost, whatever becomes of them."""

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import pytest

from alys.campaigns.workers import Crew, Ended


def all_of(
    work: Callable[[int], bytes], seeds: Iterable[int], *, jobs: int = 2, limit_s: float = 30.0
) -> dict[int, Ended]:
    found: dict[int, Ended] = {}
    waiting = list(seeds)
    with Crew(work, jobs=jobs, limit_s=limit_s, clock=time.monotonic) as crew:  # noqa: TID251 - real processes have real time
        while waiting or crew.busy:
            while waiting and crew.free:
                crew.begin(waiting.pop(0))
            assert crew.busy <= jobs
            found |= {one.seed: one for one in crew.ended(0.05)}
    return found


def test_each_seed_is_worked_on_in_a_process_of_its_own_and_answers() -> None:
    found = all_of(lambda seed: f"{seed} {os.getpid()}".encode(), range(5))
    told = {seed: one.told.decode().split() for seed, one in found.items()}
    assert {seed: words[0] for seed, words in told.items()} == {n: str(n) for n in range(5)}
    assert len({words[1] for words in told.values()} | {str(os.getpid())}) == 6
    assert {one.lost for one in found.values()} == {""}


def test_what_one_seed_leaves_behind_no_other_finds() -> None:
    left: list[int] = []

    def work(seed: int) -> bytes:
        left.append(seed)
        return bytes(left)

    found = all_of(work, range(3), jobs=1)
    assert [one.told for _, one in sorted(found.items())] == [b"\x00", b"\x01", b"\x02"]
    assert left == []


def test_an_answer_may_be_larger_than_a_pipe() -> None:
    found = all_of(lambda seed: bytes([seed]) * 1_000_000, range(3))
    assert [(len(found[n].told), found[n].told[0]) for n in range(3)] == [
        (1_000_000, n) for n in range(3)
    ]


def test_an_empty_answer_is_an_answer() -> None:
    assert all_of(lambda _: b"", [4]) == {4: Ended(seed=4)}


def test_a_process_that_dies_is_named_with_the_signal_and_what_it_said_last() -> None:
    def work(seed: int) -> bytes:
        if seed == 1:
            os.write(2, b"the last words\n")
            os.kill(os.getpid(), signal.SIGKILL)
        return b"well"

    found = all_of(work, range(3))
    assert found[1].lost == "its process was killed by SIGKILL; it said last: the last words"
    assert (found[0].told, found[2].told) == (b"well", b"well")


def test_an_error_that_nobody_expected_is_named_with_its_traceback() -> None:
    def work(seed: int) -> bytes:
        raise RuntimeError(f"no idea what to do with {seed}")

    lost = all_of(work, [7])[7].lost
    assert lost.startswith("its process ended with exit code 1; it said last: Traceback")
    assert lost.endswith("RuntimeError: no idea what to do with 7")


def test_half_an_answer_is_none() -> None:
    def work(_: int) -> bytes:
        os._exit(0)

    assert all_of(work, [3])[3].lost == "its process ended with exit code 0"


def test_a_process_without_an_end_says_where_it_was() -> None:
    def stuck_for_ever(_: int) -> bytes:
        while True:
            pass

    lost = all_of(stuck_for_ever, [3], limit_s=0.3)[3].lost
    assert lost.startswith("no end within 0.3 s of wall time; it said last: Stack (most recent")
    assert "in stuck_for_ever" in lost


def stopped(_: int) -> bytes:
    os.kill(os.getpid(), signal.SIGSTOP)
    return b""


def test_a_process_that_cannot_even_end_itself_is_killed() -> None:
    """Stopped, it does nothing; the clock says that its time was up long ago."""
    hours = iter(range(0, 10**9, 3600))
    with Crew(stopped, jobs=1, limit_s=60.0, clock=lambda: float(next(hours))) as crew:
        crew.begin(9)
        found: list[Ended] = []
        while crew.busy:
            found += crew.ended(0.05)
    assert [(one.seed, one.lost) for one in found] == [(9, "no end within 60 s of wall time")]


def test_who_leaves_early_leaves_no_process_behind() -> None:
    with (
        children() as living,
        Crew(
            stopped,
            jobs=2,
            limit_s=60.0,
            clock=lambda: 0.0,
        ) as crew,
    ):
        crew.begin(1)
        crew.begin(2)
        assert living() == 2


@contextmanager
def children() -> Iterator[Callable[[], int]]:
    """How many processes this one has; none in the end."""

    def count() -> int:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as listed:
            return len(listed.read().split())

    before = count()
    yield lambda: count() - before
    assert count() == before


def test_what_a_process_prints_is_not_ours(capfd: pytest.CaptureFixture[str]) -> None:
    def work(_: int) -> bytes:
        print("noise")  # noqa: T201 - that is the point
        return b""

    assert all_of(work, [1])[1].told == b""
    assert capfd.readouterr() == ("", "")
