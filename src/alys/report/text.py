"""The record as a few lines for a terminal, and the progress line of one scenario."""

from alys.report import record, thresholds

_MARKS = {
    record.Outcome.PASSED: "PASS",
    record.Outcome.FAILED: "FAIL",
    record.Outcome.THRESHOLD: "THRESHOLD",
    record.Outcome.INCONCLUSIVE: "INCONCLUSIVE",
    record.Outcome.ERROR: "ERROR",
    record.Outcome.SKIPPED: "SKIP",
    record.Outcome.NOT_RUN: "NOT RUN",
}


def case_line(case: record.CaseRecord) -> str:
    """One line for one scenario, the cause at its end."""
    line = f"{_MARKS[case.outcome]:<4}  {case.name}  {_plural(case.samples, 'sample')}, {case.duration_s:.2f} s"
    return f"{line}: {case.cause}" if case.cause else line


def render(run: record.RunRecord) -> str:
    """The summary, ending with a newline: causes, how to repeat it, and last the verdict with the place of the report."""
    counts = run.counts
    tally = [
        f"{number} {name}"
        for name, number in (
            ("passed", counts.passed),
            ("failed", counts.failed),
            ("missed a threshold", counts.threshold),
            ("inconclusive", counts.inconclusive),
            ("in error", counts.error),
            ("skipped", counts.skipped),
            ("not run", counts.not_run),
        )
        if number
    ]
    time = f"{run.duration_s:.1f} s"
    if run.simulated_s is not None:
        time += f" for {run.simulated_s:.0f} simulated seconds"
    profile = f" ({run.profile} profile)" if run.profile == "light" else ""
    lines = [f"{said}" for case in run.cases for said in thresholds.lines(case)]
    lines += [f"cause:  {cause}" for cause in run.causes]
    lines += [f"flake:  {case.name}: {flake_line(case.flake)}" for case in run.cases if case.flake]
    lines += [f"left out: {what}" for what in run.left_out]
    if run.trace_hash:
        lines.append(f"trace:  {run.trace_hash}")
    lines += [
        f"replay: {run.replay}",
        f"{run.verdict.upper()}  {run.suite} in world {run.world}{profile}, seed {run.seed}: "
        f"{', '.join(tally) or 'nothing ran'}, {_plural(counts.samples, 'sample')}, {time}; report: {run.results_dir}/report.html",
    ]
    return "\n".join(lines) + "\n"


def flake_line(flake: record.Flake) -> str:
    """The verdict on a red scenario, and why."""
    return f"{flake.kind}: {flake.sentence}"


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
