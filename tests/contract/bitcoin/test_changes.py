"""What changes the chain, the mempool or the clock changes both nodes alike."""

import pytest

from tests.contract import comparison
from tests.contract.bitcoin import answers, chain_play, differences, play, stage
from tests.contract.bitcoin.service import Service

METHODS = play.methods(chain_play.STEPS)


@pytest.fixture(scope="module")
def found(ours: Service, theirs: Service, known: stage.Known) -> comparison.Findings:
    return play.play(chain_play.STEPS, ours, theirs, known)


@pytest.mark.parametrize("method", METHODS)
def test_changes_are_alike(method: str, found: comparison.Findings) -> None:
    comparison.require_explained(found[method])


def test_every_difference_that_is_listed_is_still_there(
    theirs: Service, found: comparison.Findings
) -> None:
    answers.require_all_there(differences.CHANGES, found, theirs)
