"""What is stored, and the rules of writing it: names, namespaces, resource versions, what may not change, who hears of it."""

import asyncio
import base64
import copy
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.kube.standin import resources, rules, schemas, selectors
from tests.kube.standin.errors import Refused
from tests.kube.standin.resources import Resource

Document = dict[str, Any]
Place = tuple[str, str]
"""Namespace (empty for what has none) and name."""

NAMESPACES = resources.of_kind("v1", "Namespace")
GENERATED = "bcdfghjklmnpqrstvwxz2456789"


class Store:
    """All objects, and the log of their changes. Used from one event loop.

    A stored document is never changed, only replaced by another: what is read here is to be looked at.
    """

    def __init__(self) -> None:
        self._objects: dict[Resource, dict[Place, Document]] = {
            row: {} for row in resources.RESOURCES
        }
        self._counter = itertools.count(1)
        self.revision = 1
        self.log: list[tuple[int, Resource, str, Document]] = []
        self.changed = asyncio.Event()
        self.offset_s = 0.0
        self._settling = False
        self.settle: Callable[[], bool] = lambda: False
        """One round of the controllers; tells whether it changed anything."""

    # Reading

    def get(self, row: Resource, namespace: str, name: str) -> Document:
        """An object; Refused (404) where there is none."""
        found = self._objects[row].get((namespace, name))
        if found is None:
            raise Refused(404, "NotFound", f'{row.qualified} "{name}" not found')
        return found

    def has(self, row: Resource, namespace: str, name: str) -> bool:
        """Whether there is such an object."""
        return (namespace, name) in self._objects[row]

    def select(
        self, row: Resource, namespace: str = "", labels: str = "", fields: str = ""
    ) -> list[Document]:
        """All that match, in order of their names; of all namespaces where none is given."""
        return [
            document
            for (space, _), document in sorted(self._objects[row].items())
            if (not namespace or space == namespace) and selectors.matches(document, labels, fields)
        ]

    def everything(self) -> list[tuple[Resource, Document]]:
        """Every object there is."""
        return [
            (row, self._objects[row][place])
            for row in self._objects
            for place in sorted(self._objects[row])
        ]

    def timestamp(self, *, later_s: float = 0.0) -> str:
        """Now, by the stand-in's clock, as Kubernetes writes it."""
        now = datetime.now(UTC) + timedelta(seconds=self.offset_s + later_s)
        return now.strftime("%Y-%m-%dT%H:%M:%SZ")

    # Writing

    def create(
        self, row: Resource, namespace: str, document: Document, *, dry: bool = False
    ) -> Document:
        """Store a new object; the object as it was stored."""
        document = copy.deepcopy(document)
        document |= {"apiVersion": row.api_version, "kind": row.kind}
        metadata = document.setdefault("metadata", {})
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"] + self._suffix()
        self._place(row, namespace, metadata)
        schemas.check(row, document)
        if self.has(row, namespace, metadata["name"]):
            raise Refused(
                409, "AlreadyExists", f'{row.qualified} "{metadata["name"]}" already exists'
            )
        metadata.pop("resourceVersion", None)
        uid = f"{next(self._counter):08x}-0000-4000-8000-000000000000"
        metadata |= {"uid": uid, "creationTimestamp": self.timestamp(), "generation": 1}
        _defaults(row, document)
        return self._put(row, "ADDED", document, dry=dry)

    def update(
        self,
        row: Resource,
        namespace: str,
        name: str,
        document: Document,
        *,
        status: bool = False,
        dry: bool = False,
    ) -> Document:
        """Store an object anew; ``status`` changes that part alone, otherwise that part is kept."""
        before = self.get(row, namespace, name)
        document = copy.deepcopy(document)
        metadata = document.setdefault("metadata", {})
        self._refuse_stale(row, before, metadata)
        if status:  # written by controllers: ours are trusted
            document = before | {"status": document.get("status", {})}
        else:
            _keep(row, before, document)
            schemas.check(row, document)
        causes = list(rules.changed(row, before, document))
        if causes:
            raise schemas.invalid(row, document, causes)
        if document.get("spec") != before.get("spec"):
            document["metadata"]["generation"] = before["metadata"].get("generation", 1) + 1
        if document == before:
            return before
        return self._put(row, "MODIFIED", document, dry=dry)

    def delete(
        self,
        row: Resource,
        namespace: str,
        name: str,
        propagation: str = "Background",
        *,
        dry: bool = False,
    ) -> Document:
        """Remove an object, its dependents with it or left alone; a namespace goes when it is empty, a while later."""
        document = self.get(row, namespace, name)
        if dry:
            return document
        if row is NAMESPACES:
            return self._terminate(document)
        if propagation == "Orphan":
            self._orphan(document["metadata"]["uid"])
        del self._objects[row][namespace, name]
        self._record(row, "DELETED", document)
        self.run_controllers()
        return document

    def remove_namespace(self, name: str) -> None:
        """The end of a namespace that is Terminating and empty."""
        document = self._objects[NAMESPACES].pop(("", name))
        self._record(NAMESPACES, "DELETED", document)

    def run_controllers(self) -> None:
        """Let the controllers act until nothing changes any more; what they write does not call them again."""
        if self._settling:
            return
        self._settling = True
        try:
            for _ in range(100):
                if not self.settle():
                    return
            raise AssertionError("the controllers of the stand-in never come to rest")
        finally:
            self._settling = False

    def wake(self) -> None:
        """Let everybody who waits for a change look again."""
        self.changed.set()
        self.changed = asyncio.Event()

    def _put(self, row: Resource, change: str, document: Document, *, dry: bool) -> Document:
        if dry:
            return document
        metadata = document["metadata"]
        stored = self._record(row, change, document)
        self._objects[row][metadata.get("namespace", ""), metadata["name"]] = stored
        self.run_controllers()
        return stored

    def _record(self, row: Resource, change: str, document: Document) -> Document:
        """Put a change into the log; the document with its new version."""
        self.revision += 1
        metadata = document["metadata"] | {"resourceVersion": str(self.revision)}
        recorded = document | {"metadata": metadata}
        self.log.append((self.revision, row, change, recorded))
        self.wake()
        return recorded

    def _place(self, row: Resource, namespace: str, metadata: Document) -> None:
        """Check where a new object goes."""
        if not row.namespaced:
            return
        said = metadata.setdefault("namespace", namespace)
        if said != namespace:
            raise Refused(
                400,
                "BadRequest",
                f"the namespace of the provided object does not match the namespace sent on the request: {said}",
            )
        space = self._objects[NAMESPACES].get(("", namespace))
        if space is None:
            raise Refused(404, "NotFound", f'namespaces "{namespace}" not found')
        if space["metadata"].get("deletionTimestamp"):
            raise Refused(
                403,
                "Forbidden",
                f'{row.qualified} "{metadata.get("name")}" is forbidden: unable to create new content in namespace'
                f" {namespace} because it is being terminated",
            )

    def _refuse_stale(self, row: Resource, before: Document, metadata: Document) -> None:
        name = before["metadata"]["name"]
        wanted, there = metadata.get("resourceVersion"), before["metadata"]["resourceVersion"]
        if wanted and wanted != there:
            raise Refused(
                409,
                "Conflict",
                f'Operation cannot be fulfilled on {row.qualified} "{name}": the object has been modified; please'
                " apply your changes to the latest version and try again",
            )
        uid = metadata.get("uid")
        if uid and uid != before["metadata"]["uid"]:
            raise Refused(
                409,
                "Conflict",
                f'Operation cannot be fulfilled on {row.qualified} "{name}": Precondition failed: UID in precondition:'
                f" {uid}, UID in object meta: {before['metadata']['uid']}",
            )

    def _terminate(self, document: Document) -> Document:
        if document["metadata"].get("deletionTimestamp"):
            return document
        metadata = document["metadata"] | {"deletionTimestamp": self.timestamp()}
        ending = document | {"metadata": metadata, "status": {"phase": "Terminating"}}
        return self._put(NAMESPACES, "MODIFIED", ending, dry=False)

    def _orphan(self, uid: str) -> None:
        for row, document in self.everything():
            owners = document["metadata"].get("ownerReferences") or []
            kept = [owner for owner in owners if owner["uid"] != uid]
            if kept != owners:
                metadata = document["metadata"] | {"ownerReferences": kept}
                self._put(row, "MODIFIED", document | {"metadata": metadata}, dry=False)

    def _suffix(self) -> str:
        number, text = next(self._counter) * 7919, ""
        for _ in range(5):
            number, digit = divmod(number, len(GENERATED))
            text += GENERATED[digit]
        return text


