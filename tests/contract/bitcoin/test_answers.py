"""Call by call, our node answers as the real one does: the same fields, values, codes, messages and HTTP statuses.

Both have the same chain, mempool and clock. What may differ is in ``differences``, each with its reason.
"""

import pytest

from tests.contract import comparison
from tests.contract.bitcoin import answers, cases, differences, stage
from tests.contract.bitcoin.service import Service


@pytest.fixture(scope="module")
def found(ours: Service, theirs: Service, known: stage.Known) -> comparison.Findings:
    return answers.findings(ours, theirs, known, cases.READING)


@pytest.mark.parametrize("method", cases.READING)
def test_answers_are_alike(method: str, found: comparison.Findings) -> None:
    comparison.require_explained(found[method])


def test_every_difference_that_is_listed_is_still_there(
    theirs: Service, found: comparison.Findings
) -> None:
    rows = [row for row in differences.DIFFERENCES if row.method in cases.READING]
    answers.require_all_there(rows, found, theirs)
