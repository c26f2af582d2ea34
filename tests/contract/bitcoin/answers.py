"""The same calls made to both nodes, and what their answers have not in common."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest

from tests.contract.bitcoin import cases, compare, differences, stage
from tests.contract.bitcoin.service import Answer, Service


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One difference in the answers to one call."""

    method: str
    params: Any
    unlike: compare.Unlike

    @property
    def reason(self) -> str | None:
        """Why it stays, None when nobody said."""
        for row in differences.EVERY:
            if row.covers(self.method, self.params, self.unlike.path):
                return row.reason
        return None

    @property
    def text(self) -> str:
        """For a person who has to find out."""
        ours, theirs = str(self.unlike.ours)[:300], str(self.unlike.theirs)[:300]
        call = f"{self.method} {json.dumps(self.params)[:200]}"
        return f"{call}: {self.unlike.path}\n  ours:   {ours}\n  theirs: {theirs}"


def findings(
    ours: Service,
    theirs: Service,
    known: stage.Known,
    script: Mapping[str, list[cases.Params]],
    *,
    values: bool = True,
) -> dict[str, list[Finding]]:
    """By method, all the differences in the answers to a script of calls."""
    found: dict[str, list[Finding]] = {}
    for method, calls in script.items():
        found[method] = []
        for params in calls:
            given = cases.filled(params, known)
            pair = [in_order(method, node.ask(method, given)) for node in (ours, theirs)]
            unlike = compare.unlike(pair[0], pair[1], values=values)
            found[method] += [Finding(method=method, params=params, unlike=one) for one in unlike]
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
    rows: Sequence[differences.Difference], found: Mapping[str, Sequence[Finding]], theirs: Service
) -> None:
    """Every listed difference still occurs; skips beside a node that the list is not about."""
    if "Knots" not in theirs.call("getnetworkinfo")["subversion"]:
        pytest.skip("the list is of what Bitcoin Knots does otherwise")
    every = [one for findings in found.values() for one in findings]
    gone = [
        f"{row.method} {row.path}: {row.reason}"
        for row in rows
        if row.always
        and not any(row.covers(one.method, one.params, one.unlike.path) for one in every)
    ]
    assert not gone, "\n".join(gone)
