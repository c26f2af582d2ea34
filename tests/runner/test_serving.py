"""``alys serve`` as a process: a real environment, real children, real signals. Also ``alys test`` that sends its results there."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from alys.cli import front
from tests.runner import runs

ROOT = Path(__file__).parents[2]


def environment(**more: str) -> dict[str, str]:
    """What a child of a test sees."""
    return {**os.environ, "PYTHONPATH": str(ROOT / "src"), **more}  # noqa: TID251 - for a child process


class Service:
    """A running ``alys serve``."""

    def __init__(self, process: "subprocess.Popen[str]", url: str, said: str) -> None:
        self.process = process
        self.url = url
        self.said = said

    def ask(self, path: str, method: str = "GET", told: object = None) -> tuple[int, Any]:
        """Status and body, decoded where it is JSON."""
        body = None if told is None else json.dumps(told).encode()
        headers = {"Content-Type": "application/json"} if body else {}
        request = urllib.request.Request(self.url + path, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                status, text, kind = answer.status, answer.read(), answer.headers["Content-Type"]
        except urllib.error.HTTPError as error:
            status, text, kind = error.code, error.read(), error.headers["Content-Type"]
        return status, json.loads(text) if "json" in kind else text.decode()

    def until(self, probe: Callable[[], Any], seconds: float = 60.0) -> Any:
        """The first truthy answer."""
        end = time.monotonic() + seconds  # noqa: TID251 - of a real process
        while not (found := probe()):
            assert self.process.poll() is None, "the service ended"
            assert time.monotonic() < end, f"never happened; it says {self.ask('/ready')}"  # noqa: TID251
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.05)
        return found

    def run_in(self, state: str) -> Any:
        """The newest run, once it is in this state."""

        def there() -> Any:
            listed = self.ask("/api/runs")[1]["runs"]
            return listed[0] if listed and listed[0]["state"] == state else None

        return self.until(there)

    def end(self) -> tuple[int, str]:
        """SIGTERM; exit code and what it said last."""
        self.process.send_signal(signal.SIGTERM)
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out + err


@contextlib.contextmanager
def serving(folder: Path, *words: str, **more: str) -> Iterator[Service]:
    """A service on free ports with a fast environment."""
    command = [sys.executable, "-m", "alys", "serve", "--port", "0", "--metrics-port", "0"]
    command += ["--time-scale", "10", "--results-dir", str(folder / "results"), *words]
    process = subprocess.Popen(
        command,
        env=environment(**more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stderr is not None
        said = process.stderr.readline()
        found = re.search(r"serving on (http://\S+),", said)
        assert found, said + process.stderr.read()
        yield Service(process, found[1], said)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate(timeout=20)


@pytest.mark.slow
def test_from_its_first_block_to_a_run_and_to_its_end(tmp_path: Path) -> None:
    with serving(tmp_path) as service:
        assert service.ask("/health") == (200, "healthy\n")
        service.until(lambda: service.ask("/ready") == (200, "ready\n"))
        metrics = re.search(r"metrics on (\S+)", service.said)
        assert metrics is not None
        with urllib.request.urlopen(metrics[1], timeout=20) as answer:
            assert b"alys_system_health_score 1.0" in answer.read()
        service.until(lambda: service.ask("/api/state")[1]["environment"]["payouts"] > 0)
        state = service.ask("/api/state")[1]["environment"]
        assert (state["phase"], state["generation"], state["failures"]) == ("running", 1, [])
        assert state["look"]["finalised"] > 0
        assert [one["state"] for one in state["look"]["streams"]] == ["ready"] * 3
        told = {"suite": "integration", "world": "sim", "seed": 7, "keyword": "block"}
        assert service.ask("/api/runs", "POST", told)[0] == 202
        run = service.run_in("ended")
        assert (run["verdict"], run["seed"], run["world"]) == ("pass", 7, "sim")
        status, page = service.ask(run["report"])
        assert (status, "block_production" in page) == (200, True)
        code, said = service.end()
        assert (code, "Traceback" in said) == (0, False), said
    with serving(tmp_path) as again:
        assert [one["run_id"] for one in again.ask("/api/runs")[1]["runs"]] == [run["run_id"]]
        assert again.end()[0] == 0


@pytest.mark.slow
def test_sigterm_in_the_middle_of_a_run_loses_nothing(tmp_path: Path) -> None:
    with serving(tmp_path, PROMETHEUS_ENABLED="false") as service:
        assert "metrics" not in service.said
        assert service.ask("/api/runs", "POST", {"suite": "supervision"})[0] == 202
        service.until(lambda: service.run_in("running")["progress"])
        code, said = service.end()
        assert (code, "Traceback" in said) == (0, False), said
    (folder,) = [path for path in (tmp_path / "results").iterdir() if path.name[0].isdigit()]
    report = json.loads((folder / "report.json").read_bytes())
    assert (report["verdict"], report["exit_code"]) == ("interrupted", 130)
    assert (folder / "report.html").is_file()


@pytest.mark.slow
def test_a_run_elsewhere_sends_its_results_and_its_exit_code_says_when_it_could_not(
    tmp_path: Path,
) -> None:
    scenario = runs.scenario_file(tmp_path, runs.PASSING.replace("await world.turn()", "pass"))

    def test(token: str, url: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "alys", "test", str(scenario), "--world", "sim"]
        sends = {"RESULTS_URL": url, "UPLOAD_TOKEN": token, "RESULTS_UPLOAD_SECONDS": "1"}
        return subprocess.run(
            [*command, "-o", "json", "--results-dir", str(tmp_path / "away")],
            env=environment(JOB_NAME="nightly-1", **sends),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    with serving(tmp_path, UPLOAD_TOKEN="open-sesame") as service:
        refused = test("wrong", service.url)
        told = json.loads(refused.stdout)
        assert (refused.returncode, told["verdict"], told["exit_code"]) == (3, "environment", 3)
        assert "HTTP 401" in told["cause"]
        assert told["results_dir"] in told["cause"]
        assert "wrong" not in refused.stderr.replace("wrong or no upload token", "")
        assert service.ask("/api/runs")[1] == {"runs": []}
        sent = test("open-sesame", service.url)
        assert sent.returncode == 0, sent.stderr
        (run,) = service.ask("/api/runs")[1]["runs"]
        assert (run["run_id"], run["job"]) == (json.loads(sent.stdout)["run_id"], "nightly-1")
        assert service.end()[0] == 0
    for file in (tmp_path / "away").rglob("*"):
        assert not file.is_file() or b"open-sesame" not in file.read_bytes()
    gone = test("open-sesame", service.url)
    told = json.loads(gone.stdout)
    assert (gone.returncode, told["cause"].startswith("the results were not stored at")) == (
        3,
        True,
    )
    stored = json.loads((Path(told["results_dir"]) / "report.json").read_bytes())
    assert (stored["verdict"], stored["job"]) == ("pass", "nightly-1"), "the run itself passed"


@pytest.mark.parametrize("flag", ["--port", "--metrics-port"])
def test_a_taken_port_is_exit_3_and_names_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flag: str
) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = str(holder.getsockname()[1])
        ports = {"--port": "0", "--metrics-port": "0", flag: port}
        words = [word for pair in ports.items() for word in pair]
        code = front.main(["serve", "--results-dir", str(tmp_path), *words], environment={})
    assert code == 3
    assert f"127.0.0.1:{port}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["--world", "sim"], 2, "serve keeps a world alive in real time"),
        (["--port", "x"], 2, "flag --port: service.port = 'x' cannot stand"),
        (["--results-dir", "{file}/below"], 3, "cannot use the results folder"),
    ],
)
def test_what_cannot_be_served_is_said_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, line: str
) -> None:
    (tmp_path / "file").write_text("")
    typed = [word.format(file=tmp_path / "file") for word in words]
    assert front.main(["serve", "--port", "0", *typed], environment={}) == code
    assert line in capsys.readouterr().err
