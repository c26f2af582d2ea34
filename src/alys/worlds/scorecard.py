"""Counts what a scenario proved. A base for worlds: ``check``, ``samples``, ``facts``."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Protocol

from alys.base import errors
from alys.report.conformance import FACT, Finding
from alys.worlds import blamed as blamed_module


class Threshold(Protocol):
    """A figure and its limit, as ``oracles.load`` makes them."""

    @property
    def met(self) -> bool:
        """Whether the figure is within its limit."""
        ...

    @property
    def sentence(self) -> str:
        """Both, in words."""
        ...


class CheckFailed(errors.AlysError):
    """Something that must hold does not: the sentence, and the figures that contradict it."""

    def __init__(self, what: str, facts: dict[str, object]) -> None:
        self.what = what
        self.facts = facts
        figures = ", ".join(f"{name}={value!r}" for name, value in facts.items())
        super().__init__(f"{what} ({figures})" if figures else what)


class NeverHappened(CheckFailed):
    """Something that was waited for did not come about in the given node time."""

    def __init__(self, what: str, *, timeout_s: float, last: object) -> None:
        self.waited_for = what
        self.timeout_s = timeout_s
        self.last = last
        super().__init__(
            f"never happened within {timeout_s:g} s of node time: {what}", {"last": last}
        )


class Proof:
    """What speaks for a requirement, filled in by whoever looks."""

    def __init__(self) -> None:
        self.evidence = ""


class Scorecard:
    """How often something was looked at that could have been wrong, and what the report shows of it."""

    def __init__(self) -> None:
        self.samples = 0
        self.facts: dict[str, object] = {}

    def sample(self, count: int = 1) -> None:
        """Count samples taken elsewhere, by an oracle for instance; ``count`` may be zero."""
        if count < 0:
            raise errors.AlysBug(f"samples only grow, not by {count}")
        self.samples += count

    def note(self, **facts: object) -> None:
        """Put figures into the report; a later value replaces an earlier one of the same name."""
        self.facts.update(facts)

    def hold(self, thresholds: Sequence[Threshold]) -> None:
        """Count each and show them all in the report; raise ThresholdMissed with every one that is missed, Inconclusive for none."""
        if not thresholds:
            raise errors.Inconclusive(
                "no figure was measured, so no threshold was held against one"
            )
        self.sample(len(thresholds))
        self.note(thresholds=list(thresholds))
        missed = [one.sentence for one in thresholds if not one.met]
        if missed:
            raise errors.ThresholdMissed("; ".join(missed))

    def check(self, condition: bool, what: str, **facts: object) -> None:
        """Count one sample; raise CheckFailed with the sentence and the facts if the condition is false."""
        self.samples += 1
        if not condition:
            raise CheckFailed(what, facts)

    @contextlib.contextmanager
    def proving(self, requirement: str) -> Iterator[Proof]:
        """What happens inside decides one requirement (a key of ``report.conformance``): its end proves it, its error refutes it.

        An error that is inconclusive, or that blames the machine, decides nothing. What an oracle finds meanwhile decides the
        requirements that it is about (``worlds.blamed``).
        """
        proof = Proof()
        try:
            yield proof
        except errors.AlysError as error:
            blamed = blamed_module.of(error) or {requirement}
            if requirement not in blamed:
                self._find(requirement, Finding.INCONCLUSIVE, f"cut off: {error}")
            failed = error.exit_code is errors.ExitCode.FAIL
            for key in blamed:
                self._find(key, Finding.FAIL if failed else Finding.INCONCLUSIVE, str(error))
            raise
        self._find(requirement, Finding.PASS, proof.evidence)

    def _find(self, requirement: str, verdict: Finding, evidence: str) -> None:
        told = self.facts.setdefault(FACT, {})
        assert isinstance(told, dict), "nobody else writes under this name"
        told[requirement] = {"verdict": verdict.value, "evidence": evidence}
