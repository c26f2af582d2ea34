"""The record as one self-contained HTML page: no script, no other file, light and dark, readable on paper."""

from html import escape

from alys.report import figures, record, thresholds

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --soft: #5b6570; --line: #d9dee3; --page: #fff; --card: #f6f8fa;
  --good: #1a7f37; --bad: #c2202c; --warn: #9a6700; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --soft: #9aa5b1; --line: #333b44; --page: #14181c;
  --card: #1c2127; --good: #4ac26b; --bad: #ff7b72; --warn: #e3b341; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 70rem; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; display: flex; flex-wrap: wrap; gap: .75rem; align-items: center; }
h2 { font-size: 1.05rem; margin: 2.25rem 0 .5rem; }
p { margin: .25rem 0; } .soft { color: var(--soft); }
.tiles { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1.25rem 0 0; padding: 0; list-style: none; }
.tiles li { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .5rem .9rem; }
.tiles b { display: block; font-size: 1.15rem; font-variant-numeric: tabular-nums; }
.tiles span { color: var(--soft); font-size: .82rem; }
.cause { border-left: 4px solid; background: var(--card); padding: .6rem .9rem; margin: 1.25rem 0 0;
  overflow-wrap: anywhere; }
.cause span { color: var(--ink); } .cause ul { margin: .25rem 0 0; padding-left: 1.2rem; color: var(--ink); }
.badge { display: inline-block; border: 1px solid; border-radius: 1rem; padding: .05rem .65rem; font-size: .78rem;
  font-weight: 650; white-space: nowrap; letter-spacing: .03em; }
h1 .badge { font-size: .95rem; padding: .1rem .9rem; }
.good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; }
.cases { width: 100%; }
.cases > tbody > tr > th, .cases > tbody > tr > td { text-align: left; vertical-align: top;
  padding: .55rem .9rem .55rem 0; border-bottom: 1px solid var(--line); }
