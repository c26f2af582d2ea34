"""Every planted bug can be planted, has a name of its own, and says where it comes from."""

from pathlib import Path

import pytest

from alys.mutants import bridge, catalogue, clients, consensus, patching, runtime, storage
from alys.mutants.catalogue import MUTANTS
from alys.mutants.mutant import Mutant

NEVER = {"crash", "tree", "determinism"}
"""Names that say that something broke, not that somebody noticed what."""


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_its_texts_still_stand_in_the_code(mutant: Mutant) -> None:
    patching.check(mutant)


def test_each_has_a_name_of_its_own_and_tells_its_story() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    for mutant in MUTANTS:
        assert mutant.story.endswith("."), mutant.name
        assert mutant.source, mutant.name
        assert mutant.oracles, mutant.name
        assert NEVER.isdisjoint(mutant.oracles), mutant.name


def test_each_stands_in_the_file_of_its_area() -> None:
    for file in (bridge, clients, consensus, runtime, storage):
        assert {mutant.area for mutant in file.MUTANTS} <= {file.__name__.rsplit(".", 1)[-1]}


def test_one_that_is_not_there_is_answered_with_those_that_are() -> None:
    with pytest.raises(KeyError, match="no planted bug 'nothing'; there are"):
        catalogue.named("nothing")
    for mutant in MUTANTS:
        assert catalogue.named(mutant.name) is mutant


def test_the_page_about_them_is_as_the_catalogue_has_them() -> None:
    """``python -m alys.mutants.catalogue > docs/reference/planted-bugs.md`` makes it anew."""
    written = Path(__file__).parents[2] / "docs" / "reference" / "planted-bugs.md"
    assert written.read_text(encoding="utf-8") == catalogue.page()
