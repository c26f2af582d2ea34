"""The examples' way to wait for Jobs: Complete or Failed, this build's own, and with the verdict of this very run."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from examples.ci import jobs

BEGAN = "2026-01-01T02:00:00Z"


def verdict(name: str, code: int) -> str:
    said = {"verdict": name, "exit_code": code, "cause": "the ledger", "run_id": "run-1"}
    said["results_dir"] = "/test-results/20260101T020000Z-integration-aabbcc"
    told = json.dumps(said | {"counts": {"passed": 3}}, indent=2)
    return f'{{"level": "info"}}\n{told}\n{{"level": "info", "message": "delivered"}}\n'


class Cluster:
    """A kubectl that knows Jobs: looks at one after the other, the last for good."""

    def __init__(self, *looks: str, log: str = "", made: str = "2026-01-01T02:00:01Z") -> None:
        self.looks = list(looks)
        self.log = log
        self.made = made
        self.asked: list[Sequence[str]] = []
        self.created: Any = None

    def __call__(self, words: Sequence[str], stdin: str) -> str:
        self.asked.append(words)
        if words[:2] == ["create", "--filename=-"]:
            self.created = json.loads(stdin)
            return "job.batch/created\n"
        if words[0] == "create":
            job = {"kind": "Job", "metadata": {"name": "integration-test-job"}, "spec": {"a": 1}}
            other = {"kind": "CronJob", "metadata": {"name": "nightly-regression-tests"}}
            return "\n".join(json.dumps(each, indent=1) for each in (other, job))
        if words[0] == "logs":
            assert words[1] == "--selector=controller-uid=the-uid"
            return self.log
        look = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        conditions = [{"type": look, "status": "True", "reason": "Why", "message": "because"}]
        about = {"creationTimestamp": self.made, "uid": "the-uid"}
        return json.dumps({"metadata": about, "status": {"conditions": conditions if look else []}})


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "BETWEEN_LOOKS_SECONDS", 0)


def wait(folder: Path, cluster: Cluster, *words: str) -> int:
    given = ["wait", "integration-test-job", "--since", BEGAN, "--out", str(folder), *words]
    return jobs.main(given, cluster)


def test_a_run_that_passed_in_a_complete_job_is_a_pass(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert wait(tmp_path, Cluster("", "", "Complete", log=verdict("pass", 0))) == 0
    assert capsys.readouterr().out == "integration-test-job: pass, run run-1\n"
    assert json.loads((tmp_path / "integration-test-job.json").read_text())["run_id"] == "run-1"
    assert "delivered" in (tmp_path / "integration-test-job.log").read_text()


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5])
def test_a_failed_job_ends_the_wait_at_once_with_the_runs_own_code(
    tmp_path: Path, code: int
) -> None:
    assert wait(tmp_path, Cluster("Failed", log=verdict("fail", code))) == code


@pytest.mark.parametrize(
    ("look", "log", "made", "code", "said"),
    [
        ("Complete", "", "2026-01-01T02:00:01Z", 4, "its log has no verdict"),
        ("Failed", "", "2026-01-01T02:00:01Z", 3, "Failed without a verdict: Why: because"),
        ("Failed", verdict("pass", 0), "2026-01-01T02:00:01Z", 3, "results not delivered?"),
        ("Complete", verdict("pass", 0), "2026-01-01T01:59:59Z", 2, "before this build began"),
        ("Complete", verdict("fail", 1), "2026-01-01T02:00:01Z", 1, "fail, run run-1: the ledger"),
    ],
)
def test_nothing_else_is_a_pass(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    look: str,
    log: str,
    made: str,
    code: int,
    said: str,
) -> None:
    assert wait(tmp_path, Cluster(look, log=log, made=made)) == code
    assert said in capsys.readouterr().out


def test_a_job_that_does_not_end_is_the_environments_fault(tmp_path: Path) -> None:
    assert wait(tmp_path, Cluster(""), "--seconds", "-1") == 3


def test_the_gravest_code_of_several_jobs_is_the_builds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["wait", "a", "b", "--since", BEGAN, "--out", str(tmp_path)]
    assert jobs.main(given, Cluster("Failed", log=verdict("inconclusive", 4))) == 4
    assert jobs.main(given, Cluster("Failed", "Complete", log=verdict("fail", 1))) == 1
    assert len(capsys.readouterr().out.splitlines()) == 4


def test_a_run_without_its_id_goes_by_its_folder(tmp_path: Path) -> None:
    log = verdict("pass", 0).replace('"run_id": "run-1",', "")
    assert jobs.last_verdict(log)["verdict"] == "pass"
    assert wait(tmp_path, Cluster("Complete", log=log)) == 0


def test_again_makes_the_job_of_the_file_under_a_new_name() -> None:
    cluster = Cluster()
    assert jobs.main(["again", "integration-test-job", "integration-42"], cluster) == 0
    assert cluster.created == {
        "kind": "Job",
        "metadata": {"name": "integration-42"},
        "spec": {"a": 1},
    }


def test_again_names_a_job_that_the_file_does_not_have(capsys: pytest.CaptureFixture[str]) -> None:
    assert jobs.main(["again", "nightly-regression-tests", "x"], Cluster()) == 3
    assert "k8s/test-jobs.yaml has no Job nightly-regression-tests" in capsys.readouterr().err


def test_a_list_is_read_like_its_objects() -> None:
    assert list(jobs.objects('{"kind": "List", "items": [{"kind": "Job"}]}')) == [{"kind": "Job"}]


def test_what_kubectl_refuses_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(words: Sequence[str], stdin: str) -> str:
        raise jobs.Refused(f"{words[0]}: not found")

    assert jobs.main(["wait", "x", "--out", str(tmp_path)], refuse) == 3
    assert "jobs: get: not found" in capsys.readouterr().err