.cases > tbody > tr > th { color: var(--soft); font-weight: 600; font-size: .85rem; white-space: nowrap; }
.cases > tbody > tr > .number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.figures { font-size: .86rem; margin: .3rem 0; }
.figures th, .figures td { text-align: left; vertical-align: top; padding: .12rem .9rem .12rem 0;
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.figures th { color: var(--soft); font-weight: 500; white-space: nowrap; }
.figures i { font-style: normal; } .figures i + i { margin-left: .2em; }
.figures .figures { margin: 0 0 .2rem; padding-left: .6rem; border-left: 2px solid var(--line); display: block; }
.figures .rows { border-left: 0; padding-left: 0; } .rows th { border-bottom: 1px solid var(--line); }
code, pre { font: 13px/1.45 ui-monospace, monospace; } code { overflow-wrap: anywhere; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: .75rem; overflow-x: auto;
  white-space: pre-wrap; overflow-wrap: anywhere; margin: .4rem 0; }
details { margin-top: .25rem; } summary { cursor: pointer; color: var(--soft); font-size: .86rem; }
@media (max-width: 40rem) { .wide { display: none; } }
"""

_TONES = {
    record.Outcome.PASSED: "good",
    record.Outcome.FAILED: "bad",
    record.Outcome.THRESHOLD: "bad",
    record.Outcome.ERROR: "bad",
    record.Outcome.INCONCLUSIVE: "warn",
    record.Outcome.SKIPPED: "warn",
    record.Outcome.NOT_RUN: "warn",
}
_VERDICT_TONES = {"pass": "good", "inconclusive": "warn", "interrupted": "warn"}


def render(run: record.RunRecord) -> str:
    """The whole page, ending with a newline."""
    tone = _VERDICT_TONES.get(run.verdict, "bad")
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{_say(run.verdict)}: {_say(run.suite)} ({_say(run.run_id)})</title>",
        f"<style>{_STYLE}</style></head><body>",
        f"<h1>{_say(run.suite)} {_badge(run.verdict.upper(), tone)}</h1>",
        f'<p class="soft">{_say(run.run_id)}, started {_say(run.started_at)}</p>',
        _cause(run, tone),
        _left_out(run),
        _tiles(run),
        "<h2>Scenarios</h2>",
        _cases(run),
        "<h2>Repeat this run</h2>",
        f"<pre>{_say(run.replay)}</pre>",
        "<h2>What was run</h2>",
        figures.table(_about(run)),
        "</body></html>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _cause(run: record.RunRecord, tone: str) -> str:
    """The causes in full; one of them as a sentence, several as a list."""
    if not run.causes:
        return ""
    if len(run.causes) == 1:
        said = f"<span>{_say(run.causes[0])}</span>"
    else:
        said = f"<ul>{''.join(f'<li>{_say(cause)}</li>' for cause in run.causes)}</ul>"
    return f'<div class="cause {tone}"><strong>Cause</strong> {said}</div>'


def _left_out(run: record.RunRecord) -> str:
    """What was not run, so that a green page does not promise more than it has."""
    return "".join(f'<p class="warn">Left out: {_say(what)}</p>' for what in run.left_out)


def _tiles(run: record.RunRecord) -> str:
    counts = run.counts
    told = [
        (f"{counts.passed} of {counts.collected}", "scenarios passed"),
        (str(counts.samples), "samples"),
        (f"{run.duration_s:.1f} s", "wall time"),
        (run.world, "world"),
        (str(run.seed), "seed"),
    ]
    if run.simulated_s is not None:
        told.insert(3, (f"{run.simulated_s:.0f} s", "simulated"))
    if run.profile is not None:
        told.insert(5, (run.profile, "profile"))
    if run.time_scale is not None:
        told.insert(4, (f"{run.time_scale:g}", "time scale"))
    items = "".join(f"<li><b>{_say(value)}</b><span>{name}</span></li>" for value, name in told)
    return f'<ul class="tiles">{items}</ul>'


def _cases(run: record.RunRecord) -> str:
    if not run.cases:
        return '<p class="warn">No scenario was collected.</p>'
    head = (
        '<tr><th>Result</th><th>Scenario</th><th class="number">Samples</th>'
        '<th class="number">Time</th><th class="number wide">Node time</th></tr>'
    )
    rows = "\n".join(_row(case) for case in run.cases)
    return f'<div class="scroll"><table class="cases"><tbody>{head}\n{rows}</tbody></table></div>'


def _row(case: record.CaseRecord) -> str:
    tone = _TONES[case.outcome]
    node_time = "" if case.node_time_s is None else f"{case.node_time_s:.1f} s"
    inside = [f"<strong>{_say(case.name)}</strong>"]
    if case.cause:
        inside.append(f'<p class="{tone}">{_say(case.cause)}</p>')
    if case.flake:
        inside.append(f"<p>{_badge(case.flake.kind, 'warn')} {_say(case.flake.sentence)}</p>")
    if measured := thresholds.rows(case):
        inside.append(thresholds.table(measured))
    if case.facts:
        shown = "" if case.outcome is record.Outcome.PASSED else " open"
        inside.append(
            f"<details{shown}><summary>Figures</summary>{figures.table(case.facts)}</details>"
        )
    if case.detail:
        inside.append(
            f"<details><summary>Details</summary><pre>{_say(case.detail)}</pre></details>"
        )
    return (
        f"<tr><td>{_badge(case.outcome.value, tone)}</td><td>{''.join(inside)}</td>"
        f'<td class="number">{case.samples}</td><td class="number">{case.duration_s:.2f} s</td>'
        f'<td class="number wide">{node_time}</td></tr>'
    )


def _about(run: record.RunRecord) -> dict[str, object]:
    about: dict[str, object] = {
        "exit code": run.exit_code,
        "job": run.job or None,
        "trace hash": run.trace_hash,
        "commit": run.versions.commit,
        "lock": run.versions.lock_hash,
        "configuration": run.versions.config_hash,
        "image": run.versions.image or None,
        "alys": run.versions.alys,
        "Python": run.versions.python,
        "results": run.results_dir,
    }
    return {name: value for name, value in about.items() if value is not None}


def _badge(text: str, tone: str) -> str:
    return f'<span class="badge {tone}">{_say(text)}</span>'


def _say(text: str) -> str:
    return escape(text, quote=True)
