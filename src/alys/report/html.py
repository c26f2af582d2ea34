"""The record as one self-contained HTML page: no script, no other file, light and dark, readable on paper."""

from html import escape

import msgspec

from alys.report import record

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --soft: #5b6570; --line: #d9dee3; --page: #fff; --card: #f6f8fa;
  --good: #1a7f37; --bad: #c2202c; --warn: #9a6700; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --soft: #9aa5b1; --line: #333b44; --page: #14181c;
  --card: #1c2127; --good: #4ac26b; --bad: #ff7b72; --warn: #e3b341; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 66rem; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
p { margin: .25rem 0; } .soft { color: var(--soft); }
.cause { border-left: 4px solid var(--bad); background: var(--card); padding: .6rem .9rem; margin: 1rem 0;
  overflow-wrap: anywhere; }
.badge { display: inline-block; border: 1px solid; border-radius: 1rem; padding: 0 .65rem; font-size: .8rem;
  font-weight: 600; white-space: nowrap; vertical-align: .15em; }
.good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .45rem .75rem .45rem 0; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; font-size: .85rem; white-space: nowrap; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; } th.number { text-align: right; }
table.facts td { border: 0; padding: .1rem .75rem .1rem 0; font-size: .88rem; overflow-wrap: anywhere; }
table.facts { width: auto; margin-top: .3rem; }
code, pre { font: 13px/1.45 ui-monospace, monospace; } code { overflow-wrap: anywhere; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: .75rem; overflow-x: auto;
  white-space: pre-wrap; overflow-wrap: anywhere; margin: .4rem 0; }
details > summary { cursor: pointer; color: var(--soft); font-size: .88rem; }
@media (max-width: 40rem) { .wide { display: none; } }
"""

_TONES = {
    record.Outcome.PASSED: "good",
    record.Outcome.FAILED: "bad",
    record.Outcome.ERROR: "bad",
    record.Outcome.INCONCLUSIVE: "warn",
    record.Outcome.SKIPPED: "warn",
    record.Outcome.NOT_RUN: "warn",
}
_VERDICT_TONES = {"pass": "good", "inconclusive": "warn", "interrupted": "warn"}


def render(run: record.RunRecord) -> str:
    """The whole page, ending with a newline."""
    tone = _VERDICT_TONES.get(run.verdict, "bad")
    cause = f'<p class="cause"><strong>Cause.</strong> {_say(run.cause)}</p>' if run.cause else ""
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{_say(run.verdict)}: {_say(run.suite)} ({_say(run.run_id)})</title>",
        f"<style>{_STYLE}</style></head><body>",
        f"<h1>{_say(run.suite)} {_badge(run.verdict.upper(), tone)}</h1>",
        f'<p class="soft">{_say(_subtitle(run))}</p>',
        cause,
        "<h2>Scenarios</h2>",
        _cases(run),
        "<h2>This run</h2>",
        _facts(_about(run)),
        "<h2>Repeat it</h2>",
        f"<pre>{_say(run.replay)}</pre>",
        "</body></html>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _subtitle(run: record.RunRecord) -> str:
    counts = run.counts
    return (
        f"{counts.passed} of {counts.collected} scenarios passed on {counts.samples} samples, "
        f"in world {run.world}, {run.duration_s:.1f} s, started {run.started_at}"
    )


def _cases(run: record.RunRecord) -> str:
    if not run.cases:
        return '<p class="warn">No scenario was collected.</p>'
    head = (
        '<tr><th>Result</th><th>Scenario</th><th class="number">Samples</th>'
        '<th class="number">Time</th><th class="number wide">Node time</th></tr>'
    )
    rows = "\n".join(_row(case) for case in run.cases)
    return f'<div class="scroll"><table>{head}\n{rows}</table></div>'


def _row(case: record.CaseRecord) -> str:
    tone = _TONES[case.outcome]
    node_time = "" if case.node_time_s is None else f"{case.node_time_s:.1f} s"
    inside = [f"<strong>{_say(case.name)}</strong>"]
    if case.cause:
        inside.append(f'<p class="{tone}">{_say(case.cause)}</p>')
    if case.facts:
        inside.append(_facts(case.facts))
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
        "run": run.run_id,
        "exit code": run.exit_code,
        "seed": run.seed,
        "time scale": run.time_scale,
        "simulated seconds": run.simulated_s,
        "trace hash": run.trace_hash,
        "commit": run.versions.commit,
        "lock": run.versions.lock_hash,
        "configuration": run.versions.config_hash,
        "versions": f"alys {run.versions.alys}, Python {run.versions.python}",
        "results": run.results_dir,
    }
    return {name: value for name, value in about.items() if value is not None}


def _facts(facts: dict[str, object]) -> str:
    rows = "".join(
        f'<tr><td class="soft">{_say(name)}</td><td><code>{_say(_value(value))}</code></td></tr>'
        for name, value in facts.items()
    )
    return f'<table class="facts">{rows}</table>'


def _value(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _badge(text: str, tone: str) -> str:
    return f'<span class="badge {tone}">{_say(text)}</span>'


def _say(text: str) -> str:
    return escape(text, quote=True)
