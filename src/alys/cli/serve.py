"""``alys serve``: keep an environment alive, run suites on request, keep results, say how all of that is."""

import argparse
import functools
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from alys.base import errors
from alys.cli import words

if TYPE_CHECKING:
    from alys.base.jobs import FinishJobs
    from alys.config.settings import Settings
    from alys.worlds.protocol import DriverFactory

DEFAULT_TIME_SCALE = 1.0
"""A long-lived environment takes its time: a fast one would only fill its memory earlier."""


def add(commands: "words.Commands") -> None:
    """Say what the command takes."""
    serve = commands.add_parser(
        "serve",
        help="keep an environment alive and run suites on request, over HTTP",
        description="Keep an environment with gentle traffic alive, with probes, a page and runs on one port and metrics on "
        "another. SIGTERM ends it with exit code 0.",
        allow_abbrev=False,
    )
    serve.add_argument("--config", metavar="FILE", type=Path, help="settings, TOML")
    serve.add_argument("--world", metavar="local|remote", help="own services, or services by URL")
    serve.add_argument("--host", metavar="ADDRESS", help="where to listen")
    serve.add_argument("--port", metavar="N", help="of the page, the probes and the runs")
    serve.add_argument("--metrics-port", metavar="N", help="of /metrics")
    serve.add_argument("--results-dir", metavar="DIR", help="where results are kept")
    serve.add_argument("--time-scale", metavar="X", help="node seconds per wall second")


def run(arguments: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """``alys serve``."""
    settings = _settings(arguments, environment)
    from alys.config import logs, secrets
    from alys.runner import serving
    from alys.worlds import turn

    token = secrets.token(environment, secrets.UPLOAD_TOKEN)
    logs.set_up(settings.test_environment)
    request = serving.ServeRequest(
        settings=settings,
        config=arguments.config,
        environment=environment,
        token=token,
        wall_clock=time.time,
        monotonic=time.monotonic,
        say=words.err,
        turns=turn.lease_of(settings, environment),
        finish_jobs=_finisher(environment),
    )
    serving.serve(request, _opener(settings, environment))
    return int(errors.ExitCode.PASS)


def _opener(settings: "Settings", environment: Mapping[str, str]) -> "DriverFactory":
    """What opens the world. It takes no turn at the chains: the service takes and gives back its turns itself."""
    from alys.config import keys
    from alys.worlds import registry

    if settings.world.kind != "remote" and not settings.mock_services.elsewhere:
        return registry.open_driver
    return functools.partial(
        registry.open_driver, keys=keys.read(environment, settings.mock_services)
    )


def _finisher(environment: Mapping[str, str]) -> "FinishJobs | None":
    """What tells the cluster of Jobs that are done with; None outside a pod."""
    if not environment.get("KUBERNETES_SERVICE_HOST"):
        return None
    from alys.kube import client, clock, jobs

    cluster = client.connect(environment, ticks=clock.MachineClock())
    return functools.partial(jobs.mark_passed, cluster)


def _settings(arguments: argparse.Namespace, environment: Mapping[str, str]) -> "Settings":
    from alys.config import loader

    return loader.load(
        arguments.config,
        environment,
        {
            ("world", "kind"): ("--world", arguments.world),
            ("world", "time_scale"): ("--time-scale", arguments.time_scale),
            ("service", "host"): ("--host", arguments.host),
            ("service", "port"): ("--port", arguments.port),
            ("prometheus", "metrics_port"): ("--metrics-port", arguments.metrics_port),
            ("test_environment", "results_dir"): ("--results-dir", arguments.results_dir),
        },
        chosen={("world", "time_scale"): DEFAULT_TIME_SCALE},
    )
