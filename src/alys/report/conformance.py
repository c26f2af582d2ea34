"""What a node must do, requirement by requirement, and what a run found of it: the table of ``alys check``."""

import enum
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from alys.report.record import CaseRecord, Outcome

FACT = "requirements"
"""The fact under which a scenario puts what it found, by requirement."""


class Finding(enum.StrEnum):
    """What became of one requirement."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    """It was asked, and nothing was proven either way."""
    NOT_ASKED = "not-asked"
    """It cannot be seen without the node's own JSON-RPC."""


class Requirement(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a node must do."""

    key: str
    text: str
    own_rpc: bool = False
    """Whether it can be seen through the node's own JSON-RPC only."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table."""

    requirement: str
    text: str
    verdict: Finding
    evidence: str


LEDGER = "ledger.balanced"

REQUIREMENTS = (
    Requirement(key="blocks.produced", text="The execution chain grows, block after block."),
    Requirement(
        key="blocks.linked", text="Each block stands on the one before it, at a later time."
    ),
    Requirement(
        key="blocks.fees",
        text="Blocks pay their tips to the burn address 0x..dEaD, to be minted again.",
    ),
    Requirement(
        key="blocks.approved",
        text="Consensus blocks are linked, in their slots, by the authority whose turn it is, with two thirds of approvals.",
        own_rpc=True,
    ),
    Requirement(
        key="blocks.work_due",
        text="Production stops at max_blocks_without_pow and goes on after a merged-mining proof.",
        own_rpc=True,
    ),
    Requirement(
        key="pegin.depth", text="A deposit with fewer confirmations than required mints nothing."
    ),
    Requirement(key="pegin.exact", text="A confirmed deposit mints sats x 10^10 wei, exactly."),
    Requirement(key="pegin.once", text="It mints once."),
    Requirement(key="pegout.paid", text="A burn of coins is paid to its Bitcoin address."),
    Requirement(
        key="pegout.signatures",
        text="The payment carries exactly the threshold of valid signatures.",
    ),
    Requirement(
        key="pegout.cost",
        text="The payee bears the fee, and the federation spends what was asked and not a satoshi more.",
    ),
    Requirement(
        key="pegout.refund", text="A request that cannot be paid comes back to its caller, once."
    ),
    Requirement(
        key="reorg.forgotten",
        text="A deposit that a reorganisation of Bitcoin took away mints nothing while it is away.",
    ),
    Requirement(key="reorg.minted", text="When it is confirmed again it mints, exactly and once."),
    Requirement(
        key=LEDGER,
        text="Every satoshi and every wei of the peg is explained at every moment, from the chains alone.",
        own_rpc=True,
    ),
)
"""In the order of the table. A test holds the scenarios to it."""


def table(cases: Sequence[CaseRecord], *, own_rpc: bool, cause: str = "") -> tuple[Row, ...]:
    """A row for every requirement. One that several scenarios looked at has the worst that any of them found, the latest of those.

    ``cause`` is what ended the run as a whole early.
    """
    found: dict[str, list[Mapping[str, Any]]] = {}
    for case in cases:
        told = case.facts.get(FACT)
        if isinstance(told, Mapping):
            for key, one in told.items():
                found.setdefault(key, []).append(one)
    rows = []
    for requirement in REQUIREMENTS:
        asked = own_rpc or not requirement.own_rpc
        verdict, evidence = _worst(found.get(requirement.key, [])) if asked else _NOT_ASKED
        rows.append(
            Row(
                requirement=requirement.key,
                text=requirement.text,
                verdict=verdict,
                evidence=evidence or _why_not(cases, cause),
            )
        )
    return tuple(rows)


_NOT_ASKED = (Finding.NOT_ASKED, "it needs --node-rpc")
_BADNESS = (Finding.FAIL, Finding.INCONCLUSIVE, Finding.PASS)


def _worst(found: Sequence[Mapping[str, Any]]) -> tuple[Finding, str]:
    for verdict in _BADNESS:
        for one in reversed(found):
            if one["verdict"] == verdict.value:
                return verdict, str(one["evidence"])
    return Finding.INCONCLUSIVE, ""


def _why_not(cases: Sequence[CaseRecord], cause: str) -> str:
    """Why a requirement was not reached: what ended the run or a scenario early."""
    ended = (case.cause for case in cases if case.outcome is not Outcome.PASSED and case.cause)
    causes = [cause] if cause and not cases else list(ended)
    return f"not reached: {causes[0]}" if causes else "not reached"


def render(rows: Sequence[Row]) -> str:
    """For a terminal."""
    width = max(len(row.requirement) for row in rows)
    lines = [f"{row.verdict.value:<12}  {row.requirement:<{width}}  {row.evidence}" for row in rows]
    return "\n".join(lines) + "\n"


def markdown(rows: Sequence[Row], about: Mapping[str, str]) -> str:
    """A page: what was checked, and the table."""
    lines = ["# Conformance", ""]
    lines += [f"- {name}: {value}" for name, value in about.items()]
    lines += ["", "| requirement | | verdict | evidence |", "|---|---|---|---|"]
    lines += [
        f"| `{row.requirement}` | {row.text} | {row.verdict.value} | {_cell(row.evidence)} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def as_json(rows: Sequence[Row], about: Mapping[str, str]) -> str:
    """The same for programs."""
    return msgspec.json.format(
        msgspec.json.encode({"about": about, "rows": rows}), indent=2
    ).decode()
