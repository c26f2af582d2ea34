"""An order becomes the words of ``alys test``, or a sentence that says what is wrong with it."""

import os
from pathlib import Path

import pytest

from alys.base.errors import UsageError
from alys.cli import front
from alys.runner import orders


def test_an_order_becomes_words_behind_the_common_ones() -> None:
    told = {"suite": "integration", "world": "sim", "seed": 7, "keyword": "-not block"}
    order = orders.read(told, ["--results-dir", "x", "--world", "local"])
    assert order.words == (
        "integration",
        *("-o", "json", "--results-dir", "x", "--world", "local"),
        *("--world", "sim", "--seed", "7", "-k-not block"),
    )
    assert (order.world, order.seed, order.keyword) == ("sim", 7, "-not block")


def test_the_words_are_understood_as_they_were_meant() -> None:
    order = orders.read(
        {"suite": "stream", "world": "sim", "keyword": "--config"}, ["--world", "local"]
    )
    parsed = front._parser().parse_args(["test", *order.words])
    assert (parsed.suite, parsed.world, parsed.keyword) == ("stream", "sim", "--config")
    assert parsed.config is None


def test_the_least_order_names_a_suite() -> None:
    assert orders.read({"suite": "supervision", "seed": None, "keyword": ""}).words == (
        "supervision",
        "-o",
        "json",
    )


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (None, "an order is an object"),
        ("integration", "an order is an object"),
        ({}, "an order names its suite; suites: stream_actor, "),
        ({"suite": 7}, "no suite 7"),
        ({"suite": ["integration"]}, "no suite ['integration']"),
        ({"suite": "integratoin"}, "did you mean 'integration'?"),
        ({"suite": "Integration"}, "did you mean 'integration'?"),
        ({"suite": "../evil.py"}, "no suite '../evil.py'"),
        ({"suite": "/etc"}, "no suite '/etc'"),
        ({"suite": "--config"}, "no suite '--config'"),
        ({"suite": "tests"}, "no suite 'tests'"),
        ({"suite": "integration", "sead": 1}, "unknown key 'sead'; did you mean 'seed'?"),
        ({"suite": "integration", "seed": "7"}, "order, seed: world.seed = '7' cannot stand"),
        ({"suite": "integration", "seed": -1}, "order, seed: world.seed = -1 cannot stand"),
        ({"suite": "integration", "world": "simm"}, "did you mean 'sim'?"),
        ({"suite": "integration", "keyword": 7}, "keyword is an expression"),
        ({"suite": "integration", "keyword": "a\nb"}, "keyword is an expression"),
        ({"suite": "integration", "keyword": "x" * 201}, "at most 200 characters"),
    ],
)
def test_a_wrong_order_is_named(
    told: object, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tests").mkdir()  # a folder in the way of a name
    (tmp_path / "tests" / "evil.py").write_text("")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as caught:
        orders.read(told)
    assert words in str(caught.value)
    assert os.linesep not in str(caught.value)
