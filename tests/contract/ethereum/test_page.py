"""The page about the JSON-RPC says what there is, and what the tests found beside the real client."""

import re
from pathlib import Path

from alys.models.ethereum.node import PUBLIC
from alys.models.ethereum.trace_calls import TRACERS
from tests.contract.ethereum import page

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/reference/ethereum-rpc.md").read_text()


def test_the_page_has_every_method_as_the_tests_compare_it() -> None:
    shown = re.findall(r"^\| `(?!(?:anvil|evm|hardhat)_)\w+_\w+` \|.*$", PAGE, re.MULTILINE)
    assert [line for line in PAGE.splitlines() if line in set(page.rows())] == page.rows()
    assert len(shown) == len(page.rows())
    assert "\n".join(page.reasons()) in PAGE


def test_the_page_has_every_development_call_and_no_other() -> None:
    named = {
        name
        for cell in re.findall(r"^\| (`(?:anvil|evm|hardhat)_[^|]*) \|", PAGE, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", cell)
    }
    assert named == {name for name in PUBLIC if name.startswith(page.DEVELOPMENT)}


def test_the_tests_that_it_names_are_there() -> None:
    for line in page.rows():
        name = line.split("`")[-2]
        assert (ROOT / "tests/models/ethereum" / f"{name}.py").is_file(), name


def test_it_names_the_tracers() -> None:
    assert all(f"`{name}`" in PAGE for name in TRACERS)
