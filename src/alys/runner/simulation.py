"""What a campaign leaves: its verdict, the folder of its results, and the lines that repeat what it found."""

import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from alys.base import errors
from alys.base.errors import ExitCode
from alys.campaigns import campaign, detection, kept, timeline
from alys.campaigns import told as words
from alys.campaigns.campaign import Campaign, Options
from alys.campaigns.determinism import Asked, Found
from alys.campaigns.kept import Kept
from alys.campaigns.outcome import Outcome
from alys.campaigns.proving import Asked as ToProve
from alys.campaigns.proving import Proof
from alys.config import loader
from alys.config.settings import Settings
from alys.report import record
from alys.runner import provenance, results, verdict

SUITE = "sim"
FIGURES = "campaign.json"
OUTCOME = "outcome.json"
EVENTS = "events.jsonl"
TIMELINE = "timeline.html"
CAUSES_MAX = 100
"""In the record; all that was found is in the figures."""
CAUSES_SHOWN = 5
"""On a terminal."""


class Again(msgspec.Struct, frozen=True, kw_only=True):
    """The first failure, run once more with its records."""

    outcome: Outcome
    records: Sequence[str]


def replay_line(seed: int, options: Options) -> str:
    """The command that repeats one run of a campaign."""
    return shlex.join(["alys", "replay", str(seed), *_drawn(options)])


def repeat_line(options: Options) -> str:
    """The command that repeats the campaign."""
    words = ["alys", "sim"]
    if options.after is not None:
        words += ["--seeds", f"{options.first}..{options.after}"]
    if options.seconds is not None:
        words += ["--minutes", f"{options.seconds / 60:g}"]
    words += _drawn(options)
    words += ["--keep-going"] if options.keep_going else []
    return shlex.join(words)


def _drawn(options: Options) -> list[str]:
    default = Options()
    words = ["--faults", options.faults] if options.faults != default.faults else []
    return words + (["--profile", options.profile] if options.profile != default.profile else [])


def causes(found: Campaign, again: Again | None) -> list[tuple[ExitCode, str]]:
    """What speaks against a pass; a failure that does not repeat itself is one more."""
    said = campaign.causes(found)
    first = found.first_failure
    if first is not None and again is not None and again.outcome.trace_hash != first.trace_hash:
        told = (
            f"seed {first.plan.seed}: determinism: run once more it left another trace "
            f"({first.trace_hash}, then {again.outcome.trace_hash})"
        )
        said.append((ExitCode.FAIL, told))
    return said


def run_record(
    found: Campaign, again: Again | None, folder: Path, started: float, settings: Settings
) -> record.RunRecord:
    """The campaign as a run like any other: a case for each seed that did not pass, and one for all that did."""
    against = causes(found, again)
    exit_code = verdict.worst(code for code, _ in against)
    said = tuple(cause for code, cause in against if code is exit_code)
    first = found.first_failure
    cases = _cases(found, against)
    return record.RunRecord(
        run_id=folder.name,
        suite=SUITE,
        world="sim",
        seed=first.plan.seed if first is not None else found.options.first,
        verdict=verdict.WORDS[exit_code],
        exit_code=int(exit_code),
        cause=_first(said),
        causes=said[:CAUSES_MAX],
        counts=record.count(cases),
        cases=cases,
        trace_hash=first.trace_hash if first is not None else None,
        started_at=datetime.fromtimestamp(started, UTC).isoformat(timespec="seconds"),
        duration_s=round(found.wall_seconds, 3),
        simulated_s=round(found.figures.simulated_seconds, 3),
        time_scale=None,
        results_dir=str(folder),
        replay=repeat_line(found.options)
        if first is None
        else replay_line(first.plan.seed, found.options),
        versions=provenance.versions(_config_toml(settings), settings.test_environment.image),
        job=settings.test_environment.job_name,
    )


