"""Manifests turned into what podman is told, so that the very files of k8s/ can be run without a cluster.

Only what the project's manifests use is understood. Anything else is refused by name, for a field that is passed
over in silence would be one that the tests seem to cover. Probes, names of Services and the waiting are in cluster.py.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import yaml

Document: TypeAlias = Any
"""One YAML document; every field is looked at before it is used."""

_POD_FIELDS = {
    "containers", "volumes", "securityContext", "restartPolicy", "serviceAccountName",
    "automountServiceAccountToken", "enableServiceLinks", "terminationGracePeriodSeconds",
}  # fmt: skip
_CONTAINER_FIELDS = {
    "name", "image", "imagePullPolicy", "command", "args", "ports", "env", "resources", "securityContext",
    "volumeMounts", "startupProbe", "livenessProbe", "readinessProbe",
}  # fmt: skip
_POD_SECURITY = {
    "runAsNonRoot", "runAsUser", "runAsGroup", "fsGroup", "fsGroupChangePolicy", "seccompProfile",
}  # fmt: skip
_SECURITY = {"allowPrivilegeEscalation", "readOnlyRootFilesystem", "capabilities"}
_BYTES = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}


class Unsupported(Exception):
    """A manifest says something that these tests do not know how to do."""


class Probe(msgspec.Struct, frozen=True):
    """An HTTP request that a pod is asked by."""

    path: str
    port: int


class Pod(msgspec.Struct, frozen=True):
    """What becomes of one pod template: one container, since ours have one."""

    name: str
    image: str
    command: list[str]
    """Replaces the image's entry point; empty: the image's own."""
    args: list[str]
    environment: dict[str, str]
    flags: list[str]
    """User, rights and limits, in podman's words."""
    memory: dict[str, int]
    """emptyDir: the place, and how many bytes may lie there."""
    files: dict[str, dict[str, str]]
    """ConfigMap: the place, and the files there, which cannot be written."""
    claims: dict[str, str]
    """PersistentVolumeClaim: the place, and the claim's name."""
    group: int
    """Owns what a claim holds."""
    aliases: list[str]
    """Names of the Services that lead here."""
    probes: dict[str, Probe]
    """By kind: startup, liveness, readiness."""
    account: str = ""
    """The service account whose token lies in the pod; empty where none does."""
    grace_seconds: int = 30
    """From SIGTERM to SIGKILL."""


