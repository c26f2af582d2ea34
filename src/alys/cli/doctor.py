"""``alys doctor``: look for what keeps a run from starting, and change nothing."""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from alys.cli import words

if TYPE_CHECKING:
    from alys.base.seen import Cluster
    from alys.config.keys import ServiceKeys
    from alys.config.settings import Settings


def add(commands: "words.Commands") -> None:
    """Say what the command takes."""
    doctor = commands.add_parser(
        "doctor",
        help="look for what keeps a run from starting: machine, services, serve, Prometheus, cluster",
        description="Look at everything that a run with these settings needs, change nothing, and say per thing ok, wrong or "
        "not looked at, with the fix. Exit code 0: nothing is wrong; 3: something is; 2: the settings cannot stand.",
        allow_abbrev=False,
    )
    doctor.add_argument("--config", metavar="FILE", type=Path, help="settings, TOML")
    doctor.add_argument("--world", metavar="local|sim|remote", help="what a run would be in")
    doctor.add_argument("--results-dir", metavar="DIR", help="where a run would make its folder")
    doctor.add_argument("--url", metavar="URL", help="an alys serve that must be running")
    doctor.add_argument(
        "-o", dest="output", metavar="json|text", help="what to print on standard output"
    )


def run(arguments: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """``alys doctor``."""
    settings = _settings(arguments, environment)
    from alys.config import schema
    from alys.report import doctor
    from alys.runner import checkup

    url = ""
    if arguments.url is not None:
        url = schema.check(("test_environment", "results_url"), arguments.url, "flag --url")
    request = checkup.Request(
        settings=settings,
        keys=_keys(settings, environment),
        url=url,
        look_at_cluster=_look_at_cluster(settings, environment),
    )
    findings = checkup.examine(request)
    as_json = settings.test_environment.report_format == "json"
    words.out(doctor.render(findings) if as_json else doctor.text(findings))
    return int(doctor.exit_code(findings))


def _settings(arguments: argparse.Namespace, environment: Mapping[str, str]) -> "Settings":
    from alys.config import loader

    return loader.load(
        arguments.config,
        environment,
        {
            ("world", "kind"): ("--world", arguments.world),
            ("test_environment", "results_dir"): ("--results-dir", arguments.results_dir),
            ("test_environment", "report_format"): ("-o", arguments.output),
        },
    )


def _keys(settings: "Settings", environment: Mapping[str, str]) -> "ServiceKeys | None":
    from alys.config import keys

    if settings.world.kind != "remote" and not settings.mock_services.elsewhere:
        return None
    return keys.read(environment, settings.mock_services)


def _look_at_cluster(
    settings: "Settings", environment: Mapping[str, str]
) -> "Callable[[], Cluster] | None":
    """A look at the pod's own namespace, elsewhere at the one that the settings name; None without a cluster."""
    in_pod = bool(environment.get("KUBERNETES_SERVICE_HOST"))
    if not in_pod and not environment.get("KUBECONFIG"):
        return None

    def look() -> "Cluster":
        from alys.kube import client, clock, looking

        namespace = "" if in_pod else settings.kubernetes.namespace
        cluster = client.connect(environment, namespace=namespace, ticks=clock.MachineClock())
        return looking.look(cluster)

    return look
