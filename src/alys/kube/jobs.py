"""Clean-up of Jobs: those that passed, and whose results are stored, are given a time to live; failed ones stay.

A ``ttlSecondsAfterFinished`` in a manifest would count for failed Jobs too, and would delete them before anybody looked. So the
manifests have none; it is set on a finished Job, which Kubernetes allows (the field is mutable, and the TTL controller reads
it then). It counts from the Job's end: one that ended longer ago is deleted at once.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from alys.base.jobs import JobRun
from alys.kube import client

KEPT_SECONDS = 3600
NIGHTLY_KEPT_SECONDS = 7200
"""Of a Job that a CronJob made, by its schedule or by ``kubectl create job --from=cronjob/...``."""


RUN_STAMP = "%Y%m%dT%H%M%SZ"
"""How a run's id begins: its start, in UTC."""


def mark_passed(cluster: client.Cluster, runs: Iterable[JobRun]) -> list[str]:
    """Give each Job that is Complete, and whose run passed, its time to live; the names of those that had none yet.

    Calling it again does nothing more. A Job that disappeared or was made anew meanwhile is left out. Raises ClusterFailure.
    """
    passed = [run for run in runs if run.verdict == "pass" and run.job]
    if not passed:
        return []
    marked = []
    for job in cluster.get(client.JOBS).get("items") or []:
        if _finished_well(job) and any(_made_by(run, job) for run in passed):
            try:
                _give_time_to_live(cluster, job)
            except (client.NotFound, client.Conflict):
                continue
            marked.append(job["metadata"]["name"])
    return marked


def _finished_well(job: client.Document) -> bool:
    """Complete (a Job ends in that or in Failed), and without a time to live."""
    conditions = (job.get("status") or {}).get("conditions") or []
    true = {condition["type"] for condition in conditions if condition["status"] == "True"}
    unmarked = job["spec"].get("ttlSecondsAfterFinished") is None
    return "Complete" in true and unmarked


def _made_by(run: JobRun, job: client.Document) -> bool:
    """Whether the run was this Job's: not one of an earlier Job of the same name, which is deleted before a re-run.

    A pod starts a moment after its Job is made. Where a node's clock is slower than that, the Job stays: harmless.
    """
    metadata = job["metadata"]
    made = datetime.fromisoformat(metadata["creationTimestamp"].replace("Z", "+00:00"))
    started = _started(run.run_id)
    return run.job == metadata["name"] and started is not None and started >= made


def _started(run_id: str) -> datetime | None:
    """When a run began, which its id begins with; None for an id of another form."""
    try:
        return datetime.strptime(run_id.partition("-")[0], RUN_STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None


def _give_time_to_live(cluster: client.Cluster, job: client.Document) -> None:
    metadata = job["metadata"]
    owners = metadata.get("ownerReferences") or []
    nightly = any(owner["kind"] == "CronJob" for owner in owners)
    kept_s = NIGHTLY_KEPT_SECONDS if nightly else KEPT_SECONDS
    # With its uid in the patch, a Job of the same name that was made meanwhile is refused (409), not marked.
    change = {"metadata": {"uid": metadata["uid"]}, "spec": {"ttlSecondsAfterFinished": kept_s}}
    cluster.patch(client.JOBS, metadata["name"], change)
