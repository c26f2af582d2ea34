"""A forgotten await is told with its place, once; other warnings pass through."""

import sys
import warnings
from pathlib import Path

from alys.runner.unawaited import Watch


async def _check() -> None:
    raise AssertionError("never runs")


def _forget() -> None:
    _check()  # type: ignore[unused-coroutine]  # the point of it


def test_the_place_and_the_call_are_named_once() -> None:
    with Watch() as watch:
        _forget()
        told = watch.take(lambda file, function: file == Path(__file__) and function == "_forget")
        again = watch.take(lambda file, function: True)
    assert [words.partition(" ")[0] for words in told] == ["_check"]
    assert told[0].endswith(f"({Path(__file__).name}:{_forget.__code__.co_firstlineno + 1})")
    assert again == []
    assert watch.rest() == []


def test_what_belongs_to_others_is_left() -> None:
    with Watch() as watch:
        _forget()
        assert watch.take(lambda file, function: False) == []
    assert len(watch.rest()) == 1


def test_awaited_calls_are_no_news() -> None:
    with Watch() as watch:
        _check().close()
        assert watch.take(lambda file, function: True) == []


def test_other_warnings_are_kept_for_the_end() -> None:
    with Watch() as watch:
        warnings.simplefilter("always")
        warnings.warn("old ways", DeprecationWarning, stacklevel=1)
        assert watch.take(lambda file, function: True) == []
    assert ["old ways" in words for words in watch.rest()] == [True]


def test_python_is_left_as_it_was() -> None:
    before = (sys.get_coroutine_origin_tracking_depth(), list(warnings.filters))
    with Watch():
        assert sys.get_coroutine_origin_tracking_depth() == 1
    assert (sys.get_coroutine_origin_tracking_depth(), list(warnings.filters)) == before
