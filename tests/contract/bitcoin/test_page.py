"""The page of methods has a row for each, made of what is compared, and names tests that there are."""

import re
from pathlib import Path

from alys.models.bitcoin.node import METHODS
from tests.contract.bitcoin import page
from tests.contract.bitcoin.service import Service

ROOT = Path(__file__).resolve().parents[3]


def test_the_page_has_the_tables_that_the_tests_make() -> None:
    text = page.PAGE.read_text(encoding="utf-8")
    assert text == page.filled(text), "python -m tests.contract.bitcoin.page"


def test_every_method_is_compared_or_has_a_test_of_its_own() -> None:
    alone = [name for name in METHODS if not sum(page.calls_of(name))]
    assert alone == list(page.OTHERWISE)
    for file, name in page.OTHERWISE.values():
        assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8")


def test_every_row_names_a_test_that_there_is() -> None:
    text = page.PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|.*\| (`test_.*) \|$", text, re.MULTILINE)
    assert [name for name, _ in rows] == sorted(METHODS)
    files = "".join(
        path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py")
    )
    for name, tests in rows:
        for function, of in re.findall(r"`(test_\w+)\[(\w+)\]`", tests):
            assert f"def {function}(method: str" in files
            assert of == name


def test_what_the_real_node_lists_is_here_or_has_a_reason(theirs: Service) -> None:
    listed = {
        line.split()[0]
        for line in theirs.call("help").splitlines()
        if line and not line.startswith("==")
    }
    assert sorted(listed - set(METHODS) - set(page.ABSENT)) == []
    assert sorted(set(page.ABSENT) & set(METHODS)) == []
