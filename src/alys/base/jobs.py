"""What the runner's service says to the cluster about Jobs whose results it has stored.

The service knows verdicts, ``kube.jobs`` knows the cluster; they meet in this one call.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple


class JobRun(NamedTuple):
    """A stored run that a Job made (``JOB_NAME``)."""

    job: str
    run_id: str
    suite: str
    verdict: str
    """A word of ``runner.verdict``: ``pass``, ``fail`` and so on."""


FinishJobs = Callable[[Sequence[JobRun]], object]
"""Told every half minute of all stored runs that Jobs made, newest first; it may block, and does what is left to do: calling it
again with the same runs changes nothing. What it raises is logged, and it is called again."""
