"""Wrong files and what is said about them: each ``wrong/NAME.toml`` is answered, line for line, with ``wrong/NAME.txt``."""

import re
from pathlib import Path

import pytest

from alys.config import errors, loader

FILES = sorted((Path(__file__).parent / "wrong").glob("*.toml"))


def told(path: Path) -> list[str]:
    """The complaints, with the file's bare name for its path."""
    return [str(problem).replace(str(path), path.name) for problem in loader.problems(path)]


def test_there_are_files_of_many_kinds() -> None:
    assert len(FILES) >= 30
    assert {path.with_suffix(".txt").name for path in FILES} == {
        path.name for path in FILES[0].parent.glob("*.txt")
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_wrong_file_is_answered_word_for_word(path: Path) -> None:
    assert told(path) == path.with_suffix(".txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_complaint_names_place_key_and_what_is_allowed(path: Path) -> None:
    problems = loader.problems(path)
    assert problems
    for problem, line in zip(problems, told(path), strict=True):
        assert re.match(rf"{re.escape(path.name)}:\d+: ", line)
        assert problem.key
        assert problem.key in line
        assert "; allowed: " in line


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_run_with_a_wrong_file_ends_with_its_first_complaint(path: Path) -> None:
    problems = loader.problems(path)
    with pytest.raises(errors.ConfigError) as caught:
        loader.load(path, {}, {})
    assert str(caught.value).startswith(str(problems[0]))
    others = len(problems) - 1
    assert str(caught.value).endswith(f"(and {others} more: alys config check shows all)") == (
        others > 0
    )
