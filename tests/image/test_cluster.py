"""Containers made of manifests find each other by the names of Services, and nothing outside."""

from pathlib import Path

import msgspec
import pytest

from tests.image.cluster import CREDENTIALS, cluster
from tests.image.containers import needs_podman
from tests.image.pods import Manifests, Pod
from tests.image.test_pods import SECRETS, SPECIMEN

pytestmark = [needs_podman, pytest.mark.slow]

LOOK = """
import os, socket, urllib.request
said = urllib.request.urlopen("http://answering-service:8080/hello.txt", timeout=10).read()
assert said == b"good day\\n", said
assert (os.getuid(), os.getgid(), os.environ["TOKEN"]) == (10001, 10001, "uno")
with open("/proc/self/status") as status:
    rights = {line.split(":")[0]: line.split(":")[1].strip() for line in status}
assert int(rights["CapEff"], 16) == int(rights["CapBnd"], 16) == 0 and rights["NoNewPrivs"] == "1"
for place in ("/", "/opt/alys", "/test-results"):
    try:
        open(place + "/x", "w")
    except OSError:
        continue
    raise AssertionError(place + " can be written")
open("/tmp/x", "w").write("x")
open("/test-reports/kept", "w").write("by the Job")
try:
    socket.create_connection(("192.0.2.1", 80), timeout=5)
except OSError as error:
    assert error.errno == 101, error  # network is unreachable: there is no way out at all
else:
    raise AssertionError("there is a way out")
print("all seen")
"""


def job(manifests: Manifests, code: str) -> Pod:
    return msgspec.structs.replace(manifests.pod("Job", "asking"), args=[code])


def test_a_job_reaches_a_service_by_name_and_nothing_else(tmp_path: Path, image: str) -> None:
    manifests = Manifests.read([SPECIMEN], SECRETS)
    with cluster(tmp_path, image) as pods:
        answering = manifests.pod("Deployment", "answering")
        pods.start(answering)
        pods.wait_ready(answering, 30)
        asking = job(manifests, LOOK)
        code = pods.run(asking, 60)
        assert (code, pods.logs(asking)) == (0, "all seen\n")
        kept = pods.claim(asking, "/test-reports") / "kept"
        assert (kept.read_text(), kept.stat().st_gid) == ("by the Job", 10001)


class Api:
    """Where an API server would be."""

    host, port = "192.0.2.7", "6443"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def credentials(self, account: str) -> Path:
        self._folder.mkdir()
        (self._folder / "token").write_text(f"of {account}")
        return self._folder


def test_only_a_pod_with_an_account_finds_the_api_server(tmp_path: Path, image: str) -> None:
    manifests = Manifests.read([SPECIMEN], SECRETS)
    look = (
        "import os, pathlib\n"
        f"token = pathlib.Path({CREDENTIALS!r}) / 'token'\n"
        "print(os.environ.get('KUBERNETES_SERVICE_HOST'), os.environ.get('KUBERNETES_SERVICE_PORT'))\n"
        "print(token.read_text() if token.exists() else 'no token')\n"
    )
    asking = msgspec.structs.replace(job(manifests, look), account="asker")
    without = msgspec.structs.replace(asking, name="without", account="")
    with cluster(tmp_path, image) as pods:
        pods.api = Api(tmp_path / "asker")
        assert [pods.run(pod, 60) for pod in (asking, without)] == [0, 0]
        assert pods.logs(asking) == "192.0.2.7 6443\nof asker\n"
        assert pods.logs(without) == "None None\nno token\n"


def test_a_pod_that_ends_instead_of_answering_fails_the_wait(tmp_path: Path, image: str) -> None:
    manifests = Manifests.read([SPECIMEN], SECRETS)
    answering = manifests.pod("Deployment", "answering")
    broken = msgspec.structs.replace(answering, args=["no-port"])
    with cluster(tmp_path, image) as pods:
        pods.start(broken)
        with pytest.raises(AssertionError, match=r"answering ended: (.|\n)*'no-port'"):
            pods.wait_ready(broken, 30)
