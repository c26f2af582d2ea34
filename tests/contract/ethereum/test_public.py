"""Call by call, our client answers as the real one does: the same fields, values, codes and data.

Both have the same chain. What may differ is in ``differences``, each with its reason.
"""

import pytest

from alys.models.ethereum.node import PUBLIC
from tests.contract import comparison
from tests.contract.ethereum import cases, compare, differences, stage
from tests.contract.ethereum.client import Client

DEVELOPMENT = ("anvil_", "evm_", "hardhat_")


@pytest.fixture(scope="module")
def found(ours: Client, theirs: Client, known: stage.Known) -> comparison.Findings:
    """By method, all that differs."""
    findings: dict[str, list[comparison.Finding]] = {}
    for method, calls in cases.CASES.items():
        findings[method] = []
        for params in calls:
            given = cases.filled(params, known)
            pair = [client.ask(method, given) for client in (ours, theirs)]
            unlike = compare.unlike(*pair)
            findings[method] += comparison.findings(differences.DIFFERENCES, method, params, unlike)
    return findings


@pytest.mark.parametrize("method", cases.CASES)
def test_answers_are_alike(method: str, found: comparison.Findings) -> None:
    comparison.require_explained(found[method])


def test_every_difference_that_is_listed_is_still_there(
    theirs: Client, found: comparison.Findings
) -> None:
    if "EthereumJS" not in theirs.call("web3_clientVersion"):
        pytest.skip("the list is of what ethereumjs does otherwise: no ethereumjs to compare with")
    comparison.require_all_there(differences.DIFFERENCES, found)


def test_every_public_method_has_cases() -> None:
    compared = {name for name in PUBLIC if not name.startswith(DEVELOPMENT)}
    sending = {"eth_sendRawTransaction"}  # test_transactions.py
    assert compared - sending <= set(cases.CASES)
