"""What came of a run of a plan, as data."""

from typing import Literal

import msgspec

from alys.campaigns.plan import Plan

Verdict = Literal["pass", "fail", "inconclusive"]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """See the module's docstring. Equal plans give equal outcomes, but for ``real_seconds``."""

    plan: Plan
    verdict: Verdict
    oracle: str = ""
    """Who found something wrong: a name of ``alys.campaigns.naming``; empty when nobody did."""
    sentence: str = ""
    """What is wrong, in words."""
    trace_hash: str = ""
    steps: int = 0
    simulated_seconds: float = 0.0
    real_seconds: float = 0.0
    height: int = 0
    finalised_height: int = 0
    bitten: dict[int, int] = {}
    """How often each order bit, by its number; one that is not here never came to its moment."""
    probes: dict[str, int] = {}
    """How often each rare state was reached that a campaign is to reach."""
    samples: dict[str, int] = {}
    """How often each oracle looked at something that could have been wrong."""
    failed_at: float | None = None
    """Node seconds since the run began."""