class Manifests:
    """Documents of one namespace, and the values of Secrets, which no file has."""

    def __init__(
        self, documents: Iterable[Document], secrets: Mapping[str, Mapping[str, str]]
    ) -> None:
        self._by_name = {
            (document["kind"], document["metadata"]["name"]): document
            for document in documents
            if document
        }
        self._secrets = secrets

    @classmethod
    def read(cls, paths: Iterable[Path], secrets: Mapping[str, Mapping[str, str]]) -> "Manifests":
        """The documents of these files."""
        texts = [path.read_text(encoding="utf-8") for path in paths]
        return cls((each for text in texts for each in yaml.safe_load_all(text)), secrets)

    def pods(self, image: str) -> list[Pod]:
        """The pod of every Deployment that runs this image."""
        ours = [
            name
            for (kind, name), document in self._by_name.items()
            if kind == "Deployment"
            and document["spec"]["template"]["spec"]["containers"][0]["image"] == image
        ]
        return [self.pod("Deployment", name) for name in sorted(ours)]

    def pod(self, kind: str, name: str) -> Pod:
        """The pod of a Deployment or a Job. Raises Unsupported, KeyError for one that is not there."""
        template = self._by_name[kind, name]["spec"]["template"]
        spec = template["spec"]
        (container,) = spec["containers"]
        _known(f"{name}: pod", spec, _POD_FIELDS)
        _known(f"{name}: container", container, _CONTAINER_FIELDS)
        # The Job controller puts its Job's name on its pods, and on no others.
        own = {"job-name": name} if kind == "Job" else {}
        labels = {**template["metadata"].get("labels", {}), **own}
        mounted = self._mounted(spec, container)
        return Pod(
            name=name,
            image=container["image"],
            command=list(container.get("command", [])),
            args=list(container.get("args", [])),
            environment={
                entry["name"]: self._value(entry, labels) for entry in container.get("env", [])
            },
            flags=[*_security(name, spec, container), *_limits(container)],
            memory={
                place: _bytes(source["emptyDir"].get("sizeLimit", "64Mi"))
                for place, source in mounted.items()
                if "emptyDir" in source
            },
            files={
                place: dict(self._by_name["ConfigMap", source["configMap"]["name"]]["data"])
                for place, source in mounted.items()
                if "configMap" in source
            },
            claims={
                place: source["persistentVolumeClaim"]["claimName"]
                for place, source in mounted.items()
                if "persistentVolumeClaim" in source
            },
            group=int(spec.get("securityContext", {}).get("fsGroup", 0)),
            aliases=self._services(labels, container),
            probes=_probes(container),
            account=self._account(spec),
            grace_seconds=int(spec.get("terminationGracePeriodSeconds", 30)),
        )

    def _account(self, spec: Document) -> str:
        """Whose token is mounted: the pod's word goes before its account's, and with neither it is."""
        name = str(spec.get("serviceAccountName", "default"))
        account = self._by_name.get(("ServiceAccount", name), {})
        mounted = account.get("automountServiceAccountToken", True)
        return name if spec.get("automountServiceAccountToken", mounted) else ""

    def _value(self, entry: Document, labels: Mapping[str, str]) -> str:
        if "value" in entry:
            return str(entry["value"])
        ((kind, source),) = entry["valueFrom"].items()
        if kind == "configMapKeyRef":
            return str(self._by_name["ConfigMap", source["name"]]["data"][source["key"]])
        if kind == "secretKeyRef":
            return self._secrets[source["name"]][source["key"]]
        path = source.get("fieldPath", "")
        if kind == "fieldRef" and path.startswith("metadata.labels['"):
            return labels[path.removeprefix("metadata.labels['").removesuffix("']")]
        raise Unsupported(f"{entry['name']}: valueFrom {kind} {path}")

    def _mounted(self, spec: Document, container: Document) -> dict[str, Document]:
        sources = {volume["name"]: volume for volume in spec.get("volumes", [])}
        mounted = {}
        for mount in container.get("volumeMounts", []):
            _known(f"mount {mount['name']}", mount, {"name", "mountPath", "readOnly"})
            source = sources[mount["name"]]
            _known(
                f"volume {mount['name']}",
                source,
                {"name", "emptyDir", "configMap", "persistentVolumeClaim"},
            )
            _known(f"volume {mount['name']}", source.get("configMap", {}), {"name"})
            mounted[mount["mountPath"]] = source
        return mounted

    def _services(self, labels: Mapping[str, str], container: Document) -> list[str]:
        """Names that lead to the pod; a name leads to its address, so a port may not change on the way."""
        named = {port["name"]: port["containerPort"] for port in container.get("ports", [])}
        found = []
        for (kind, name), document in self._by_name.items():
            selector = document.get("spec", {}).get("selector", {}) if kind == "Service" else None
            if selector and selector.items() <= labels.items():
                found.append(name)
                for port in document["spec"]["ports"]:
                    target = port.get("targetPort", port["port"])
                    if named.get(target, target) != port["port"]:
                        raise Unsupported(f"Service {name}: port {port['port']} leads to {target}")
        return sorted(found)


def _security(name: str, spec: Document, container: Document) -> list[str]:
    """The restrictions that a manifest asks for, each only when it asks."""
    pod, own = spec.get("securityContext", {}), container.get("securityContext", {})
    _known(f"{name}: pod's securityContext", pod, _POD_SECURITY)
    _known(f"{name}: securityContext", own, _SECURITY)
    flags = []
    if "runAsUser" in pod:
        flags.append(f"--user={pod['runAsUser']}:{pod.get('runAsGroup', 0)}")
    if "fsGroup" in pod:
        flags.append(f"--group-add={pod['fsGroup']}")
    if own.get("readOnlyRootFilesystem"):
        flags += ["--read-only", "--read-only-tmpfs=false"]
    if own.get("allowPrivilegeEscalation") is False:
        flags.append("--security-opt=no-new-privileges")
    flags += [
        f"--cap-drop={dropped.lower()}" for dropped in own.get("capabilities", {}).get("drop", [])
    ]
    return flags


def _limits(container: Document) -> list[str]:
    """Limits as podman's; requests are for a scheduler, and there is none."""
    limits = container.get("resources", {}).get("limits", {})
    flags = []
    if "memory" in limits:
        most = _bytes(limits["memory"])
        flags += [f"--memory={most}", f"--memory-swap={most}"]
    if "cpu" in limits:
        cores = str(limits["cpu"])
        flags.append(f"--cpus={int(cores[:-1]) / 1000 if cores.endswith('m') else float(cores)}")
    return flags


def _bytes(quantity: str) -> int:
    return int(quantity[:-2]) * _BYTES[quantity[-2:]]


def _probes(container: Document) -> dict[str, Probe]:
    ports = {port["name"]: port["containerPort"] for port in container.get("ports", [])}
    found = {}
    for kind in ("startup", "liveness", "readiness"):
        if asked := container.get(f"{kind}Probe"):
            if "httpGet" not in asked:
                raise Unsupported(f"{container['name']}: a {kind} probe that is no httpGet")
            port = asked["httpGet"]["port"]
            found[kind] = Probe(path=asked["httpGet"]["path"], port=int(ports.get(port, port)))
    return found


def _known(place: str, given: Mapping[str, Any], known: set[str]) -> None:
    if unknown := sorted(given.keys() - known):
        raise Unsupported(f"{place} says {', '.join(unknown)}")
