"""A look at a namespace for ``alys doctor``: Secrets with the names of their keys, and pods that are not Ready.

It only reads, once each, and what it may not read it says. The values of Secrets are not kept.
"""

from collections.abc import Iterator

from alys.base.seen import Cluster, Pod
from alys.kube import client, secrets

PODS = "/api/v1/namespaces/{}/pods"
SECONDS = 5.0


def look(cluster: client.Cluster) -> Cluster:
    """What there is. Raises ClusterFailure for anything but a lack of rights."""
    forbidden: list[str] = []
    missing: dict[str, tuple[str, ...] | None] = {}
    for name, keys in secrets.SECRETS.items():
        try:
            data = cluster.get(client.SECRETS, name, timeout_s=SECONDS, attempts=1).get("data")
        except client.NotFound:
            missing[name] = None
        except client.ClusterFailure as failure:
            forbidden.append(_lacking(failure, f"get secrets/{name}"))
        else:
            missing[name] = tuple(key for key in keys if key not in (data or {}))
    pods: tuple[Pod, ...] = ()
    apps: set[str] = set()
    try:
        listed = cluster.get(PODS, timeout_s=SECONDS, attempts=1)
        pods = tuple(found for item in listed["items"] if (found := not_ready(item)) is not None)
        apps = {
            (item["metadata"].get("labels") or {}).get("app", "")
            for item in listed["items"]
            if not _ended(item)
        }
    except client.ClusterFailure as failure:
        forbidden.append(_lacking(failure, "list pods"))
    return Cluster(
        namespace=cluster.namespace,
        missing=missing,
        pods=pods,
        apps=tuple(sorted(apps)),
        forbidden=tuple(forbidden),
    )


def not_ready(pod: client.Document) -> Pod | None:
    """Why a pod is not Ready; None for one that is, that has ended, or that is on its way out."""
    name, status = pod["metadata"]["name"], pod.get("status") or {}
    conditions = {each["type"]: each for each in status.get("conditions") or []}
    if _ended(pod) or "deletionTimestamp" in pod["metadata"]:
        return None
    if conditions.get("Ready", {}).get("status") == "True":
        return None
    for reason, message in _waiting(status):
        return Pod(name, reason, _one_line(message))
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False":
        reason = scheduled.get("reason", "Unschedulable")
        return Pod(name, reason, _one_line(scheduled.get("message", "")))
    return Pod(name, "NotReady", _one_line(conditions.get("Ready", {}).get("message", "")))


def _ended(pod: client.Document) -> bool:
    """Also one that was evicted: what it was there for has another pod, or none."""
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def _waiting(status: client.Document) -> Iterator[tuple[str, str]]:
    """Reason and message of each container that waits, but for those that are only on their way."""
    for list_name in ("initContainerStatuses", "containerStatuses"):
        for container in status.get(list_name) or []:
            waiting = (container.get("state") or {}).get("waiting") or {}
            if waiting.get("reason") not in (None, "PodInitializing", "ContainerCreating"):
                yield waiting["reason"], waiting.get("message", "")


def _lacking(failure: client.ClusterFailure, right: str) -> str:
    if failure.status == 403:
        return right
    raise failure


def _one_line(said: str) -> str:
    return " ".join(said.split())[:200]
