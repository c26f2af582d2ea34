"""What the stand-in serves: one row for each resource, as discovery tells it."""

import dataclasses
from collections.abc import Iterator


@dataclasses.dataclass(frozen=True)
class Resource:
    """One kind of object and the place of its collection."""

    group: str
    version: str
    plural: str
    kind: str
    short: tuple[str, ...] = ()
    namespaced: bool = True
    categories: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    definition: str = ""
    """Its name in the schemas of Kubernetes."""

    @property
    def api_version(self) -> str:
        """``v1``, ``apps/v1``."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """``pods``, ``jobs.batch``: as error messages have it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


def _core(plural: str, kind: str, *short: str, **more: object) -> Resource:
    return Resource("", "v1", plural, kind, short, definition=f"io.k8s.api.core.v1.{kind}", **more)  # type: ignore[arg-type]


def _of(group: str, plural: str, kind: str, *short: str, **more: object) -> Resource:
    definition = (
        f"io.k8s.api.{group.removesuffix('.k8s.io').removesuffix('.authorization')}.v1.{kind}"
    )
    return Resource(group, "v1", plural, kind, short, definition=definition, **more)  # type: ignore[arg-type]


_ALL = {"categories": ("all",)}

RESOURCES: tuple[Resource, ...] = (
    _core("namespaces", "Namespace", "ns", namespaced=False, subresources=("status", "finalize")),
    _core("nodes", "Node", "no", namespaced=False),
    _core("pods", "Pod", "po", subresources=("log", "status", "attach"), **_ALL),
    _core("services", "Service", "svc", **_ALL),
    _core("configmaps", "ConfigMap", "cm"),
    _core("secrets", "Secret"),
    _core("serviceaccounts", "ServiceAccount", "sa"),
    _core("persistentvolumeclaims", "PersistentVolumeClaim", "pvc"),
    _core("resourcequotas", "ResourceQuota", "quota"),
    _core("limitranges", "LimitRange", "limits"),
    _core("endpoints", "Endpoints", "ep"),
    _core("events", "Event", "ev"),
    _of("apps", "deployments", "Deployment", "deploy", subresources=("status", "scale"), **_ALL),
    _of("apps", "replicasets", "ReplicaSet", "rs", subresources=("status", "scale"), **_ALL),
    _of("batch", "jobs", "Job", subresources=("status",), **_ALL),
    _of("batch", "cronjobs", "CronJob", "cj", subresources=("status",), **_ALL),
    _of("coordination.k8s.io", "leases", "Lease"),
    _of("discovery.k8s.io", "endpointslices", "EndpointSlice"),
    _of("networking.k8s.io", "networkpolicies", "NetworkPolicy", "netpol"),
    _of("policy", "poddisruptionbudgets", "PodDisruptionBudget", "pdb"),
    _of("rbac.authorization.k8s.io", "roles", "Role"),
    _of("rbac.authorization.k8s.io", "rolebindings", "RoleBinding"),
    _of("rbac.authorization.k8s.io", "clusterroles", "ClusterRole", namespaced=False),
    _of("rbac.authorization.k8s.io", "clusterrolebindings", "ClusterRoleBinding", namespaced=False),
    _of("scheduling.k8s.io", "priorityclasses", "PriorityClass", "pc", namespaced=False),
)

VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]

_BY_PLACE = {(row.group, row.version, row.plural): row for row in RESOURCES}
_BY_KIND = {(row.api_version, row.kind): row for row in RESOURCES}


def find(group: str, version: str, plural: str) -> Resource | None:
    """The row of a place, if it is served."""
    return _BY_PLACE.get((group, version, plural))


def of_kind(api_version: str, kind: str) -> Resource:
    """The row of a kind; raises KeyError where it is not served."""
    return _BY_KIND[api_version, kind]


def groups() -> list[tuple[str, str]]:
    """The named groups with their version, in order."""
    return sorted({(row.group, row.version) for row in RESOURCES if row.group})


def listing(group: str, version: str) -> dict[str, object]:
    """Discovery of one group version (an ``APIResourceList``)."""
    rows = [row for row in RESOURCES if (row.group, row.version) == (group, version)]
    place = f"{group}/{version}" if group else version
    entries = [entry for row in rows for entry in _entries(row)]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": place,
        "resources": entries,
    }


def _entries(row: Resource) -> Iterator[dict[str, object]]:
    main: dict[str, object] = {
        "name": row.plural,
        "singularName": row.kind.lower(),
        "namespaced": row.namespaced,
        "kind": row.kind,
        "verbs": VERBS,
    }
    if row.short:
        main["shortNames"] = list(row.short)
    if row.categories:
        main["categories"] = list(row.categories)
    yield main
    for name in row.subresources:
        yield {
            "name": f"{row.plural}/{name}",
            "singularName": "",
            "namespaced": row.namespaced,
            "kind": row.kind,
            "verbs": ["get", "patch", "update"],
        }
