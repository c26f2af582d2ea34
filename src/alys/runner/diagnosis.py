"""Judges what ``alys doctor`` saw: ok, wrong or not looked at, with the fix. Facts in, findings out; no look is taken here.

The causes are those that the document's troubleshooting names: a runner that does not start, mock services that cannot be
reached, tests that time out, a Prometheus that does not scrape.
"""

from collections.abc import Sequence

from alys.base.seen import Cluster, Machine, Pod, Seen, Target, Trouble
from alys.config.settings import Settings
from alys.monitoring.configuration import RUNNER_JOB, SERVICES_JOB
from alys.report.doctor import Finding, State

MIB = 1024 * 1024
DISK_MIB_MIN = 256
"""Below it a run may not be able to write its report; the largest archive of results that a service takes by default."""
CPU_CORES_MIN = 1.0
"""A node's event loop can use one processor; with less, slots come late and scenarios time out."""

_DOOR_FIXES = {
    Trouble.UNKNOWN_NAME: "correct the name in the URL, or start the service; in a cluster: kubectl get svc -n {namespace}",
    Trouble.REFUSED: "start the service, or correct the port; in a cluster its pod is there and not ready: "
    "kubectl get pods -n {namespace}",
    Trouble.UNREACHABLE: "correct the host; from outside a cluster a port-forward is needed",
    Trouble.TIMED_OUT: "look for a firewall or a NetworkPolicy on the way (policies go by the pod's label), or at the "
    "service's log",
    Trouble.OTHER_PROTOCOL: "something else is on that port: correct the URL",
    Trouble.UNWELL: "look at the log of the service",
}
_POD_FIXES = {
    "ImagePullBackOff": "load or push the image under that name (kind load docker-image ..., make image-ref IMAGE=...)",
    "CreateContainerConfigError": "a Secret, a ConfigMap or a key of one is missing: kubectl logs job/generate-secrets -n {namespace}",
    "Unschedulable": "no node has room or the volume: k8s-small/ asks for less; kubectl get nodes,pvc -n {namespace}",
    "CrashLoopBackOff": "the process ends again and again: kubectl logs {pod} -n {namespace} --previous",
}
_POD_FIXES["ErrImagePull"] = _POD_FIXES["ErrImageNeverPull"] = _POD_FIXES["ImagePullBackOff"]

_APPS = ("alys-v2-test-runner", "mock-governance", "mock-bitcoin-node", "mock-ethereum-node")
"""What runs all the time, by its label ``app``."""

_SCRAPED = (RUNNER_JOB, SERVICES_JOB)


def machine(seen: Machine, settings: Settings) -> list[Finding]:
    """Whether a run can start here and has what the suites ask for."""
    folder = settings.test_environment.results_dir
    load = settings.test_scenarios.performance
    found = [
        _finding(
            f"results folder {folder}",
            seen.folder_problem,
            "can be written",
            "choose another with --results-dir; in a container mount /test-results",
        ),
        _at_least(
            "disk of the results folder",
            seen.disk_free_bytes / MIB,
            DISK_MIB_MIN,
            "MiB free",
            "make room, or choose another disk with --results-dir",
        ),
        _at_least(
            "memory limit",
            seen.memory_bytes / MIB,
            load.max_memory_usage_mb,
            "MiB",
            "raise the container's limit, or lower test_scenarios.performance.max_memory_usage_mb",
        ),
        _at_least(
            "processor limit",
            seen.cpu_cores,
            CPU_CORES_MIN,
            "processors",
            "raise the container's limit; with less, tests time out",
        ),
    ]
    fix = "stop what holds the port, or give another (0 takes a free one)"
    return found + [
        Finding(check=name, state=State.WRONG, what=reason, fix=fix)
        for name, reason in seen.ports_taken.items()
    ]


def door(check: str, seen: Seen, secret: str, namespace: str) -> Finding:
    """A service's door. ``secret`` says which variables open it."""
    if seen.trouble is Trouble.NONE:
        return Finding(check=check, state=State.OK, what=seen.words)
    if seen.trouble is Trouble.WRONG_SECRET:
        fix = (
            f"give runner and service the same {secret}; in a cluster: "
            f"kubectl rollout restart deployment -n {namespace}"
        )
    else:
        fix = _DOOR_FIXES[seen.trouble].format(namespace=namespace)
    return Finding(check=check, state=State.WRONG, what=seen.words, fix=fix)


def served(check: str, seen: Seen, *, asked_for: bool) -> Finding:
    """A probe of ``alys serve``. That none runs is only wrong where somebody asked for it."""
    if seen.trouble is Trouble.NONE:
        return Finding(check=check, state=State.OK, what=seen.words)
    if seen.trouble in (Trouble.UNWELL, Trouble.OTHER_PROTOCOL) or asked_for:
        fixes = {
            Trouble.UNWELL: "wait while it starts; else its log has the reason (in a cluster: kubectl logs "
            "deployment/alys-v2-test-runner)",
            Trouble.OTHER_PROTOCOL: "something else is on that port: correct service.port, or give --url",
        }
        fix = fixes.get(seen.trouble, "start alys serve there, or correct --url")
        return Finding(check=check, state=State.WRONG, what=seen.words, fix=fix)
    return Finding(
        check=check,
        state=State.NOT_LOOKED_AT,
        what=f"no alys serve runs here ({seen.words})",
        fix="give --url for one that runs elsewhere",
    )


