"""``alys secrets``: make the environment's Secrets in its namespace, those that are absent."""

import argparse
import os
from collections.abc import Mapping

from alys.base import errors
from alys.cli import words

NAMESPACE = "alys-v2-testing"


def add(commands: "words.Commands") -> None:
    """Say what the command takes."""
    parser = commands.add_parser(
        "secrets",
        help="make the Secrets that are absent from the cluster's namespace",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--namespace",
        metavar="NAME",
        help=f"default: a pod's own, elsewhere {NAMESPACE}",
    )


def run(arguments: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Make them. In a pod by its service account, elsewhere by KUBECONFIG."""
    from alys.kube import client, clock, secrets

    in_pod = bool(environment.get("KUBERNETES_SERVICE_HOST"))
    namespace = arguments.namespace or ("" if in_pod else NAMESPACE)
    cluster = client.connect(environment, namespace=namespace, ticks=clock.MachineClock())
    secrets.fill(cluster, os.urandom, lambda line: words.out(line + "\n"))
    return int(errors.ExitCode.PASS)
