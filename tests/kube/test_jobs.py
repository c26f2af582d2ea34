"""Passed Jobs go after a while, failed ones never; and a verdict is not mistaken for an earlier one of the same name."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from alys.base.jobs import JobRun
from alys.kube import client, jobs
from alys.runner import results
from tests.kube.conftest import NAMESPACE
from tests.kube.standin.server import Play, StandIn

CRON_JOBS = "/apis/batch/v1/namespaces/{}/cronjobs"


def template() -> client.Document:
    return {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}}


def job(name: str, **metadata: object) -> client.Document:
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name} | metadata,
        "spec": {"backoffLimit": 0, "template": template()},
    }


def run(
    standin: StandIn, name: str, *, verdict: str = "pass", after_s: float = 1.0, stamp: str = ""
) -> JobRun:
    started = standin.now() + timedelta(seconds=after_s)
    run_id = f"{stamp or started.strftime(jobs.RUN_STAMP)}-integration-abcdef"
    return JobRun(job=name, run_id=run_id, suite="integration", verdict=verdict)


def kept(standin: StandIn, name: str) -> object:
    return standin.get("Job", name, NAMESPACE)["spec"].get("ttlSecondsAfterFinished")


def test_a_passed_job_goes_an_hour_after_its_end(cluster: client.Cluster, standin: StandIn) -> None:
    cluster.create(client.JOBS, job("integration"))
    assert jobs.mark_passed(cluster, [run(standin, "integration")]) == ["integration"]
    assert kept(standin, "integration") == 3600
    standin.pass_time(3500)
    assert standin.objects("Job") == ["Job/integration"]
    standin.pass_time(200)
    assert standin.objects("Job") == []
    assert standin.objects("Pod") == []


def test_it_is_marked_once(cluster: client.Cluster, standin: StandIn) -> None:
    cluster.create(client.JOBS, job("integration"))
    jobs.mark_passed(cluster, [run(standin, "integration")])
    before = standin.get("Job", "integration", NAMESPACE)
    assert jobs.mark_passed(cluster, [run(standin, "integration")]) == []
    assert standin.get("Job", "integration", NAMESPACE) == before


def test_a_job_of_the_cron_job_is_kept_for_two_hours(
    cluster: client.Cluster, standin: StandIn
) -> None:
    cron = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "nightly"},
        "spec": {"schedule": "0 2 * * *", "jobTemplate": {"spec": {"template": template()}}},
    }
    made = cluster.create(CRON_JOBS, cron)
    owner = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "name": "nightly",
        "uid": made["metadata"]["uid"],
    }
    cluster.create(client.JOBS, job("manual", ownerReferences=[owner]))
    jobs.mark_passed(cluster, [run(standin, "manual")])
    assert kept(standin, "manual") == 7200


@pytest.mark.parametrize(
    ("exit_code", "stored"),
    [
        pytest.param(1, {"verdict": "fail"}, id="failed"),
        pytest.param(1, {}, id="failed although a verdict says passed"),
        pytest.param(0, {"verdict": "fail"}, id="complete although the verdict is no pass"),
        pytest.param(0, {"name": "another"}, id="another's verdict"),
        pytest.param(0, {"after_s": -3600}, id="the verdict of an earlier Job"),
        pytest.param(0, {"stamp": "unknown"}, id="an id that tells no time"),
        pytest.param(0, None, id="nothing stored"),
        pytest.param(None, {}, id="still running"),
    ],
)
def test_every_other_job_stays(
    cluster: client.Cluster,
    standin: StandIn,
    exit_code: int | None,
    stored: dict[str, Any] | None,
) -> None:
    standin.play("one", Play(exit_code=exit_code))
    cluster.create(client.JOBS, job("one"))
    runs = [] if stored is None else [run(standin, **{"name": "one"} | stored)]
    assert jobs.mark_passed(cluster, runs) == []
    assert kept(standin, "one") is None
    standin.pass_time(1_000_000)
    assert standin.objects("Job") == ["Job/one"]


def test_a_job_made_anew_since_it_was_listed_is_not_marked(
    cluster: client.Cluster, standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.create(client.JOBS, job("one"))
    cluster.create(client.JOBS, job("two"))
    listed = cluster.get(client.JOBS)
    for name in ("one", "two"):
        cluster._ask("DELETE", client.JOBS, name, None, 5.0, 1)
    cluster.create(client.JOBS, job("one"))
    monkeypatch.setattr(cluster, "get", lambda _collection: listed)
    assert jobs.mark_passed(cluster, [run(standin, "one"), run(standin, "two")]) == []
    assert kept(standin, "one") is None


def test_a_run_s_id_begins_as_this_room_expects(tmp_path: Path) -> None:
    folder = results.make_folder(tmp_path, "integration", 1_800_000_000.0)
    assert jobs._started(folder.name) == datetime.fromtimestamp(1_800_000_000, UTC)


def test_runs_of_no_job_ask_nothing(cluster: client.Cluster, standin: StandIn) -> None:
    del standin.requests[:]
    assert jobs.mark_passed(cluster, [run(standin, "")]) == []
    assert standin.requests == []
