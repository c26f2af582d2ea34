"""Pods of manifests as containers on one network of podman's, without a way out of the machine."""

import contextlib
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from tests.image import containers
from tests.image.pods import Pod, Probe

_BETWEEN_LOOKS_SECONDS = 0.1

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


CREDENTIALS = "/var/run/secrets/kubernetes.io/serviceaccount"


class Api(Protocol):
    """An API server as pods see it."""

    @property
    def host(self) -> str:
        """An address on the pods' network."""
        ...

    @property
    def port(self) -> str:
        """Where it serves HTTPS."""
        ...

    def credentials(self, account: str) -> Path:
        """The folder with token, ca.crt and namespace of a service account."""
        ...


class Cluster:
    """A network, the containers on it, and what lies on their claims."""

    def __init__(self, network: str, folder: Path, image: str) -> None:
        self._network = network
        self._folder = folder
        self._image = image
        self._started: dict[str, str] = {}
        self.api: Api | None = None
        """Where pods that have a token find the API server; None: there is none."""

    def start(self, pod: Pod, **environment: str) -> None:
        """Start the pod's container, as the image under test; ``environment`` goes over the manifest's."""
        name = containers.fresh_name(pod.name)
        given = {**pod.environment, **environment}
        api = self.api if pod.account else None
        if api is not None:
            given |= {"KUBERNETES_SERVICE_HOST": api.host, "KUBERNETES_SERVICE_PORT": api.port}
        words = ["run", "--detach", f"--name={name}", "--pull=never", "--no-healthcheck"]
        words += ["--http-proxy=false", f"--network={self._network}", *pod.flags]
        words += [f"--network-alias={alias}" for alias in pod.aliases]
        words += [f"--env={key}={value}" for key, value in given.items()]
        words += [
            f"--tmpfs={place}:rw,mode=0777,size={size},notmpcopyup"
            for place, size in pod.memory.items()
        ]
        words += [f"--volume={self._written(pod, place)}:{place}:ro" for place in pod.files]
        words += [f"--volume={self.claim(pod, place)}:{place}:rw" for place in pod.claims]
        if api is not None:
            words.append(f"--volume={api.credentials(pod.account)}:{CREDENTIALS}:ro")
        if pod.command:
            words.append(f"--entrypoint={pod.command[0]}")
        self._started[pod.name] = name
        containers.podman(*words, self._image, *pod.command[1:], *pod.args)

    def _written(self, pod: Pod, place: str) -> Path:
        """A folder with the files of a ConfigMap."""
        folder = self._folder / pod.name / place.strip("/")
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in pod.files[place].items():
            (folder / name).write_text(text, encoding="utf-8")
        return folder

    def claim(self, pod: Pod, place: str) -> Path:
        """The folder behind a claim, owned as the kubelet leaves it: root's, written by the pod's group."""
        folder = self._folder / "claims" / pod.claims[place]
        folder.mkdir(parents=True, exist_ok=True)
        os.chown(folder, 0, pod.group)
        folder.chmod(0o2775)
        return folder

    def address(self, pod: Pod) -> str:
        """The container's IP address on the network, for this machine itself."""
        form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        return containers.podman(
            "inspect", "--format", form, self._started[pod.name]
        ).stdout.strip()

    def wait_ready(self, pod: Pod, seconds_max: float) -> None:
        """Ask the startup probe until it is answered, then the readiness probe; a container that ends is an error."""
        asked = [pod.probes[kind] for kind in ("startup", "readiness") if kind in pod.probes]
        for probe in asked:

            def answered(probe: Probe = probe) -> bool:
                assert self.exit_code(pod) is None, f"{pod.name} ended: {self.logs(pod)[-2000:]}"
                return self.ask(pod, probe)

            def what(probe: Probe = probe) -> str:
                return f"{pod.name} to answer {probe.path}; it says {self.logs(pod)[-2000:]}"

            wait_until(answered, what, seconds_max)

    def gateway(self) -> str:
        """This machine's address on the network; there from the first container on."""
        form = "{{range .Subnets}}{{.Gateway}}{{end}}"
        return containers.podman(
            "network", "inspect", "--format", form, self._network
        ).stdout.strip()

    def get(self, pod: Pod, port: int, path: str) -> tuple[int, str]:
        """Status and text of a GET request to the pod, from this machine."""
        try:
            with _DIRECT.open(f"http://{self.address(pod)}:{port}{path}", timeout=5) as answer:
                return int(answer.status), answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def ask(self, pod: Pod, probe: Probe) -> bool:
        """Whether the probe is answered with a status below 400, as the kubelet asks."""
        url = f"http://{self.address(pod)}:{probe.port}{probe.path}"
        try:
            with _DIRECT.open(url, timeout=5) as answer:
                return int(answer.status) < 400
        except (urllib.error.URLError, OSError):
            return False

    def exit_code(self, pod: Pod) -> int | None:
        """How the container ended; None while it runs."""
        form = "{{.State.Status}} {{.State.ExitCode}}"
        said = containers.podman("inspect", "--format", form, self._started[pod.name]).stdout
        status, code = said.split()
        return int(code) if status in ("exited", "stopped") else None

    def run(self, pod: Pod, seconds_max: float, **environment: str) -> int:
        """Start a Job's pod and wait for its end; its exit code."""
        self.start(pod, **environment)
        words = ("wait", "--condition=stopped", self._started[pod.name])
        return int(containers.podman(*words, seconds_max=seconds_max).stdout)

    def stop(self, pod: Pod) -> int:
        """SIGTERM, and after the pod's grace period SIGKILL; how it ended."""
        words = ("stop", f"--time={pod.grace_seconds}", self._started[pod.name])
        containers.podman(*words, seconds_max=pod.grace_seconds + 30)
        code = self.exit_code(pod)
        assert code is not None
        return code

    def logs(self, pod: Pod) -> str:
        """What the container wrote, on both streams."""
        done = containers.podman("logs", self._started[pod.name])
        return done.stdout + done.stderr

    def close(self) -> None:
        """End every container."""
        for name in self._started.values():
            containers.podman("rm", "--force", "--time=0", name, check=False)


@contextlib.contextmanager
def cluster(folder: Path, image: str) -> Iterator[Cluster]:
    """A network that leads nowhere else, with names; taken down with all that is on it."""
    network = containers.fresh_name("network")
    containers.podman("network", "create", "--internal", network)
    made = Cluster(network, folder, image)
    try:
        yield made
    finally:
        made.close()
        containers.podman("network", "rm", "--force", network, check=False)


def wait_until(
    condition: Callable[[], bool], what: str | Callable[[], str], seconds_max: float
) -> None:
    """Look again and again; a failure says what did not come, asked for only then where it is a function."""
    pause = threading.Event()
    for _ in range(int(seconds_max / _BETWEEN_LOOKS_SECONDS)):
        if condition():
            return
        pause.wait(_BETWEEN_LOOKS_SECONDS)
    raise AssertionError(f"waited {seconds_max} s for {what if isinstance(what, str) else what()}")
