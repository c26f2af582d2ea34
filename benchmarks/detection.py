"""The page of what campaigns find: ``alys sim mutants -o json | python -m benchmarks.detection COMMIT`` writes DETECTION.md, detection.json.

One row for each planted bug: which oracle found it, how many seeds that took, and how many faults and how much work were left of the plan
when it was made small. COMMIT is the one that they were looked for at.
"""

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
HEAD = """# What campaigns find

Made by `alys sim mutants --seeds 0..1000 -o json | python -m benchmarks.detection COMMIT`; the same as data is in `detection.json`. Each
planted bug ([what they are](../docs/reference/planted-bugs.md)) was patched in by itself, and plans of the light profile were run
seed by seed until an oracle that had been declared for it fired, the changed line had run, and the same plan without the bug was
green. A crash does not count. Then the plan was made small.

`clients/` and `storm/` are scenes that every run plays beside the nodes; most bugs of the runtime and of the services' clients show there
and not in the weather. Several bugs were written anew, and several lists of oracles made longer, after it was seen what found
them. So this says what the net holds at this commit; it is no rate for bugs that nobody has thought of.
"""


def page(found: dict[str, Any], commit: str) -> str:
    """As Markdown."""
    bugs = found["mutants"]
    hits = [bug for bug in bugs if bug["found"]]
    seeds = sorted(bug["seeds"] for bug in hits)
    kinds = Counter(bug["oracle"].split("/")[0] for bug in hits)
    lines = [
        HEAD,
        f"At commit {commit}, **{len(hits)} of {len(bugs)}** were found, in {found['seconds']:.0f} s on two cores: "
        f"{seeds.count(1)} of them with the first seed, half within {seeds[len(seeds) // 2]}, the last after "
        f"{seeds[-1]}. {sum(bug['shrunk_faults'] == 0 for bug in hits)} need no fault at all to show.",
        "",
        "By oracle: " + ", ".join(f"{name} {count}" for name, count in kinds.most_common()) + ".",
        "",
        "| planted bug | area | oracle | seeds needed | faults left | work left |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| `{bug['name']}` | {bug['area']} | `{bug['oracle']}` | {bug['seeds']} | {bug['shrunk_faults']} | {bug['shrunk_work']} |"
        if bug["found"]
        else f"| `{bug['name']}` | {bug['area']} | **not found** |  |  |  |"
        for bug in bugs
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Standard input has the result; 1 when a bug was not found."""
    if len(sys.argv) != 2:
        sys.stderr.write("usage: python -m benchmarks.detection COMMIT < FOUND.json\n")
        return 2
    commit, found = sys.argv[1], json.load(sys.stdin)
    rows = ("name", "area", "found", "oracle", "seeds", "seed", "shrunk_faults", "shrunk_work")
    kept = [{name: bug[name] for name in rows} for bug in found["mutants"]]
    data = {"commit": commit, "seconds": round(found["seconds"], 1), "mutants": kept}
    (HERE / "detection.json").write_text(json.dumps(data, indent=1) + "\n")
    (HERE / "DETECTION.md").write_text(page(data, commit))
    return 0 if all(bug["found"] for bug in kept) else 1


if __name__ == "__main__":
    sys.exit(main())
