"""Every judgement of the doctor, exactly: each check is seen ok and seen wrong."""

import msgspec
import pytest

from alys.base.seen import Cluster, Machine, Pod, Seen, Target, Trouble
from alys.config.settings import Settings
from alys.report.doctor import Finding, State
from alys.runner import diagnosis

MIB = 1024 * 1024
WELL = Machine(
    folder_problem="",
    disk_free_bytes=256 * MIB,
    memory_bytes=512 * MIB,
    cpu_cores=1.0,
    ports_taken={},
)
SPACE = "alys-v2-testing"


def told(findings: list[Finding]) -> list[tuple[str, str, str]]:
    return [(finding.check, finding.state.value, finding.what) for finding in findings]


def test_a_machine_that_has_just_enough_is_ok() -> None:
    assert told(diagnosis.machine(WELL, Settings())) == [
        ("results folder results", "ok", "can be written"),
        ("disk of the results folder", "ok", "256 MiB free"),
        ("memory limit", "ok", "512 MiB"),
        ("processor limit", "ok", "1 processors"),
    ]


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"folder_problem": "/x is no folder"}, ("results folder results", "/x is no folder")),
        (
            {"disk_free_bytes": 255 * MIB},
            ("disk of the results folder", "255 MiB free, at least 256 are wanted"),
        ),
        ({"memory_bytes": 511.0 * MIB}, ("memory limit", "511 MiB, at least 512 are wanted")),
        ({"cpu_cores": 0.5}, ("processor limit", "0.5 processors, at least 1 are wanted")),
        (
            {"ports_taken": {"world.engine_api_port = 8551": "Address already in use"}},
            ("world.engine_api_port = 8551", "Address already in use"),
        ),
    ],
)
def test_what_a_machine_lacks_is_wrong_alone_and_has_a_fix(
    change: dict[str, object], wrong: tuple[str, str]
) -> None:
    found = diagnosis.machine(msgspec.structs.replace(WELL, **change), Settings())
    (finding,) = [each for each in found if each.state is State.WRONG]
    assert (finding.check, finding.what) == wrong
    assert finding.fix


def test_a_good_door_is_ok() -> None:
    found = diagnosis.door("bitcoin b:1", Seen(Trouble.NONE, "regtest"), "", SPACE)
    assert found == Finding(check="bitcoin b:1", state=State.OK, what="regtest")


@pytest.mark.parametrize(
    ("trouble", "fix"),
    [
        (Trouble.UNKNOWN_NAME, "correct the name"),
        (Trouble.REFUSED, "start the service"),
        (Trouble.UNREACHABLE, "correct the host"),
        (Trouble.TIMED_OUT, "look for a firewall or a NetworkPolicy"),
        (Trouble.WRONG_SECRET, "give runner and service the same ADMIN_TOKEN;"),
        (Trouble.OTHER_PROTOCOL, "something else is on that port"),
        (Trouble.UNWELL, "look at the log of the service"),
    ],
)
def test_each_trouble_of_a_door_is_wrong_and_has_a_fix_of_its_own(
    trouble: Trouble, fix: str
) -> None:
    found = diagnosis.door("a door", Seen(trouble, "words"), "ADMIN_TOKEN", SPACE)
    assert (found.state, found.what) == (State.WRONG, "words")
    assert found.fix.startswith(fix)
    assert "{" not in found.fix


@pytest.mark.parametrize(
    ("trouble", "asked_for", "state"),
    [
        (Trouble.NONE, False, State.OK),
        (Trouble.REFUSED, False, State.NOT_LOOKED_AT),
        (Trouble.REFUSED, True, State.WRONG),
        (Trouble.UNWELL, False, State.WRONG),
        (Trouble.OTHER_PROTOCOL, False, State.WRONG),
    ],
)
def test_that_no_serve_runs_is_wrong_only_where_it_was_asked_for(
    trouble: Trouble, asked_for: bool, state: State
) -> None:
    found = diagnosis.served("alys serve", Seen(trouble, "words"), asked_for=asked_for)
    assert (found.state, bool(found.fix)) == (state, state is not State.OK)
    assert "words" in found.what


def target(job: str, health: str, last_error: str = "") -> Target:
    return Target(job=job, url=f"http://{job}/{health}", health=health, last_error=last_error)


GOOD = Seen(Trouble.NONE, "answers")
RUNNER = target("alys-v2-test-runner", "up")


def scraped(*targets: Target) -> list[tuple[str, str, str]]:
    return told(diagnosis.scraping("Prometheus", GOOD, targets, SPACE))[1:]


