"""Publish an edited ``k8s/test-config.toml``: ``python tools/publish_config.py [FOLDER]`` (or make publish-config).

The file is checked, put into the manifests with its hash, and all of them but the Jobs are applied; the runner starts again
because the hash on its pod is another. Jobs read it when they start. FOLDER is ``k8s`` unless told: ``k8s-small``.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from alys.base import errors  # noqa: E402
from tools import generate_manifests, manifests, shape  # noqa: E402

CARRIERS = ("namespace.yaml", "mock-services.yaml", "monitoring.yaml", "test-deployment.yaml")


def main(arguments: list[str]) -> int:
    """Check, fill in, apply; the exit code: 2 for a file that cannot stand, 3 where kubectl fails."""
    folder = ROOT / (arguments[0] if arguments else "k8s")
    if len(arguments) > 1 or folder not in (manifests.FOLDER, manifests.SMALL):
        print("usage: python tools/publish_config.py [k8s|k8s-small]", file=sys.stderr)
        return int(errors.ExitCode.USAGE)
    try:
        namespace = shape.read(manifests.FOLDER / "test-config.toml").kubernetes.namespace
    except errors.UsageError as error:
        print(f"publish_config: {error}", file=sys.stderr)
        return int(errors.ExitCode.USAGE)
    generate_manifests.write()
    files = [part for name in CARRIERS for part in ("-f", str(folder / name))]
    for command in (
        ["kubectl", "apply", *files],
        [
            "kubectl",
            "rollout",
            "status",
            "deployment/alys-v2-test-runner",
            "-n",
            namespace,
            "--timeout=300s",
        ],
    ):
        try:
            done = subprocess.run(command, check=False)
        except FileNotFoundError:
            print(
                "publish_config: kubectl is not installed; the files are written", file=sys.stderr
            )
            return int(errors.ExitCode.ENVIRONMENT)
        if done.returncode:
            print(
                f"publish_config: {' '.join(command)} failed ({done.returncode})", file=sys.stderr
            )
            return int(errors.ExitCode.ENVIRONMENT)
    return int(errors.ExitCode.PASS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