def _cases(
    found: Campaign, against: Sequence[tuple[ExitCode, str]]
) -> tuple[record.CaseRecord, ...]:
    figures = found.figures
    whole = [code for code, cause in against if not cause.startswith("seed ")]
    code = verdict.worst(whole)
    outcomes = {
        ExitCode.PASS: record.Outcome.PASSED,
        ExitCode.INCONCLUSIVE: record.Outcome.INCONCLUSIVE,
        ExitCode.ENVIRONMENT: record.Outcome.ERROR,
        ExitCode.INTERRUPTED: record.Outcome.NOT_RUN,
    }
    bad = [_case(one, found.options) for one in found.failures]
    rest = record.CaseRecord(
        name=f"{figures.passed:,} seeds",
        outcome=outcomes[code],
        exit_code=int(code),
        duration_s=round(figures.worked_seconds, 3),
        node_time_s=round(figures.simulated_seconds, 3),
        samples=sum(figures.samples.values()) - sum(case.samples for case in bad),
        cause="; ".join(cause for _, cause in against if not cause.startswith("seed ")),
        facts=_plain(figures),
    )
    lost = [
        record.CaseRecord(
            name=f"seed {one.seed}",
            outcome=record.Outcome.ERROR,
            exit_code=int(ExitCode.ENVIRONMENT),
            duration_s=0.0,
            cause=one.sentence.partition("\n")[0],
            detail=one.sentence,
        )
        for one in found.lost
    ]
    return (rest, *bad, *lost)


def _case(outcome: Outcome, options: Options) -> record.CaseRecord:
    failed = outcome.verdict == "fail"
    return record.CaseRecord(
        name=f"seed {outcome.plan.seed}",
        outcome=record.Outcome.FAILED if failed else record.Outcome.INCONCLUSIVE,
        exit_code=int(ExitCode.FAIL if failed else ExitCode.INCONCLUSIVE),
        duration_s=round(outcome.real_seconds, 3),
        node_time_s=round(outcome.simulated_seconds, 3),
        samples=sum(outcome.samples.values()),
        cause=campaign.told_of(outcome),
        detail=outcome.sentence,
        facts={
            "replay": replay_line(outcome.plan.seed, options),
            "oracle": outcome.oracle,
            "failed_at_s": outcome.failed_at,
            "trace_hash": outcome.trace_hash,
            "orders": len(outcome.plan.orders),
        },
    )


def _plain(figures: object) -> dict[str, object]:
    plain = record.plain(figures)
    assert isinstance(plain, dict), "a struct has fields"
    return plain


def as_json(found: Campaign, run: record.RunRecord) -> str:
    """``campaign.json``, and what ``-o json`` prints."""
    first = found.first_failure
    figures = found.figures
    told: dict[str, Any] = {
        "verdict": run.verdict,
        "exit_code": run.exit_code,
        "cause": run.cause,
        "causes": run.causes,
        "seeds": {"first": found.options.first, "after": found.options.after},
        "ended": found.end,
        "options": found.options,
        "figures": figures,
        "never_bit": figures.never_bit,
        "not_drawn": figures.never_ordered,
        "never_reached": figures.never_reached,
        "never_looked": figures.never_looked,
        "seconds": round(found.wall_seconds, 3),
        "seeds_per_second": round(
            (figures.seeds + figures.lost) / max(found.wall_seconds, 1e-9), 3
        ),
        "simulated_seconds": round(figures.simulated_seconds, 3),
        "first_failure": None
        if first is None
        else {
            "seed": first.plan.seed,
            "oracle": first.oracle,
            "sentence": first.sentence,
            "failed_at": first.failed_at,
            "trace_hash": first.trace_hash,
            "replay": run.replay,
        },
        "failures": [{"seed": one.plan.seed, "oracle": one.oracle} for one in found.failures],
        "lost": found.lost,
        "replay": run.replay,
        "versions": run.versions,
        "results_dir": run.results_dir,
    }
    return msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n"


def told(found: Campaign, run: record.RunRecord) -> list[str]:
    """For a terminal, the verdict and the place of the report last."""
    figures = found.figures
    tally = [
        f"{number:,} {name}"
        for number, name in (
            (figures.passed, "passed"),
            (figures.failed, "failed"),
            (figures.inconclusive, "inconclusive"),
            (figures.lost, "lost"),
        )
        if number
    ]
    lines = words.summary(found)
    shown = run.causes[:CAUSES_SHOWN]
    lines += [f"cause:  {cause}" for cause in shown]
    if len(run.causes) > len(shown):
        lines.append(f"        {len(run.causes) - len(shown)} more in the report")
    lines.append(f"replay: {run.replay}")
    if found.first_failure is not None:
        lines.append(f"        or, however seeds are drawn: alys replay {run.results_dir}")
    if (Path(run.results_dir) / TIMELINE).exists():
        lines.append(f"look:   {run.results_dir}/{TIMELINE}")
    lines.append(
        f"{run.verdict.upper()}  {SUITE}: {', '.join(tally) or 'nothing ran'}, {run.counts.samples:,} samples, "
        f"{run.duration_s:.1f} s for {figures.simulated_seconds:,.0f} simulated seconds; report: {run.results_dir}/report.html"
    )
    return lines


