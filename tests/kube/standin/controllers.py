"""What happens in a cluster by itself, as far as the commands of the document need it: pods come, get ready, end.

No container is ever run. A test says what a pod does (``Play``); without a word, a Deployment's pods get ready and a Job's end
well at once. A pod does not start before the Secrets, ConfigMaps, claims and the service account that it names exist, and starts
by itself when they do.
"""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from tests.kube.standin import resources, selectors
from tests.kube.standin.store import NAMESPACES, Store

Document = dict[str, Any]

PODS = resources.of_kind("v1", "Pod")
SECRETS = resources.of_kind("v1", "Secret")
CONFIG_MAPS = resources.of_kind("v1", "ConfigMap")
CLAIMS = resources.of_kind("v1", "PersistentVolumeClaim")
ACCOUNTS = resources.of_kind("v1", "ServiceAccount")
DEPLOYMENTS = resources.of_kind("apps/v1", "Deployment")
SETS = resources.of_kind("apps/v1", "ReplicaSet")
JOBS = resources.of_kind("batch/v1", "Job")
CRON_JOBS = resources.of_kind("batch/v1", "CronJob")


@dataclasses.dataclass
class Play:
    """What the pods of one owner do."""

    logs: str = ""
    exit_code: int | None = 0
    """Of a Job's pod; None means that it runs until the test says otherwise."""
    ready: bool = True
    """Of a Deployment's pod."""


