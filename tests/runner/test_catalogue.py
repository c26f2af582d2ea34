"""Which files a name or a path means."""

from pathlib import Path

import pytest

from alys.base import errors
from alys.runner import catalogue


@pytest.fixture
def _suites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two built-in suites, one of them without scenarios yet."""
    folder = tmp_path / "package" / "suites" / "integration"
    folder.mkdir(parents=True)
    for name in ("__init__.py", "_parts.py", "b.py", "a.py"):
        (folder / name).touch()
    (folder.parent / "chaos").mkdir()
    (folder.parent / "__init__.py").touch()
    monkeypatch.setattr("alys.__file__", str(tmp_path / "package" / "__init__.py"))


@pytest.mark.usefixtures("_suites")
def test_a_suite_is_its_public_files_in_order() -> None:
    label, files = catalogue.resolve("integration")
    assert (label, [path.name for path in files]) == ("integration", ["a.py", "b.py"])


def test_an_alias_is_the_suite_that_it_stands_for() -> None:
    known = catalogue.suites()
    for alias, suite in catalogue.ALIASES.items():
        assert alias not in known
        assert catalogue.resolve(alias) == (suite, known[suite])


def test_everything_is_every_suite_once_but_for_conformance_with_the_one_that_measures_last() -> (
    None
):
    known = catalogue.suites()
    assert known.pop(catalogue.CONFORMANCE), "what alys check runs is there to be run alone"
    everything = [file for files in known.values() for file in files]
    assert catalogue.resolve("all") == ("all", everything)
    assert catalogue.resolve("regression") == ("regression", everything)
    assert len(set(everything)) == len(everything)
    assert list(known)[-1] == "performance"


def test_a_suites_extended_scenarios_are_its_own_and_come_last(tmp_path: Path) -> None:
    for suite, files in catalogue.suites().items():
        assert {catalogue.suite_of(file) for file in files} == {suite}
        extended = [file.parent.name == "extended" for file in files]
        assert extended == sorted(extended)
    assert catalogue.suite_of(tmp_path / "integration" / "mine.py") == ""


@pytest.mark.usefixtures("_suites")
def test_a_wrong_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(
        errors.UsageError, match=r"no suite 'integratoin'; did you mean 'integration'"
    ):
        catalogue.resolve("integratoin")
    with pytest.raises(
        errors.UsageError, match=r"no suite 'xyzzy' \(suites: integration, all, regression; "
    ):
        catalogue.resolve("xyzzy")


def test_a_path_is_a_file_or_the_scenarios_of_a_folder(tmp_path: Path) -> None:
    for name in ("one.py", "two.py", "_part.py"):
        (tmp_path / name).touch()
    assert catalogue.resolve(str(tmp_path / "one.py")) == ("one", [tmp_path / "one.py"])
    label, files = catalogue.resolve(str(tmp_path))
    assert (label, [path.name for path in files]) == (tmp_path.name, ["one.py", "two.py"])


@pytest.mark.parametrize("path", ["gone.py", "some/where", "."])
def test_a_path_without_scenarios_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(errors.UsageError, match="no scenario file"):
        catalogue.resolve(path)
