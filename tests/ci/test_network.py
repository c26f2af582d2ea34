"""The examples' way to try the table of the policies, and that it is red for each pair that is not as in the table."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from examples.ci import network

PAGE = """
## Who may talk to whom

| from | to | ports |
|---|---|---|
| `alys-test-job` | `mock-governance` | 50051, 9101 |
| `prometheus` | `mock-governance` | 9100 |
| `alys-test-job` | `alys-v2-test-runner` | 8080 |

## Another

| `a` | `b` | 1 |
"""
ROWS = list(network.table(PAGE))


def test_each_port_of_each_service_is_a_row() -> None:
    nodes = [f"mock-governance-{number}" for number in (1, 2, 3)]
    wanted = {(node, port) for node in nodes for port in (50051, 9101, 9100)}
    assert {(row.host, row.port) for row in ROWS} == wanted | {
        ("alys-v2-test-runner-service", 8080)
    }
    assert {row.sources for row in ROWS if row.port == 9100} == {frozenset({"prometheus"})}


def test_every_end_is_a_source_and_so_is_a_stranger() -> None:
    known = ["alys-test-job", "alys-v2-test-runner", "debug", "mock-governance", "prometheus"]
    assert network.sources(ROWS) == known


def test_a_page_without_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match="no table"):
        list(network.table("## Elsewhere\n"))


class Cluster:
    """A kubectl whose pods find what the rows say, but for what is broken."""

    def __init__(self, broken: tuple[str, str, int] | None = None) -> None:
        self._broken = broken
        self._said = ""
        self.pods = 0

    def __call__(self, words: Sequence[str], stdin: str) -> str:
        if words[0] == "create":
            self.pods += 1
            pod = json.loads(stdin)
            label = pod["metadata"]["labels"]["app"]
            rows = json.loads(pod["spec"]["containers"][0]["command"][3])
            answers = [
                [host, port, open_ != ((label, host, port) == self._broken)]
                for host, port, open_ in rows
            ]
            self._said = json.dumps(answers)
        return self._said if words[0] == "logs" else ""


def run(folder: Path, cluster: Cluster) -> int:
    page = folder / "page.md"
    page.write_text(PAGE)
    return network.main([str(page)], cluster)


def test_all_as_in_the_table_is_green(tmp_path: Path) -> None:
    cluster = Cluster()
    assert run(tmp_path, cluster) == 0
    assert cluster.pods == 5


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (("debug", "mock-governance-2", 9101), "debug reaches mock-governance-2:9101"),
        (
            ("prometheus", "mock-governance-1", 9100),
            "prometheus does not reach mock-governance-1:9100",
        ),
    ],
)
def test_one_pair_that_is_not_as_in_the_table_is_red(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], broken: tuple[str, str, int], said: str
) -> None:
    assert run(tmp_path, Cluster(broken)) == 1
    assert capsys.readouterr().out == said + "\n"


def test_the_pod_that_tries_is_allowed_by_restricted_pod_security_and_gets_no_traffic() -> None:
    spec = network.pod("try-x", "x", "image", [])["spec"]
    (container,) = spec["containers"]
    own = container["securityContext"]
    assert own["capabilities"] == {"drop": ["ALL"]}
    assert (own["allowPrivilegeEscalation"], own["readOnlyRootFilesystem"]) == (False, True)
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["readinessGates"] == [{"conditionType": "alys.test/never"}]
