"""The manifests as the tests look at them: the objects of both folders, and lookups that several files of tests share."""

import copy
import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tools import manifests

Object = dict[str, Any]
FOLDERS = {"k8s": manifests.FOLDER, "k8s-small": manifests.SMALL}
OWN_IMAGE = "alys-v2-test-runner:latest"
TOOLS = {"prometheus", "alertmanager", "grafana"}
SECRETS = {
    "test-secrets": {
        "test_bitcoin_private_key",
        "test_ethereum_private_key",
        "bitcoin_rpc_user",
        "bitcoin_rpc_password",
        "engine_jwt_secret",
        "governance_token",
        "admin_token",
        "upload_token",
    },
    "grafana-admin": {"admin-user", "admin-password"},
}
"""What the Job ``generate-secrets`` makes."""


def objects_of(path: Path) -> list[Object]:
    """The objects of one file, as kubectl would read them; the caller's own, to change as it likes."""
    return copy.deepcopy(_parsed(path.read_text(encoding="utf-8")))


@functools.cache
def _parsed(text: str) -> list[Object]:
    return list(yaml.load_all(text, Loader=yaml.CSafeLoader))


def everything(folder: str) -> list[Object]:
    """The objects of all files of a folder; the Namespace, which is there twice, once."""
    found: dict[tuple[str, str], Object] = {}
    for name in manifests.NAMES:
        for one in objects_of(FOLDERS[folder] / name):
            found.setdefault(identity(one), one)
    return list(found.values())


def identity(found: Object) -> tuple[str, str]:
    """Kind and name: all of them live in one namespace."""
    return found["kind"], found["metadata"]["name"]


def of_kind(folder: str, *kinds: str) -> list[Object]:
    """The objects of these kinds."""
    return [found for found in everything(folder) if found["kind"] in kinds]


def workloads(folder: str) -> list[Object]:
    """Everything that makes pods."""
    return [found for found in everything(folder) if manifests.pod_of(found) is not None]


def named(folder: str, kind: str, name: str) -> Object:
    """The one object of that kind and name."""
    return next(found for found in everything(folder) if identity(found) == (kind, name))


def pod(workload: Object) -> Object:
    """The pod that a workload makes: metadata and spec."""
    template = manifests.pod_of(workload)
    assert template is not None
    return dict(template)


def container(workload: Object) -> Object:
    """The one container of a workload."""
    (only,) = manifests.containers(workload)
    return dict(only)


def environment(folder: str, workload: Object) -> dict[str, str]:
    """What a container of it finds in its environment; every secret is 64 digits, as the Job makes them."""
    maps = {found["metadata"]["name"]: found["data"] for found in of_kind(folder, "ConfigMap")}
    given: dict[str, str] = {}
    for variable in container(workload).get("env", []):
        match variable:
            case {"value": str(value)}:
                given[variable["name"]] = value
            case {"valueFrom": {"configMapKeyRef": {"name": name, "key": key}}}:
                given[variable["name"]] = maps[name][key]
            case {"valueFrom": {"secretKeyRef": _}}:
                given[variable["name"]] = "a1" * 32
            case {"valueFrom": {"fieldRef": {"fieldPath": path}}}:
                given[variable["name"]] = path
            case _:
                raise AssertionError(f"not a way to set a variable: {json.dumps(variable)}")
    return given


def selected(labels: dict[str, str], chooser: dict[str, Any]) -> bool:
    """Whether a label selector of Kubernetes chooses these labels; an empty one chooses all."""
    exact = chooser.get("matchLabels", {})
    if any(labels.get(key) != value for key, value in exact.items()):
        return False
    for rule in chooser.get("matchExpressions", []):
        value = labels.get(rule["key"])
        holds = {
            "In": value in rule.get("values", []),
            "NotIn": value not in rule.get("values", []),
            "Exists": value is not None,
            "DoesNotExist": value is None,
        }
        if not holds[rule["operator"]]:
            return False
    return True


def pods_of_service(folder: str, service: Object) -> Iterator[Object]:
    """The workloads whose pods a Service sends to."""
    for workload in workloads(folder):
        labels = pod(workload)["metadata"]["labels"]
        if selected(labels, {"matchLabels": service["spec"]["selector"]}):
            yield workload
