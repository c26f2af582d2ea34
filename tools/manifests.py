"""The files of ``k8s/`` as trees that keep their comments: reading, writing, and what several tools ask of them."""

import io
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "k8s"
SMALL = ROOT / "k8s-small"
NAMES = (
    "00-namespace.yaml",
    "namespace.yaml",
    "mock-services.yaml",
    "monitoring.yaml",
    "test-deployment.yaml",
    "test-jobs.yaml",
)
"""Every file that ``kubectl apply -f`` would read, in the order of the document."""
SUFFIXES = {"m": Fraction(1, 1000), "": Fraction(1), "Ki": Fraction(2**10), "Mi": Fraction(2**20)}
SUFFIXES |= {
    "Gi": Fraction(2**30),
    "k": Fraction(10**3),
    "M": Fraction(10**6),
    "G": Fraction(10**9),
}

Tree = Any
"""A Kubernetes object: its schema is judged by the tests, not by types."""


def handler() -> YAML:
    """The reader and writer of one file: it is put back as it was, but for what was changed."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def parse(text: str) -> list[Tree]:
    """The objects of a file."""
    return list(handler().load_all(text))


def render(objects: list[Tree]) -> str:
    """The file of the objects."""
    out = io.StringIO()
    handler().dump_all(objects, out)
    return out.getvalue()


def pod_of(found: Tree) -> Tree | None:
    """The pod template of a workload; None for anything else."""
    match found["kind"]:
        case "Deployment" | "Job":
            return found["spec"]["template"]
        case "CronJob":
            return found["spec"]["jobTemplate"]["spec"]["template"]
        case _:
            return None


def containers(found: Tree) -> Iterator[Tree]:
    """The containers of a workload; none of anything else."""
    pod = pod_of(found)
    if pod is not None:
        yield from pod["spec"].get("initContainers", [])
        yield from pod["spec"]["containers"]


def config_maps_of(pod: Tree) -> set[str]:
    """Names of the ConfigMaps that a pod mounts or takes its environment from."""
    names = {
        volume["configMap"]["name"] for volume in pod["spec"]["volumes"] if "configMap" in volume
    }
    for container in pod["spec"]["containers"]:
        for variable in container.get("env", []):
            source = variable.get("valueFrom", {}).get("configMapKeyRef")
            if source:
                names.add(source["name"])
    return names


def quantity(text: object) -> Fraction:
    """A figure of Kubernetes (``500m``, ``2``, ``1Gi``) in cores or bytes. Raises ValueError for any other text."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([a-zA-Z]*)", str(text))
    if found is None or found.group(2) not in SUFFIXES:
        raise ValueError(f"{text!r} is no quantity that these files use")
    return Fraction(found.group(1)) * SUFFIXES[found.group(2)]


def total(objects: list[Tree], kind: str, resource: str) -> Fraction:
    """The sum over all workloads, each at its full number of pods and all at once: ``total(all, "requests", "cpu")``."""
    return sum(
        (
            quantity(container["resources"][kind][resource]) * pods(found)
            for found in objects
            for container in containers(found)
        ),
        Fraction(0),
    )


def pods(found: Tree) -> int:
    """How many pods a workload has at once: every strategy here is Recreate, so there are never more."""
    if found["kind"] == "Deployment":
        return int(found["spec"]["replicas"])
    return int(pod_of(found) is not None)
