"""The same calls made to both nodes, and what their answers have not in common."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest

from tests.contract import comparison
from tests.contract.bitcoin import cases, compare, differences, stage
from tests.contract.bitcoin.service import Answer, Service


def findings(
    ours: Service,
    theirs: Service,
    known: stage.Known,
    script: Mapping[str, list[cases.Params]],
    *,
    values: bool = True,
) -> dict[str, list[comparison.Finding]]:
    """By method, all the differences in the answers to a script of calls."""
    found: dict[str, list[comparison.Finding]] = {}
    for method, calls in script.items():
        found[method] = []
        for params in calls:
            given = cases.filled(params, known)
            pair = [in_order(method, node.ask(method, given)) for node in (ours, theirs)]
            unlike = compare.unlike(pair[0], pair[1], values=values)
            found[method] += comparison.findings(differences.EVERY, method, params, unlike)
    return found


def _by_content(item: Any) -> str:
    """What an item is apart from the hashes that two nodes with payments of their own do not share."""
    named = item if isinstance(item, dict) and "scriptPubKey" in item else {}
    return json.dumps([named.get("scriptPubKey"), named.get("amount"), item])


def in_order(method: str, answer: Answer) -> Answer:
    if method not in differences.UNORDERED:
        return answer
    result = answer.result
    if isinstance(result, dict) and isinstance(result.get("txids"), list):
        result = {**result, "txids": sorted(result["txids"])}
    elif isinstance(result, list):
        result = sorted(result, key=_by_content)
    return msgspec.structs.replace(answer, result=result)


def require_all_there(
    rows: Sequence[comparison.Difference], found: comparison.Findings, theirs: Service
) -> None:
    """Every listed difference still occurs; skips beside a node that the list is not about."""
    if "Knots" not in theirs.call("getnetworkinfo")["subversion"]:
        pytest.skip("the list is of what Bitcoin Knots does otherwise: no Knots to compare with")
    comparison.require_all_there(rows, found)