class Controllers:
    """One round after another over a store, until there is nothing to do."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.plays: dict[str, Play] = {}
        """By name of the Deployment, Job, CronJob or pod."""
        self.namespace_gone: Callable[[str], None] = lambda _name: None
        """Called once for each namespace that is Terminating and empty: somebody removes it a while later."""
        self._leaving: set[str] = set()
        store.settle = self.round

    def play_of(self, pod: Document) -> Play:
        """What a pod does: by its own name, else by the owner it was made for."""
        named = pod["metadata"].get("annotations", {}).get("stand-in/play", "")
        return self.plays.get(pod["metadata"]["name"]) or self.plays.get(named) or Play()

    def round(self) -> bool:
        """Let each controller act once; whether anything changed."""
        before = self._store.revision
        for act in (
            self._namespaces,
            self._orphans,
            self._deployments,
            self._jobs,
            self._pods,
            self._times_to_live,
        ):
            act()
        return self._store.revision != before

    def _namespaces(self) -> None:
        for space in self._store.select(NAMESPACES):
            name = space["metadata"]["name"]
            if not space["metadata"].get("deletionTimestamp"):
                if not self._store.has(ACCOUNTS, name, "default"):
                    self._store.create(ACCOUNTS, name, {"metadata": {"name": "default"}})
                    root = {"metadata": {"name": "kube-root-ca.crt"}, "data": {"ca.crt": ""}}
                    self._store.create(CONFIG_MAPS, name, root)
                continue
            for row in resources.RESOURCES:
                for document in self._store.select(row, name) if row.namespaced else ():
                    self._store.delete(row, name, document["metadata"]["name"])
            if name not in self._leaving:
                self._leaving.add(name)
                self.namespace_gone(name)

    def namespace_removed(self, name: str) -> None:
        """Forget a namespace that was announced as empty."""
        self._leaving.discard(name)

    def _orphans(self) -> None:
        """Garbage collection: what was owned by something that is no longer there goes too."""
        everything = self._store.everything()
        uids = {document["metadata"]["uid"] for _, document in everything}
        for row, document in everything:
            owners = document["metadata"].get("ownerReferences") or []
            if owners and not any(owner["uid"] in uids for owner in owners):
                metadata = document["metadata"]
                self._store.delete(row, metadata.get("namespace", ""), metadata["name"])

    def _deployments(self) -> None:
        for deployment in self._store.select(DEPLOYMENTS):
            template = deployment["spec"]["template"]
            digest = hashlib.blake2b(json.dumps(template, sort_keys=True).encode(), digest_size=4)
            name = f"{deployment['metadata']['name']}-{digest.hexdigest()}"
            sets = self._owned(SETS, deployment)
            for old in sets:
                if old["metadata"]["name"] != name:
                    self._store.delete(SETS, old["metadata"]["namespace"], old["metadata"]["name"])
            if name not in {each["metadata"]["name"] for each in sets}:
                self._make_set(deployment, name)
            self._scale(deployment, name)
            self._deployment_status(deployment)

    def _make_set(self, deployment: Document, name: str) -> None:
        spec = {key: deployment["spec"][key] for key in ("replicas", "selector", "template")}
        labels = spec["template"]["metadata"].get("labels") or {}
        metadata = {
            "name": name,
            "labels": labels,
            "annotations": {"deployment.kubernetes.io/revision": "1"},
            "ownerReferences": [_owner(deployment)],
        }
        space = deployment["metadata"]["namespace"]
        self._store.create(SETS, space, {"metadata": metadata, "spec": spec})

    def _scale(self, deployment: Document, name: str) -> None:
        """As many pods as asked for, under the ReplicaSet."""
        space = deployment["metadata"]["namespace"]
        owner = self._store.get(SETS, space, name)
        pods = self._owned(PODS, owner)
        for pod in pods[deployment["spec"]["replicas"] :]:
            self._store.delete(PODS, space, pod["metadata"]["name"])
        for _ in range(deployment["spec"]["replicas"] - len(pods)):
            self._make_pod(owner, deployment["metadata"]["name"])

    def _deployment_status(self, deployment: Document) -> None:
        space, name = deployment["metadata"]["namespace"], deployment["metadata"]["name"]
        labels = selectors.text(deployment["spec"]["selector"])
        pods = self._store.select(PODS, space, labels)
        ready = sum(_is_ready(pod) for pod in pods)
        wanted = deployment["spec"]["replicas"]
        available = "True" if ready >= wanted else "False"
        status = {
            "observedGeneration": deployment["metadata"]["generation"],
            "replicas": len(pods),
            "updatedReplicas": len(pods),
            "readyReplicas": ready,
            "availableReplicas": ready,
            "unavailableReplicas": wanted - ready,
            "conditions": [{"type": "Available", "status": available}],
        }
        self._store.update(DEPLOYMENTS, space, name, {"status": status}, status=True)

    def _jobs(self) -> None:
        for job in self._store.select(JOBS):
            if _condition(job) or job["spec"].get("suspend"):
                continue
            space, name = job["metadata"]["namespace"], job["metadata"]["name"]
            pods = self._owned(PODS, job)
            failed = sum(pod["status"].get("phase") == "Failed" for pod in pods)
            succeeded = sum(pod["status"].get("phase") == "Succeeded" for pod in pods)
            status: Document = {
                "startTime": (job.get("status") or {}).get("startTime") or self._store.timestamp(),
                "active": len(pods) - failed - succeeded,
                "failed": failed,
                "succeeded": succeeded,
            }
            if succeeded:
                status["completionTime"] = self._store.timestamp()
                status["conditions"] = [self._ended("Complete", "CompletionsReached")]
            elif failed > job["spec"]["backoffLimit"]:
                status["conditions"] = [self._ended("Failed", "BackoffLimitExceeded")]
            elif len(pods) == failed:
                owners = job["metadata"].get("ownerReferences") or [{"name": name}]
                played = name if name in self.plays else owners[0]["name"]
                self._make_pod(job, played)
                status["active"] = 1
            self._store.update(JOBS, space, name, {"status": status}, status=True)

    def _ended(self, kind: str, reason: str) -> Document:
        now = self._store.timestamp()
        times = {"lastProbeTime": now, "lastTransitionTime": now}
        return {"type": kind, "status": "True", "reason": reason, **times}

    def _make_pod(self, owner: Document, played: str) -> None:
        space, template = owner["metadata"]["namespace"], owner["spec"]["template"]
        account = template["spec"].get("serviceAccountName", "default")
        if not self._store.has(ACCOUNTS, space, account):
            return  # "error looking up service account": tried again when there is one
        written = template.get("metadata") or {}
        metadata = {
            "generateName": f"{owner['metadata']['name']}-",
            "labels": dict(written.get("labels") or {}),
            "annotations": dict(written.get("annotations") or {}) | {"stand-in/play": played},
            "ownerReferences": [_owner(owner)],
        }
        spec = dict(template["spec"]) | {"nodeName": "stand-in"}
        self._store.create(PODS, space, {"metadata": metadata, "spec": spec})

    def _pods(self) -> None:
        for pod in self._store.select(PODS):
            space, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
            status = pod.get("status") or {}
            if status.get("phase") in ("Succeeded", "Failed"):
                continue
            missing = "" if status.get("phase") == "Running" else self._missing(pod)
            now = status.get("startTime") or self._store.timestamp()
            after = _pod_status(pod, self.play_of(pod), missing, now)
            self._store.update(PODS, space, name, {"status": after}, status=True)

    def _missing(self, pod: Document) -> str:
        """The first thing that a pod names and that is not there."""
        space = pod["metadata"]["namespace"]
        for row, name in _named(pod["spec"]):
            if not self._store.has(row, space, name):
                return f'{row.kind.lower()} "{name}" not found'
        return ""

    def _times_to_live(self) -> None:
        now = datetime.fromisoformat(self._store.timestamp().replace("Z", "+00:00"))
        for job in self._store.select(JOBS):
            ended, kept_s = _condition(job), job["spec"].get("ttlSecondsAfterFinished")
            if ended is None or kept_s is None:
                continue
            at = datetime.fromisoformat(ended["lastTransitionTime"].replace("Z", "+00:00"))
            if now >= at + timedelta(seconds=kept_s):
                self._store.delete(JOBS, job["metadata"]["namespace"], job["metadata"]["name"])

    def _owned(self, row: resources.Resource, owner: Document) -> list[Document]:
        return [
            document
            for document in self._store.select(row, owner["metadata"]["namespace"])
            if any(
                each["uid"] == owner["metadata"]["uid"]
                for each in document["metadata"].get("ownerReferences") or []
            )
        ]


def _owner(document: Document) -> Document:
    metadata = document["metadata"]
    return {
        "apiVersion": document["apiVersion"],
        "kind": document["kind"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def _condition(job: Document) -> Document | None:
    """The condition that says how a Job ended."""
    conditions = (job.get("status") or {}).get("conditions") or []
    ended = [each for each in conditions if each["type"] in ("Complete", "Failed")]
    return ended[0] if ended else None


def _is_ready(pod: Document) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _pod_status(pod: Document, play: Play, missing: str, started: str) -> Document:
    """What a pod's status is, by its play."""
    ends = pod["spec"].get("restartPolicy", "Always") != "Always"
    over = not missing and ends and play.exit_code is not None
    ready = not missing and not over and (ends or play.ready)
    if missing:
        state: Document = {"waiting": {"reason": "CreateContainerConfigError", "message": missing}}
    elif over:
        state = {"terminated": {"exitCode": play.exit_code, "startedAt": started}}
        state["terminated"] |= {
            "finishedAt": started,
            "reason": "Error" if play.exit_code else "Completed",
        }
    else:
        state = {"running": {"startedAt": started}}
    phase = "Pending" if missing else "Running"
    if over:
        phase = "Failed" if play.exit_code else "Succeeded"
    return {
        "phase": phase,
        "startTime": started,
        "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        "containerStatuses": [
            {
                "name": container["name"],
                "image": container["image"],
                "imageID": "",
                "ready": ready,
                "restartCount": 0,
                "state": state,
            }
            for container in pod["spec"]["containers"]
        ],
    }


def _named(spec: Document) -> Iterator[tuple[resources.Resource, str]]:
    """What a pod needs before it starts, unless it says that it is optional."""
    for volume in spec.get("volumes") or []:
        yield from _reference(volume, "secret", SECRETS, "secretName")
        yield from _reference(volume, "configMap", CONFIG_MAPS)
        yield from _reference(volume, "persistentVolumeClaim", CLAIMS, "claimName")
    for container in (spec.get("initContainers") or []) + spec["containers"]:
        for variable in container.get("env") or []:
            source = variable.get("valueFrom") or {}
            yield from _reference(source, "secretKeyRef", SECRETS)
            yield from _reference(source, "configMapKeyRef", CONFIG_MAPS)
        for source in container.get("envFrom") or []:
            yield from _reference(source, "secretRef", SECRETS)
            yield from _reference(source, "configMapRef", CONFIG_MAPS)


def _reference(
    holder: Document, key: str, row: resources.Resource, name: str = "name"
) -> Iterator[tuple[resources.Resource, str]]:
    found = holder.get(key)
    if found and not found.get("optional"):
        yield row, found[name]
