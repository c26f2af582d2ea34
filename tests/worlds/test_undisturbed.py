"""Signals wait, and are not lost."""

import signal
import threading

import pytest

from alys.worlds.undisturbed import Undisturbed


@pytest.mark.parametrize("inside", [True, False], ids=["by end", "by the end of the block"])
def test_an_interruption_comes_when_the_moment_is_over(inside: bool) -> None:
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012
        with Undisturbed() as calm:
            signal.raise_signal(signal.SIGINT)
            done.append("the moment")
            if inside:
                calm.end()
                done.append("not reached")
        done.append("not reached")
    assert done == ["the moment"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_handler_that_was_there_hears_each_of_them() -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    try:
        with Undisturbed():
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGTERM)
            assert heard == []
        assert heard == [signal.SIGTERM, signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_in_another_thread_nothing_happens() -> None:
    reached: list[bool] = []

    def work() -> None:
        with Undisturbed() as calm:
            calm.end()
        reached.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(30)
    assert reached == [True]
