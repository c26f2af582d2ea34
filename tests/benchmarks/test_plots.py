"""The pictures of a made-up run."""

import sys
from pathlib import Path

import pytest

from benchmarks import plots
from tests.benchmarks.made_up import ask, results, row

RUN = results(row(), ask())


def test_without_matplotlib_there_are_no_plots_and_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert plots.write(RUN, tmp_path / "plots") == []
    assert list(tmp_path.iterdir()) == []


def test_equal_results_give_equal_bytes_without_a_date(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib: not installed (make bench installs it)")
    names = plots.write(RUN, tmp_path / "one")
    assert names == ["goals.svg", "throughput.svg", "latency.svg", "rounds.svg"]
    assert plots.write(RUN, tmp_path / "two") == names
    for name in names:
        text = (tmp_path / "one" / name).read_bytes()
        assert text == (tmp_path / "two" / name).read_bytes()
        assert b"<dc:date>" not in text


def test_a_plot_that_would_be_empty_is_not_written(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib: not installed (make bench installs it)")
    assert plots.write(results(ask()), tmp_path) == ["goals.svg", "latency.svg"]
    nothing = ask(ours=None, failure="Broken: no")
    assert plots.write(results(nothing), tmp_path) == []
