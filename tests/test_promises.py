"""The page of the runtime's promises is what the tests say, and no check is without a test."""

from tools import promises


def test_every_check_has_a_test() -> None:
    assert promises.missing(list(promises.found())) == []


def test_the_page_is_what_the_tests_say() -> None:
    page = promises.PAGE.read_text(encoding="utf-8")
    assert page == promises.render(list(promises.found())), "run python tools/promises.py"


def test_a_check_without_a_test_is_missed() -> None:
    tests = [test for test in promises.found() if test.number != 42]
    assert promises.missing(tests) == [42]
    assert "| 42 | no test |" in promises.render(tests)