def _keep(row: Resource, before: Document, document: Document) -> None:
    """Carry over what a writer cannot change: identity, and the status where it has an address of its own."""
    metadata, old = document["metadata"], before["metadata"]
    for key in ("uid", "creationTimestamp", "generation", "namespace", "name", "deletionTimestamp"):
        if key in old:
            metadata[key] = old[key]
    metadata["resourceVersion"] = old["resourceVersion"]
    document |= {"apiVersion": row.api_version, "kind": row.kind}
    if "status" in row.subresources and "status" in before:
        document["status"] = before["status"]
    _defaults(row, document)


def _defaults(row: Resource, document: Document) -> None:
    """The few defaults that commands and controllers read."""
    metadata, spec = document["metadata"], document.get("spec") or {}
    match row.kind:
        case "Namespace":
            document.setdefault("status", {"phase": "Active"})
            document.setdefault("spec", {"finalizers": ["kubernetes"]})
            labels = metadata.setdefault("labels", {})
            labels["kubernetes.io/metadata.name"] = metadata["name"]
        case "Secret":
            document.setdefault("type", "Opaque")
            for key, text in (document.pop("stringData", None) or {}).items():
                encoded = base64.b64encode(text.encode()).decode()
                document.setdefault("data", {})[key] = encoded
        case "Deployment":
            spec.setdefault("replicas", 1)
            spec.setdefault("strategy", {"type": "RollingUpdate"})
        case "Service":
            spec.setdefault("type", "ClusterIP")
            spec.setdefault("clusterIP", "10.96.0.10")
        case "CronJob":
            spec.setdefault("suspend", False)
            spec.setdefault("concurrencyPolicy", "Allow")
        case "Job":
            _job_defaults(metadata, spec)
        case _:
            pass


def _job_defaults(metadata: Document, spec: Document) -> None:
    for key, value in (("backoffLimit", 6), ("completions", 1), ("parallelism", 1)):
        spec.setdefault(key, value)
    labels = {"batch.kubernetes.io/controller-uid": metadata["uid"]}
    spec.setdefault("selector", {"matchLabels": labels})
    added = labels | {
        "batch.kubernetes.io/job-name": metadata["name"],
        "job-name": metadata["name"],
    }
    template = spec["template"].setdefault("metadata", {})
    template["labels"] = (template.get("labels") or {}) | added
