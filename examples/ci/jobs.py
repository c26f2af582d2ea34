"""Run a Job of the test environment anew, and wait for Jobs until each has a verdict.

    python3 examples/ci/jobs.py again integration-test-job integration-42
    python3 examples/ci/jobs.py wait integration-test-job supervision-test-job --since 2026-01-01T02:00:00Z --out artifacts

`kubectl wait --for=condition=complete` waits until its timeout for a Job that failed, and is green at once for one
that an earlier build left behind. So `wait` looks for Complete or Failed, refuses a Job that is older than the build,
and believes a Job only with the verdict of its own run, which is the last object in its log. Exit code 0 when every
run passed; otherwise the gravest of the runs' own codes, in the order 130, 3, 2, 1, 5, 4. Needs kubectl and Python 3.9.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

NAMESPACE = "alys-v2-testing"
BETWEEN_LOOKS_SECONDS = 5.0
PASS, FAIL, USAGE, ENVIRONMENT, INCONCLUSIVE = 0, 1, 2, 3, 4
PRECEDENCE = (130, 3, 2, 1, 5, 4)

Kubectl = Callable[[Sequence[str], str], str]
"""Runs kubectl with these words and this on its standard input; its standard output. Raises Refused."""


class Refused(Exception):
    """kubectl did not do it; the message is what it said."""


class Ended(NamedTuple):
    """How one Job ended."""

    job: str
    code: int
    said: str


def main(arguments: Sequence[str], kubectl: Kubectl | None = None) -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("-n", "--namespace", default=NAMESPACE)
    commands = parser.add_subparsers(dest="command", required=True)
    again_words = commands.add_parser("again", help="make a copy of a Job under another name")
    again_words.add_argument("job")
    again_words.add_argument("name")
    again_words.add_argument(
        "-f", "--file", default="k8s/test-jobs.yaml", help="the Job is in here"
    )
    wait_words = commands.add_parser("wait", help="wait for Complete or Failed, and judge")
    wait_words.add_argument("jobs", nargs="+", metavar="job")
    wait_words.add_argument(
        "--since", default="", help="when this build began; older Jobs are not its own"
    )
    wait_words.add_argument("--seconds", type=float, default=7200.0, help="for all together")
    wait_words.add_argument("--out", type=Path, default=Path("artifacts"), help="logs go here")
    given = parser.parse_args(arguments)
    ask = kubectl or real_kubectl(given.namespace)
    try:
        if given.command == "again":
            again(ask, given.job, given.name, given.file)
            return PASS
        given.out.mkdir(parents=True, exist_ok=True)
        return wait(ask, given.jobs, given.since, given.seconds, given.out)
    except Refused as refused:
        print(f"jobs: {refused}", file=sys.stderr)
        return ENVIRONMENT


def real_kubectl(namespace: str) -> Kubectl:
    """The kubectl on the path, in one namespace."""

    def run(words: Sequence[str], stdin: str) -> str:
        command = ["kubectl", "--namespace", namespace, *words]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Refused(f"{' '.join(command)}: {done.stderr.strip()}")
        return done.stdout

    return run


def again(kubectl: Kubectl, job: str, name: str, file: str) -> None:
    """Make the Job of a file under another name: `kubectl create job --from=` takes CronJobs only."""
    told = kubectl(["create", "--dry-run=client", "--output=json", f"--filename={file}"], "")
    for found in objects(told):
        if (found["kind"], found["metadata"]["name"]) == ("Job", job):
            found["metadata"]["name"] = name
            print(kubectl(["create", "--filename=-"], json.dumps(found)), end="")
            return
    raise Refused(f"{file} has no Job {job}")


def objects(text: str) -> Iterable[Any]:
    """The objects that kubectl printed: one after the other, or in a List."""
    decoder, place = json.JSONDecoder(), 0
    while text[place:].strip():
        found, length = decoder.raw_decode(text[place:].lstrip())
        place = len(text) - len(text[place:].lstrip()) + length
        yield from found["items"] if found["kind"] == "List" else [found]


def wait(kubectl: Kubectl, jobs: Sequence[str], since: str, seconds: float, out: Path) -> int:
    """Wait for all of them, print a line for each, keep each one's log; the code for the build."""
    deadline = time.monotonic() + seconds
    codes = set()
    for job in jobs:
        ended = ended_job(kubectl, job, since, deadline, out)
        print(f"{ended.job}: {ended.said}", flush=True)
        codes.add(ended.code)
    return next((code for code in PRECEDENCE if code in codes), FAIL if codes - {PASS} else PASS)


def ended_job(kubectl: Kubectl, job: str, since: str, deadline: float, out: Path) -> Ended:
    """Wait for one Job and judge it."""
    while True:
        found = json.loads(kubectl(["get", "job", job, "--output=json"], ""))
        made = str(found["metadata"]["creationTimestamp"])
        if made < since:
            said = f"was made at {made}, before this build began at {since}; delete it, then apply"
            return Ended(job, USAGE, said)
        true = {
            each["type"]: each
            for each in found.get("status", {}).get("conditions", [])
            if each["status"] == "True"
        }
        if {"Complete", "Failed"} & true.keys():
            return judged(kubectl, job, true, found["metadata"]["uid"], out)
        if time.monotonic() > deadline:
            return Ended(job, ENVIRONMENT, "neither Complete nor Failed in time")
        time.sleep(BETWEEN_LOOKS_SECONDS)


def judged(kubectl: Kubectl, job: str, true: dict[str, Any], uid: str, out: Path) -> Ended:
    """Read the verdict of the run in the log of this very Job's pod."""
    log = kubectl(["logs", f"--selector=controller-uid={uid}", "--tail=-1"], "")
    (out / f"{job}.log").write_text(log, encoding="utf-8")
    verdict = last_verdict(log)
    if verdict is None:
        if "Failed" in true:
            why = f"{true['Failed'].get('reason')}: {true['Failed'].get('message')}"
            return Ended(job, ENVIRONMENT, f"Failed without a verdict: {why}")
        return Ended(job, INCONCLUSIVE, "Complete, but its log has no verdict")
    (out / f"{job}.json").write_text(json.dumps(verdict, indent=2), encoding="utf-8")
    run = verdict.get("run_id") or str(verdict["results_dir"]).rpartition("/")[2]
    said = f"{verdict['verdict']}, run {run}"
    if verdict["verdict"] == "pass" and "Complete" in true:
        return Ended(job, PASS, said)
    if verdict["verdict"] == "pass":
        return Ended(job, ENVIRONMENT, f"{said}, but the Job Failed: results not delivered?")
    return Ended(job, int(verdict["exit_code"]) or FAIL, f"{said}: {verdict.get('cause')}")


def last_verdict(log: str) -> Any:
    """The last object in a log that is the result of a run; None where there is none."""
    decoder = json.JSONDecoder()
    place = len(log)
    while (place := log.rfind("{\n", 0, place)) >= 0:
        try:
            found, _ = decoder.raw_decode(log[place:])
        except json.JSONDecodeError:
            continue
        if isinstance(found, dict) and {"verdict", "exit_code", "results_dir"} <= found.keys():
            return found
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