def scraping(check: str, seen: Seen, targets: Sequence[Target], namespace: str) -> list[Finding]:
    """Prometheus, and each of the two jobs that it must have targets of."""
    if seen.trouble is Trouble.OTHER_PROTOCOL:
        fix = "something else is on that port: correct prometheus.endpoint"
        return [Finding(check=check, state=State.WRONG, what=seen.words, fix=fix)]
    if seen.trouble is not Trouble.NONE:
        fix = (
            f"kubectl port-forward -n {namespace} service/prometheus 9090, with "
            'prometheus.endpoint = "http://127.0.0.1:9090"'
        )
        what = f"not reachable ({seen.words})"
        return [Finding(check=check, state=State.NOT_LOOKED_AT, what=what, fix=fix)]
    found = [Finding(check=check, state=State.OK, what=seen.words)]
    for job in _SCRAPED:
        found += _job(job, [target for target in targets if target.job == job])
    return found


def _job(job: str, targets: Sequence[Target]) -> list[Finding]:
    check = f"Prometheus job {job}"
    if not targets:
        what = "no target was discovered"
        fix = (
            "look at the annotations prometheus.io/... of the Service and at the Role of prometheus"
        )
        return [Finding(check=check, state=State.WRONG, what=what, fix=fix)]
    down = [target for target in targets if target.health == "down"]
    new = sum(target.health == "unknown" for target in targets)
    fix = "look at the log of that process; context deadline exceeded: at the NetworkPolicies"
    found = [
        Finding(
            check=check,
            state=State.WRONG,
            what=f"{target.url} is down: {target.last_error or 'no reason given'}",
            fix=fix,
        )
        for target in down
    ]
    if found:
        return found
    if new == len(targets):
        what, fix = (
            f"{new} targets, none scraped yet",
            "look again after prometheus.scrape_interval",
        )
        return [Finding(check=check, state=State.NOT_LOOKED_AT, what=what, fix=fix)]
    what = f"{len(targets) - new} of {len(targets)} targets up" + (f", {new} new" if new else "")
    return [Finding(check=check, state=State.OK, what=what)]


def cluster(seen: Cluster) -> list[Finding]:
    """Secrets and pods of the namespace; what may not be read is not looked at."""
    found = [
        _secret(name, missing, seen.namespace) for name, missing in sorted(seen.missing.items())
    ]
    if "list pods" not in seen.forbidden:
        absent = [app for app in _APPS if app not in seen.apps]
        problem = f"there is no pod of {', '.join(absent)}" if absent else ""
        fix = f"kubectl apply -f k8s/; is {seen.namespace} the right namespace?"
        good = f"none of {len(_APPS)} workloads is without one"
        found.append(_finding("pods", problem, good, fix))
    found += [_pod(pod, seen.namespace) for pod in seen.pods]
    fix = "run it as a user who may"
    return found + [
        Finding(
            check=f"namespace {seen.namespace}",
            state=State.NOT_LOOKED_AT,
            what=f"this account may not {right} (403)",
            fix=fix,
        )
        for right in seen.forbidden
    ]


def _secret(name: str, missing: tuple[str, ...] | None, namespace: str) -> Finding:
    problem, fix = (
        "",
        f"kubectl edit secret {name} -n {namespace}, or delete it and run alys secrets",
    )
    if missing is None:
        problem, fix = (
            "is not there",
            f"alys secrets, or the Job: kubectl logs job/generate-secrets -n {namespace}",
        )
    elif missing:
        problem = f"lacks {', '.join(missing)}"
    return _finding(f"Secret {name}", problem, "has every key", fix)


def _pod(pod: Pod, namespace: str) -> Finding:
    known = _POD_FIXES.get(pod.reason, "kubectl describe pod {pod} -n {namespace}")
    return Finding(
        check=f"pod {pod.name}",
        state=State.WRONG,
        what=": ".join(part for part in (pod.reason, pod.message) if part),
        fix=known.format(pod=pod.name, namespace=namespace),
    )


def _finding(check: str, problem: str, good: str, fix: str) -> Finding:
    if problem:
        return Finding(check=check, state=State.WRONG, what=problem, fix=fix)
    return Finding(check=check, state=State.OK, what=good)


def _at_least(check: str, have: float, wanted: float, unit: str, fix: str) -> Finding:
    said = f"{have:.10g}" if have < 10 else f"{have:.0f}"
    problem = "" if have >= wanted else f"{said} {unit}, at least {wanted:g} are wanted"
    return _finding(check, problem, f"{said} {unit}", fix)
