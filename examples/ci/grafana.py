"""Ask a running Grafana, through its own API, whether it has loaded every dashboard and reaches its Prometheus.

    kubectl port-forward -n alys-v2-testing service/grafana 3000 &
    kubectl get secret grafana-admin -n alys-v2-testing -o jsonpath='{.data.admin-password}' | base64 -d |
      python3 examples/ci/grafana.py http://127.0.0.1:3000 k8s/monitoring/dashboards

The password comes on standard input, so that no list of processes shows it. Waits a minute for Grafana to answer. Exit
code 0, or 1 with a line for each thing that is missing.
"""

from __future__ import annotations

import base64
import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

PATIENCE_SECONDS = 60.0
DATASOURCE = "alys-prometheus"


def main(arguments: Sequence[str], password: str, patience: float = PATIENCE_SECONDS) -> int:
    """Print what is missing."""
    if len(arguments) != 2:
        print("usage: python3 examples/ci/grafana.py URL FOLDER < password", file=sys.stderr)
        return 2
    url, folder = arguments
    boards = [
        json.loads(path.read_text(encoding="utf-8")) for path in sorted(Path(folder).glob("*.json"))
    ]
    if not boards:
        print(f"grafana: {folder} has no dashboards", file=sys.stderr)
        return 2
    grafana = Grafana(url.rstrip("/"), password.strip(), patience)
    missing = list(findings(grafana, boards))
    print("\n".join(missing) or f"grafana: {len(boards)} dashboards loaded, Prometheus answers")
    return 1 if missing else 0


class Grafana:
    """Its API, as the administrator."""

    def __init__(self, url: str, password: str, patience: float) -> None:
        self._url = url
        self._header = base64.b64encode(f"admin:{password}".encode()).decode()
        self._deadline = time.monotonic() + patience

    def get(self, path: str) -> Any:
        """The answer as JSON, or the error as text; asked again while Grafana does not answer at all."""
        request = urllib.request.Request(
            self._url + path, headers={"Authorization": f"Basic {self._header}"}
        )
        while True:
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                return f"HTTP {error.code}"
            except OSError as error:
                if time.monotonic() > self._deadline:
                    return str(error)
            time.sleep(0.5)


def findings(grafana: Grafana, boards: Sequence[Any]) -> Iterator[str]:
    """What is not as it should be."""
    for board in boards:
        loaded = grafana.get(f"/api/dashboards/uid/{board['uid']}")
        if isinstance(loaded, str):
            yield f"dashboard {board['title']}: {loaded}"
        elif len(loaded["dashboard"]["panels"]) != len(board["panels"]):
            yield f"dashboard {board['title']}: has {len(loaded['dashboard']['panels'])} panels of {len(board['panels'])}"
    health = grafana.get(f"/api/datasources/uid/{DATASOURCE}/health")
    if isinstance(health, str) or health.get("status") != "OK":
        yield f"datasource {DATASOURCE}: {health}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], sys.stdin.read()))
