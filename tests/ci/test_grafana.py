"""The examples' way to ask Grafana: red for each dashboard that is not loaded, and for a Prometheus that does not answer."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from examples.ci import grafana

BOARDS = Path(__file__).resolve().parents[2] / "k8s" / "monitoring" / "dashboards"
HEALTH = "/api/datasources/uid/alys-prometheus/health"


def answers() -> dict[str, Any]:
    """What a Grafana says that has loaded all."""
    boards = [json.loads(path.read_text(encoding="utf-8")) for path in BOARDS.glob("*.json")]
    told: dict[str, Any] = {
        f"/api/dashboards/uid/{board['uid']}": {"dashboard": board} for board in boards
    }
    return told | {HEALTH: {"status": "OK"}}


@contextmanager
def serving(told: dict[str, Any]) -> Iterator[str]:
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            allowed = self.headers["Authorization"] == "Basic YWRtaW46c2VjcmV0"  # admin:secret
            known = allowed and self.path in told
            self.send_response(200 if known else 404 if allowed else 401)
            self.end_headers()
            self.wfile.write(json.dumps(told.get(self.path)).encode() if known else b"{}")

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def ask(told: dict[str, Any], password: str = "secret\n") -> int:
    with serving(told) as url:
        return grafana.main([url, str(BOARDS)], password)


def test_all_four_dashboards_and_prometheus_are_green(capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(answers()) == 0
    assert "4 dashboards loaded" in capsys.readouterr().out


def test_a_dashboard_that_is_missing_or_maimed_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    told = answers()
    del told["/api/dashboards/uid/alys-error-analysis"]
    told["/api/dashboards/uid/alys-resource-utilization"]["dashboard"]["panels"].pop()
    assert ask(told) == 1
    said = capsys.readouterr().out
    assert "dashboard Error Analysis: HTTP 404" in said
    assert "dashboard Resource Utilization: has " in said


def test_a_prometheus_that_does_not_answer_and_a_wrong_password_are_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert ask(answers() | {HEALTH: {"status": "ERROR", "message": "refused"}}) == 1
    assert "refused" in capsys.readouterr().out
    assert ask(answers(), "admin") == 1
    assert capsys.readouterr().out.count("HTTP 401") == 5


def test_nobody_there_is_named_when_patience_ends(capsys: pytest.CaptureFixture[str]) -> None:
    with serving({}) as url:
        pass
    assert grafana.main([url, str(BOARDS)], "", patience=0) == 1
    assert "refused" in capsys.readouterr().out


def test_a_folder_without_dashboards_is_no_pass(tmp_path: Path) -> None:
    assert grafana.main(["http://127.0.0.1:1", str(tmp_path)], "") == 2