def test_jobs_with_targets_that_are_up_are_ok() -> None:
    services = [target("mock-services", "up"), target("mock-services", "unknown")]
    assert scraped(RUNNER, *services, target("prometheus", "down")) == [
        ("Prometheus job alys-v2-test-runner", "ok", "1 of 1 targets up"),
        ("Prometheus job mock-services", "ok", "1 of 2 targets up, 1 new"),
    ]


def test_each_target_that_is_down_is_told_with_its_error() -> None:
    down = [target("mock-services", "down", "connection refused"), target("mock-services", "down")]
    assert scraped(RUNNER, *down, target("mock-services", "up"))[1:] == [
        (
            "Prometheus job mock-services",
            "wrong",
            "http://mock-services/down is down: connection refused",
        ),
        (
            "Prometheus job mock-services",
            "wrong",
            "http://mock-services/down is down: no reason given",
        ),
    ]


def test_a_job_without_targets_was_not_discovered() -> None:
    found = diagnosis.scraping("Prometheus", GOOD, [RUNNER], SPACE)[-1]
    assert (found.state, found.what) == (State.WRONG, "no target was discovered")
    assert "annotations" in found.fix
    assert "Role" in found.fix


def test_targets_that_were_not_scraped_yet_are_not_judged() -> None:
    assert scraped(RUNNER, target("mock-services", "unknown"))[1][1:] == (
        "not looked at",
        "1 targets, none scraped yet",
    )


def test_a_prometheus_that_cannot_be_reached_is_not_looked_at_and_the_way_there_is_told() -> None:
    (found,) = diagnosis.scraping("Prometheus", Seen(Trouble.REFUSED, "refuses"), [], SPACE)
    assert (found.state, found.what) == (State.NOT_LOOKED_AT, "not reachable (refuses)")
    assert "kubectl port-forward -n alys-v2-testing service/prometheus 9090" in found.fix


def test_something_else_in_the_place_of_prometheus_is_wrong() -> None:
    (found,) = diagnosis.scraping("Prometheus", Seen(Trouble.OTHER_PROTOCOL, "no list"), [], SPACE)
    assert (found.state, found.what) == (State.WRONG, "no list")


def namespace(**change: object) -> list[Finding]:
    seen = Cluster(
        namespace=SPACE,
        missing={"test-secrets": (), "grafana-admin": ()},
        pods=(),
        apps=("alys-v2-test-runner", "mock-bitcoin-node", "mock-ethereum-node", "mock-governance"),
        forbidden=(),
    )
    return diagnosis.cluster(msgspec.structs.replace(seen, **change))


def test_a_namespace_that_is_well_is_ok() -> None:
    assert told(namespace()) == [
        ("Secret grafana-admin", "ok", "has every key"),
        ("Secret test-secrets", "ok", "has every key"),
        ("pods", "ok", "none of 4 workloads is without one"),
    ]


def test_a_namespace_without_pods_is_not_well() -> None:
    """Nothing waits to be ready where there is nothing."""
    found = namespace(apps=())[-1]
    assert (found.check, found.state) == ("pods", State.WRONG)
    assert found.what.startswith("there is no pod of alys-v2-test-runner, mock-governance")
    assert namespace(apps=("alys-v2-test-runner", "mock-governance", "mock-ethereum-node"))[
        -1
    ].what == ("there is no pod of mock-bitcoin-node")


def test_a_secret_that_is_absent_or_lacks_keys_is_wrong() -> None:
    found = namespace(missing={"grafana-admin": ("admin-user", "admin-password"), "test": None})
    assert told(found)[:2] == [
        ("Secret grafana-admin", "wrong", "lacks admin-user, admin-password"),
        ("Secret test", "wrong", "is not there"),
    ]
    assert found[1].fix.startswith("alys secrets")


@pytest.mark.parametrize(
    ("reason", "fix"),
    [
        ("ImagePullBackOff", "load or push the image"),
        ("ErrImagePull", "load or push the image"),
        ("CreateContainerConfigError", "a Secret, a ConfigMap or a key of one is missing"),
        ("Unschedulable", "no node has room"),
        ("CrashLoopBackOff", "the process ends again and again: kubectl logs p -n alys-v2-testing"),
        ("NotReady", "kubectl describe pod p -n alys-v2-testing"),
    ],
)
def test_a_pod_that_waits_is_wrong_with_the_fix_of_its_reason(reason: str, fix: str) -> None:
    found = namespace(pods=(Pod("p", reason, "the message"),))[-1]
    assert (found.check, found.state) == ("pod p", State.WRONG)
    assert found.what == f"{reason}: the message"
    assert found.fix.startswith(fix)


def test_what_may_not_be_read_is_not_looked_at_and_names_the_verb() -> None:
    found = namespace(missing={}, forbidden=("list pods",))
    assert told(found) == [
        (
            "namespace alys-v2-testing",
            "not looked at",
            "this account may not list pods (403)",
        )
    ]
