"""Findings of the oracles by the requirement that they are about."""

from alys.base.errors import Inconclusive
from alys.oracles.blocks import BlockFault, Flaw, read_block
from alys.oracles.causes import Cause, Equation
from alys.oracles.statement import Violation
from alys.report.conformance import REQUIREMENTS
from alys.worlds import blamed
from tests.oracles.recording import recorded


def violation(cause: Cause) -> Violation:
    return Violation(cause, Equation.PEG, expected=1, actual=2, culprit="x")


def fault(flaw: Flaw) -> BlockFault:
    return BlockFault(flaw, read_block(recorded().evm[1]["consensus"]), 1, 2)


def test_every_cause_and_every_flaw_is_about_requirements_that_there_are() -> None:
    known = {one.key for one in REQUIREMENTS}
    found = [blamed.of(violation(cause)) for cause in Cause]
    found += [blamed.of(fault(flaw)) for flaw in Flaw]
    assert all(keys and keys <= known for keys in found)


def test_a_cause_is_told_of_the_ledger_and_of_what_it_is_about() -> None:
    assert blamed.of(violation(Cause.DOUBLE_MINT)) == {"ledger.balanced", "pegin.once"}
    assert blamed.of(violation(Cause.INSOLVENT)) == {"ledger.balanced"}
    assert blamed.of(fault(Flaw.WORK_OVERDUE)) == {"blocks.work_due"}
    assert blamed.of(fault(Flaw.QUORUM)) == {"blocks.approved"}


def test_what_no_oracle_said_blames_nothing() -> None:
    assert blamed.of(Inconclusive("nothing")) == frozenset()
