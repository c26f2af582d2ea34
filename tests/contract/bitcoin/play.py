"""A script of calls that change things, made to both nodes step by step."""

from collections.abc import Sequence
from typing import Any

import msgspec

from tests.contract import comparison
from tests.contract.bitcoin import answers, cases, compare, differences, stage
from tests.contract.bitcoin.service import Service


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One call on both. ``keep`` names its result for later steps; ``values`` False compares fields and types alone."""

    method: str
    params: cases.Params = []
    wallet: str | None = None
    keep: str = ""
    values: bool = True


class Mine(msgspec.Struct, frozen=True, kw_only=True):
    """Blocks made by each node, with what waits in its own mempool, to the same address."""

    blocks: int
    address: str


Script = Sequence[Step | Mine]


def step(
    method: str, *params: Any, wallet: str | None = None, keep: str = "", values: bool = True
) -> Step:
    """A call by position."""
    return Step(method=method, params=list(params), wallet=wallet, keep=keep, values=values)


def methods(script: Script) -> list[str]:
    """What a script calls."""
    return sorted({one.method for one in script if isinstance(one, Step)})


def play(
    script: Script, ours: Service, theirs: Service, known: stage.Known
) -> dict[str, list[comparison.Finding]]:
    """Make all the steps; by method, the differences."""
    found: dict[str, list[comparison.Finding]] = {}
    names = [dict(known), dict(known)]
    for one in script:
        if isinstance(one, Mine):
            for node, mine in zip((ours, theirs), names, strict=True):
                node.call("generatetoaddress", one.blocks, cases.filled(one.address, mine))
            continue
        pair = [
            answers.in_order(
                one.method,
                node.ask(
                    one.method, cases.filled(one.params, mine), cases.filled(one.wallet, mine)
                ),
            )
            for node, mine in zip((ours, theirs), names, strict=True)
        ]
        for answer, mine in zip(pair, names, strict=True):
            if one.keep and answer.code is None:
                _keep(mine, one.keep, answer.result)
        unlike = compare.unlike(pair[0], pair[1], values=one.values)
        found.setdefault(one.method, []).extend(
            comparison.findings(differences.EVERY, one.method, one.params, unlike)
        )
    return found


def _keep(known: stage.Known, name: str, result: Any) -> None:
    if isinstance(result, dict):
        known.update({f"{name}_{key}": value for key, value in result.items()})
    else:
        known[name] = result
