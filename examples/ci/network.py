"""Try in a cluster that everything may talk to what the table of docs/how-to/kubernetes.md says, and to nothing else.

    python3 examples/ci/network.py docs/how-to/kubernetes.md --image alys-v2-test-runner:latest

A pod is started with the labels of each end in turn, since that is all that policies go by, and tries every port of
the table from there. A port that some pod must reach and does reach is open for certain, so that it is closed to
another is the policies' doing. A pod's policies may take effect some seconds after its start: a wrong answer is asked
for again for half a minute. The pods never become Ready, so that no Service sends them anything. Exit code 0 when
all is as in the table, 1 with a line for each pair that is not, 3 when it could not be tried.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

NAMESPACE = "alys-v2-testing"
HEADING = "## Who may talk to whom"
STRANGER = "debug"
"""A label that no policy knows."""

SERVICES = {
    "mock-governance": ("mock-governance-1", "mock-governance-2", "mock-governance-3"),
    "alys-v2-test-runner": ("alys-v2-test-runner-service",),
}
"""Names that lead to the pods of a label, where they are not the label itself."""

TRY = """
import concurrent.futures, json, socket, sys, time

def open_(host, port):
    try:
        socket.create_connection((host, port), timeout=3).close()
    except OSError:
        return False
    return True

def settled(row):
    host, port, wanted = row
    deadline = time.monotonic() + 30
    while (found := open_(host, port)) != wanted and time.monotonic() < deadline:
        time.sleep(1)
    return [host, port, found]

rows = json.loads(sys.argv[1])
with concurrent.futures.ThreadPoolExecutor(len(rows)) as pool:
    print(json.dumps(list(pool.map(settled, rows))))
"""

Kubectl = Callable[[Sequence[str], str], str]


class Row(NamedTuple):
    """One port of one Service, and who may reach it."""

    host: str
    port: int
    sources: frozenset[str]


def main(arguments: Sequence[str], kubectl: Kubectl | None = None) -> int:
    """Try all, say what is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("page", type=Path)
    parser.add_argument("--image", default="alys-v2-test-runner:latest")
    given = parser.parse_args(arguments)
    rows = list(table(given.page.read_text(encoding="utf-8")))
    ask = kubectl or real_kubectl
    try:
        wrong = [line for source in sources(rows) for line in tried(ask, source, rows, given.image)]
    except subprocess.CalledProcessError as error:
        print(f"network: {' '.join(error.cmd)}: {error.stderr}", file=sys.stderr)
        return 3
    print(
        "\n".join(wrong)
        or f"network: {len(sources(rows))} pods, {len(rows)} ports, as in the table"
    )
    return 1 if wrong else 0


def table(page: str) -> Iterator[Row]:
    """The rows of the page, one for each port of each Service. Raises ValueError when there are none."""
    section = page.partition(HEADING)[2].partition("\n## ")[0]
    found: dict[tuple[str, int], set[str]] = {}
    for source, target, ports in re.findall(
        r"^\| `(.+?)` \| `(.+?)` \| ([\d, ]+) \|$", section, re.M
    ):
        for port in ports.split(","):
            for host in SERVICES.get(target, (target,)):
                found.setdefault((host, int(port)), set()).add(source)
    if not found:
        raise ValueError(f"no table under {HEADING!r}")
    for (host, port), allowed in found.items():
        yield Row(host, port, frozenset(allowed))


def sources(rows: Sequence[Row]) -> list[str]:
    """Every label that stands at either end, and one that stands at none."""
    back = {service: label for label, services in SERVICES.items() for service in services}
    targets = {back.get(row.host, row.host) for row in rows}
    return sorted({STRANGER, *targets}.union(*(row.sources for row in rows)))


def tried(kubectl: Kubectl, source: str, rows: Sequence[Row], image: str) -> Iterator[str]:
    """What is not as in the table, from a pod with this label."""
    wanted = {(row.host, row.port): source in row.sources for row in rows}
    name = f"try-{source}"
    words = [[host, port, open_] for (host, port), open_ in wanted.items()]
    kubectl(["delete", "pod", name, "--ignore-not-found", "--wait"], "")
    kubectl(["create", "--filename=-"], json.dumps(pod(name, source, image, words)))
    try:
        phase = "--for=jsonpath={.status.phase}=Succeeded"
        kubectl(["wait", phase, f"pod/{name}", "--timeout=180s"], "")
        said = json.loads(kubectl(["logs", name], ""))
    finally:
        kubectl(["delete", "pod", name, "--ignore-not-found", "--wait=false"], "")
    for host, port, found in said:
        if found != wanted[host, port]:
            yield f"{source} {'reaches' if found else 'does not reach'} {host}:{port}"


def pod(name: str, label: str, image: str, words: Any) -> Any:
    """A pod that tries once, within what restricted Pod Security allows."""
    own = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    container = {
        "name": "try",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-c", TRY, json.dumps(words)],
        "securityContext": own,
        "resources": {"limits": {"cpu": "200m", "memory": "128Mi"}},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": label}},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "readinessGates": [{"conditionType": "alys.test/never"}],
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
        },
    }


def real_kubectl(words: Sequence[str], stdin: str) -> str:
    """The kubectl on the path."""
    command = ["kubectl", "--namespace", NAMESPACE, *words]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=True)
    return done.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
