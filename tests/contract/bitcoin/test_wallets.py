"""Wallets with the same descriptors on both nodes: made, filled, spent from, unloaded.

Addresses, signatures and errors are the same to the letter; of payments, whose coins each node chooses itself, fields and
types are compared.
"""

import pytest

from tests.contract import comparison
from tests.contract.bitcoin import answers, differences, play, stage, wallet_play
from tests.contract.bitcoin.service import Service

METHODS = play.methods(wallet_play.STEPS)


@pytest.fixture(scope="module")
def found(ours: Service, theirs: Service, known: stage.Known) -> comparison.Findings:
    return play.play(wallet_play.STEPS, ours, theirs, known)


@pytest.mark.parametrize("method", METHODS)
def test_wallets_are_alike(method: str, found: comparison.Findings) -> None:
    comparison.require_explained(found[method])


def test_every_difference_that_is_listed_is_still_there(
    theirs: Service, found: comparison.Findings
) -> None:
    answers.require_all_there(differences.WALLETS, found, theirs)
