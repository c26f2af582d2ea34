"""The table of requirements from what scenarios found."""

import json
from typing import Any

from alys.report import conformance
from alys.report.conformance import FACT, Finding
from alys.report.record import CaseRecord, Outcome


def case(
    outcome: Outcome = Outcome.PASSED, cause: str = "", **found: tuple[str, str]
) -> CaseRecord:
    told: dict[str, Any] = {
        key.replace("_", ".", 1): {"verdict": verdict, "evidence": evidence}
        for key, (verdict, evidence) in found.items()
    }
    return CaseRecord(
        name="x", outcome=outcome, exit_code=0, duration_s=1.0, cause=cause, facts={FACT: told}
    )


def row(key: str, *cases: CaseRecord, own_rpc: bool = True) -> tuple[Finding, str]:
    rows = conformance.table(cases, own_rpc=own_rpc)
    found = next(one for one in rows if one.requirement == key)
    return found.verdict, found.evidence


def test_every_requirement_has_a_row_in_order_and_keys_differ() -> None:
    rows = conformance.table([], own_rpc=True)
    assert [one.requirement for one in rows] == [one.key for one in conformance.REQUIREMENTS]
    assert len({one.requirement for one in rows}) == len(rows)


def test_the_worst_of_several_findings_counts_and_of_equals_the_latest() -> None:
    first = case(ledger_balanced=("pass", "early"))
    second = case(ledger_balanced=("pass", "late"))
    assert row("ledger.balanced", first, second) == (Finding.PASS, "late")
    unsure = case(ledger_balanced=("inconclusive", "cut off"))
    assert row("ledger.balanced", first, unsure) == (Finding.INCONCLUSIVE, "cut off")
    broken = case(ledger_balanced=("fail", "double_mint"))
    assert row("ledger.balanced", broken, unsure, second) == (Finding.FAIL, "double_mint")


def test_what_was_not_reached_is_inconclusive_and_says_what_came_between() -> None:
    assert row("pegout.paid", case()) == (Finding.INCONCLUSIVE, "not reached")
    failed = case(Outcome.FAILED, "it broke")
    assert row("pegout.paid", failed) == (Finding.INCONCLUSIVE, "not reached: it broke")
    rows = conformance.table([], own_rpc=True, cause="nobody there")
    assert {one.evidence for one in rows} == {"not reached: nobody there"}


def test_without_the_nodes_own_rpc_some_are_not_asked() -> None:
    assert row("blocks.approved", own_rpc=False) == (Finding.NOT_ASKED, "it needs --node-rpc")
    assert row("pegin.exact", own_rpc=False)[0] is Finding.INCONCLUSIVE


def test_it_is_written_for_terminals_pages_and_programs() -> None:
    rows = conformance.table([case(pegin_exact=("pass", "a | b\nc"))], own_rpc=True)
    about = {"node": "http://n:3000"}
    assert "pass          pegin.exact        a | b" in conformance.render(rows)
    page = conformance.markdown(rows, about)
    assert "- node: http://n:3000" in page
    assert "| `pegin.exact` | " in page
    assert "| pass | a \\| b c |" in page
    told = json.loads(conformance.as_json(rows, about))
    assert told["about"] == about
    assert {"requirement", "text", "verdict", "evidence"} == set(told["rows"][0])
