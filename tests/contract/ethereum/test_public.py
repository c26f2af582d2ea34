"""Call by call, our client answers as the real one does: the same fields, values, codes and data.

Both have the same chain. What may differ is in ``differences``, each with its reason.
"""

import json
from typing import Any

import msgspec
import pytest

from alys.models.ethereum.node import PUBLIC
from tests.contract.ethereum import cases, compare, differences, stage
from tests.contract.ethereum.client import Client

DEVELOPMENT = ("anvil_", "evm_", "hardhat_")


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One difference in the answers to one call."""

    method: str
    params: Any
    unlike: compare.Unlike

    @property
    def reason(self) -> str | None:
        """Why it stays, None when nobody said."""
        for row in differences.DIFFERENCES:
            if row.covers(self.method, self.params, self.unlike.path):
                return row.reason
        return None

    @property
    def text(self) -> str:
        """For a person who has to find out."""
        ours, theirs = str(self.unlike.ours)[:300], str(self.unlike.theirs)[:300]
        call = f"{self.method} {json.dumps(self.params)[:200]}"
        return f"{call}: {self.unlike.path}\n  ours:   {ours}\n  theirs: {theirs}"


@pytest.fixture(scope="module")
def found(ours: Client, theirs: Client, known: stage.Known) -> dict[str, list[Finding]]:
    """By method, all that differs."""
    findings: dict[str, list[Finding]] = {}
    for method, calls in cases.CASES.items():
        findings[method] = []
        for params in calls:
            given = cases.filled(params, known)
            pair = [client.ask(method, given) for client in (ours, theirs)]
            for one in compare.unlike(*pair):
                findings[method].append(Finding(method=method, params=params, unlike=one))
    return findings


@pytest.mark.parametrize("method", cases.CASES)
def test_answers_are_alike(method: str, found: dict[str, list[Finding]]) -> None:
    unexplained = {one.text for one in found[method] if one.reason is None}
    assert not unexplained, "\n".join(sorted(unexplained))


def test_every_difference_that_is_listed_is_still_there(
    theirs: Client, found: dict[str, list[Finding]]
) -> None:
    if "EthereumJS" not in theirs.call("web3_clientVersion"):
        pytest.skip("the list is of what ethereumjs does otherwise")
    every = [one for findings in found.values() for one in findings]
    gone = [
        f"{row.method} {row.path} {row.call}: {row.reason}"
        for row in differences.DIFFERENCES
        if not any(row.covers(one.method, one.params, one.unlike.path) for one in every)
    ]
    assert not gone, "\n".join(gone)


def test_every_public_method_has_cases() -> None:
    compared = {name for name in PUBLIC if not name.startswith(DEVELOPMENT)}
    sending = {"eth_sendRawTransaction"}  # test_transactions.py
    assert compared - sending <= set(cases.CASES)
