"""Rules between fields, and fields that may not change: what the API server refuses with 422 beyond its schema."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.kube.standin.resources import Resource

Document = dict[str, Any]

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_PORT_NAME = re.compile(r"(?=.*[a-z])[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_DATA_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_UNITS = {"": 1.0, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12} | {
    f"{prefix}i": 1024.0 ** (power + 1) for power, prefix in enumerate("KMGT")
}

IMMUTABLE: Mapping[str, tuple[str, ...]] = {
    "Job": ("template", "selector", "completions", "completionMode"),
    "Deployment": ("selector",),
    "PersistentVolumeClaim": ("accessModes", "storageClassName", "volumeName"),
    "Service": ("clusterIP",),
}
"""Fields of ``spec`` that keep the value they were made with."""


def broken(resource: Resource, document: Document) -> Iterator[str]:
    """Each rule that a document breaks."""
    name = str(document["metadata"].get("name") or "")
    form = _LABEL if resource.kind in ("Namespace", "Service") else _SUBDOMAIN
    if not form.fullmatch(name) or len(name) > (63 if form is _LABEL else 253):
        yield f'metadata.name: Invalid value: "{name}": a lowercase RFC 1123 name is needed'
    for key, value in (document["metadata"].get("labels") or {}).items():
        if not _LABEL_VALUE.fullmatch(value) or len(value) > 63:
            yield f'metadata.labels: Invalid value: "{value}": of {key}, a valid label is needed'
    yield from _OF_KIND.get(resource.kind, _nothing)(document)


def changed(resource: Resource, before: Document, after: Document) -> Iterator[str]:
    """Each field that may not change and did."""
    for field in IMMUTABLE.get(resource.kind, ()):
        old, new = (before.get("spec") or {}).get(field), (after.get("spec") or {}).get(field)
        if old != new and old is not None:
            yield f"spec.{field}: Invalid value: field is immutable"
    if (
        resource.kind in ("RoleBinding", "ClusterRoleBinding")
        and before["roleRef"] != after["roleRef"]
    ):
        yield "roleRef: Invalid value: cannot change roleRef"
    if before.get("immutable") and before.get("data") != after.get("data"):
        yield "data: Forbidden: field is immutable when `immutable` is set"


def _nothing(_document: Document) -> Iterator[str]:
    return iter(())


def _deployment(document: Document) -> Iterator[str]:
    spec = document["spec"]
    labels = (spec["template"].get("metadata") or {}).get("labels") or {}
    wanted = spec["selector"].get("matchLabels") or {}
    if not wanted.items() <= labels.items() or not wanted:
        yield f"spec.template.metadata.labels: Invalid value: {labels}: `selector` does not match template `labels`"
    yield from _pod(spec["template"].get("spec") or {}, "spec.template.spec")
    if spec["template"].get("spec", {}).get("restartPolicy", "Always") != "Always":
        yield 'spec.template.spec.restartPolicy: Unsupported value: supported values: "Always"'


def _job(document: Document) -> Iterator[str]:
    yield from _job_spec(document.get("spec") or {}, "spec")


def _job_spec(spec: Document, path: str) -> Iterator[str]:
    pod = spec["template"].get("spec") or {}
    if pod.get("restartPolicy") not in ("Never", "OnFailure"):
        yield f'{path}.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'
    if spec.get("podFailurePolicy") and pod.get("restartPolicy") != "Never":
        yield f'{path}.template.spec.restartPolicy: Invalid value: only "Never" is supported when podFailurePolicy is specified'
    yield from _pod(pod, f"{path}.template.spec")


def _cron_job(document: Document) -> Iterator[str]:
    spec = document["spec"]
    if len(spec["schedule"].split()) != 5 and not spec["schedule"].startswith("@"):
        yield f'spec.schedule: Invalid value: "{spec["schedule"]}": expected exactly 5 fields'
    if len(document["metadata"].get("name") or "") > 52:
        yield "metadata.name: Invalid value: must be no more than 52 characters"
    yield from _job_spec(spec["jobTemplate"].get("spec") or {}, "spec.jobTemplate.spec")


def _plain_pod(document: Document) -> Iterator[str]:
    yield from _pod(document.get("spec") or {}, "spec")


def _pod(spec: Document, path: str) -> Iterator[str]:
    volumes = {volume["name"] for volume in spec.get("volumes") or []}
    if not spec.get("containers"):
        yield f"{path}.containers: Required value"
    named: set[str] = set()
    for field in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(field) or []):
            place = f"{path}.{field}[{index}]"
            if container["name"] in named:
                yield f'{place}.name: Duplicate value: "{container["name"]}"'
            named.add(container["name"])
            yield from _container(container, volumes, place)


def _container(container: Document, volumes: set[str], place: str) -> Iterator[str]:
    if not container.get("image"):
        yield f"{place}.image: Required value"
    for index, mount in enumerate(container.get("volumeMounts") or []):
        if mount["name"] not in volumes:
            yield f'{place}.volumeMounts[{index}].name: Not found: "{mount["name"]}"'
    for index, port in enumerate(container.get("ports") or []):
        if port.get("name") and (not _PORT_NAME.fullmatch(port["name"]) or len(port["name"]) > 15):
            yield f'{place}.ports[{index}].name: Invalid value: "{port["name"]}": must be no more than 15 characters'
    resources = container.get("resources") or {}
    for what, asked in (resources.get("requests") or {}).items():
        limit = (resources.get("limits") or {}).get(what)
        if limit is not None and quantity(asked) > quantity(limit):
            yield f'{place}.resources.requests: Invalid value: "{asked}": must be less than or equal to {what} limit of {limit}'
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        ways = {"exec", "httpGet", "tcpSocket", "grpc"} & set(container.get(probe) or {})
        if container.get(probe) and len(ways) != 1:
            yield f"{place}.{probe}: Required value: must specify exactly one handler type"


def quantity(text: object) -> float:
    """``500m``, ``1Gi``: as a number; raises ValueError."""
    found = re.fullmatch(r"([0-9.]+)([a-zA-Z]*)", str(text))
    if found is None or found.group(2) not in _UNITS:
        raise ValueError(f"{text!r} is no quantity")
    return float(found.group(1)) * _UNITS[found.group(2)]


def _service(document: Document) -> Iterator[str]:
    ports = (document.get("spec") or {}).get("ports") or []
    names = [port.get("name", "") for port in ports]
    if not ports and (document.get("spec") or {}).get("type") != "ExternalName":
        yield "spec.ports: Required value"
    if len(ports) > 1 and not all(names):
        yield f"spec.ports[{names.index('')}].name: Required value"
    if len(set(names)) != len(names):
        yield "spec.ports: Duplicate value"


def _data(document: Document) -> Iterator[str]:
    for key in (document.get("data") or {}) | (document.get("stringData") or {}):
        if not _DATA_KEY.fullmatch(key):
            yield f'data[{key}]: Invalid value: "{key}": a valid config key is needed'


def _lease(document: Document) -> Iterator[str]:
    spec = document.get("spec") or {}
    if spec.get("leaseDurationSeconds") is not None and spec["leaseDurationSeconds"] <= 0:
        yield "spec.leaseDurationSeconds: Invalid value: must be greater than 0"
    for field in ("acquireTime", "renewTime"):
        # Go parses a MicroTime with exactly six digits; Python leaves them out when they are zero.
        if spec.get(field) and not re.fullmatch(r"[-0-9]+T[0-9:]+\.\d{6}Z", spec[field]):
            yield f'spec.{field}: Invalid value: parsing time "{spec[field]}" as RFC 3339 with microseconds'


_OF_KIND = {
    "Deployment": _deployment,
    "Job": _job,
    "CronJob": _cron_job,
    "Pod": _plain_pod,
    "Service": _service,
    "ConfigMap": _data,
    "Secret": _data,
    "Lease": _lease,
}