def write(found: Campaign, again: Again | None, run: record.RunRecord, settings: Settings) -> None:
    """Everything into the run's folder. Raises EnvironmentFailure when the disk refuses."""
    folder = Path(run.results_dir)
    texts = {FIGURES: as_json(found, run)}
    first = found.first_failure
    if first is not None:
        about = run.versions
        texts[kept.FILE] = kept.encode(kept.of(first, about.commit, about.lock_hash))
        texts[OUTCOME] = msgspec.json.format(msgspec.json.encode(first), indent=2).decode() + "\n"
    if again is not None:
        texts[EVENTS] = "".join(f"{line}\n" for line in again.records)
        texts[TIMELINE] = timeline.page(again.outcome, again.records, run.replay)
    for name, text in texts.items():
        try:
            (folder / name).write_text(text, encoding="utf-8")
        except OSError as error:
            raise errors.EnvironmentFailure(
                f"cannot write {folder / name}: {error.strerror}"
            ) from error
    results.write(folder, run, _config_toml(settings))
    results.point_latest(folder)


def _first(said: Sequence[str]) -> str:
    more = f" (and {len(said) - 1} more)" if len(said) > 1 else ""
    return f"{said[0]}{more}" if said else ""


def _config_toml(settings: Settings) -> str:
    """Without where the results go, which says nothing about the runs."""
    told = msgspec.structs.replace(
        settings.test_environment,
        results_dir="results",
        image="",
        job_name="",
        results_url="",
    )
    return loader.dump(msgspec.structs.replace(settings, test_environment=told))


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict in both forms."""

    exit_code: int
    text: str
    json: str


def determinism(found: Found, asked: Asked, seconds: float, stopped: bool) -> Judged:
    """What comes of comparing traces: a seed with two of them is a failure."""
    against: list[tuple[ExitCode, str]] = []
    if stopped:
        against.append((ExitCode.INTERRUPTED, f"interrupted after {found.seeds:,} seeds"))
    for one in found.lost:
        against.append((ExitCode.ENVIRONMENT, f"seed {one.seed}: {' '.join(one.lost.split())}"))
    for other in found.differences:
        where = f": {other.sentence}" if other.sentence else ""
        told = f"seed {other.seed} leaves two traces, {other.hashes[0][:16]} and {other.hashes[1][:16]}{where}"
        against.append((ExitCode.FAIL, told))
    if found.seeds > 1 and found.distinct == 1:
        against.append((ExitCode.FAIL, "every seed leaves the same trace: seeds decide nothing"))
    if not found.seeds:
        against.append((ExitCode.INCONCLUSIVE, "no seed was run in both processes"))
    exit_code = verdict.worst(code for code, _ in against)
    said = [cause for code, cause in against if code is exit_code]
    word = verdict.WORDS[exit_code]
    replay = shlex.join(
        ["alys", "sim", "check-determinism", "--seeds", f"{asked.first}..{asked.after}"]
    )
    lines = [f"cause:  {cause}" for cause in said[:CAUSES_SHOWN]]
    lines.append(f"replay: {replay}")
    lines.append(
        f"{word.upper()}  {found.seeds:,} seeds in two processes each: {found.seeds - len(found.differences):,} left one trace, "
        f"{len(found.differences):,} two; {found.distinct:,} different traces in all; {seconds:.1f} s"
    )
    told_json: dict[str, Any] = {
        "verdict": word,
        "exit_code": int(exit_code),
        "cause": _first(said),
        "causes": said,
        "seeds": found.seeds,
        "distinct": found.distinct,
        "differences": found.differences,
        "lost": found.lost,
        "seconds": round(seconds, 3),
        "replay": replay,
    }
    return Judged(
        exit_code=int(exit_code),
        text="\n".join(lines) + "\n",
        json=msgspec.json.format(msgspec.json.encode(told_json), indent=2).decode() + "\n",
    )


def commit() -> str:
    """That this process runs."""
    return provenance.versions("").commit


def refuse_another(found: Kept) -> None:
    """Raises EnvironmentFailure where a plan was run at another commit, or with other dependencies, than these."""
    here = provenance.versions("")
    kept.refuse_another(found, here.commit, here.lock_hash)


def replayed(before: Kept, outcome: Outcome, *, forced: bool = False) -> Judged:
    """What comes of running a plan again. Another trace at the same commit is a failure, whatever the run itself was like."""
    code = _OUTCOMES[outcome.verdict]
    word, expected = verdict.WORDS[code], before.trace_hash
    same = expected == outcome.trace_hash if expected else None
    lines = [
        f"run:    {outcome.simulated_seconds:,.1f} s simulated in {outcome.real_seconds:.2f} s, {outcome.steps:,} steps"
    ]
    bitten = sum(1 for times in outcome.bitten.values() if times)
    lines[0] += f", {bitten} of {len(outcome.plan.orders)} faults bit, {outcome.height} blocks"
    if outcome.verdict != "pass":
        at = f", at {outcome.failed_at:.2f} s" if outcome.failed_at is not None else ""
        lines.append(f"cause:  {campaign.told_of(outcome)}{at}")
    trace = f"trace:  {outcome.trace_hash}"
    if same is not None:
        trace += ", the same as before" if same else f", another than before: {expected}"
    lines.append(trace)
    if same is False and not forced:
        code, word = ExitCode.FAIL, "fail"
        lines.append("cause:  determinism: one plan, two traces")
    lines.append(f"{word.upper()}  replay of seed {outcome.plan.seed}")
    told_json: dict[str, Any] = {
        "verdict": word,
        "exit_code": int(code),
        "cause": campaign.told_of(outcome) if outcome.verdict != "pass" else "",
        "seed": outcome.plan.seed,
        "trace_hash": outcome.trace_hash,
        "expected_trace_hash": expected or None,
        "same": same,
        "outcome": outcome,
    }
    return Judged(
        exit_code=int(code),
        text="\n".join(lines) + "\n",
        json=msgspec.json.format(msgspec.json.encode(told_json), indent=2).decode() + "\n",
    )


_OUTCOMES = {
    "pass": ExitCode.PASS,
    "fail": ExitCode.FAIL,
    "inconclusive": ExitCode.INCONCLUSIVE,
}


def proved(proof: Proof, asked: ToProve, seconds: float) -> Judged:
    """What comes of looking for planted bugs: one that nobody found is a failure."""
    against: list[tuple[ExitCode, str]] = []
    if proof.stopped:
        against.append((ExitCode.INTERRUPTED, "interrupted"))
    for name, why in sorted(proof.lost.items()):
        against.append((ExitCode.ENVIRONMENT, f"{name}: {' '.join(why.split())}"))
    missed = [one.name for one in proof.detections if not one.found]
    if missed:
        told = f"not found in seeds {asked.first}..{asked.after}: {', '.join(missed)}"
        against.append((ExitCode.FAIL, told))
    if not proof.detections:
        against.append((ExitCode.INCONCLUSIVE, "no bug was looked for to the end"))
    exit_code = verdict.worst(code for code, _ in against)
    said = [cause for code, cause in against if code is exit_code]
    told_json: dict[str, Any] = {
        "verdict": verdict.WORDS[exit_code],
        "exit_code": int(exit_code),
        "cause": _first(said),
        "causes": said,
        "mutants": proof.detections,
        "lost": proof.lost,
        "seconds": round(seconds, 3),
        "replay": f"alys sim mutants --seeds {asked.first}..{asked.after}",
    }
    found = len(proof.detections) - len(missed)
    runs = sum(one.seeds for one in proof.detections)
    lines = detection.as_table(proof.detections)
    lines += [f"cause:  {cause}" for cause in said]
    lines.append(
        f"{verdict.WORDS[exit_code].upper()}  {found} of {len(asked.mutants)} planted bugs found, "
        f"{runs:,} runs with a bug in them, {seconds:.1f} s"
    )
    return Judged(
        exit_code=int(exit_code),
        text="\n".join(lines) + "\n",
        json=msgspec.json.format(msgspec.json.encode(told_json), indent=2).decode() + "\n",
    )
