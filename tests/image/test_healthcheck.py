"""The image's health check asks the process that is there, and is red when it is not well."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from typing_extensions import override

from k8s import healthcheck


@pytest.mark.parametrize(
    ("line", "variables", "asked"),
    [
        ("/opt/alys/bin/python3 /opt/alys/bin/alys serve", {}, "http://127.0.0.1:8080/health"),
        ("catatonit -- alys serve --config x", {}, "http://127.0.0.1:8080/health"),
        ("python3 alys mock bitcoin", {}, "http://127.0.0.1:9100/health"),
        ("alys mock ethereum", {"METRICS_PORT": "9155"}, "http://127.0.0.1:9155/health"),
        ("alys test integration", {}, None),
    ],
)
def test_it_asks_where_this_command_line_tells_its_health(
    line: str, variables: dict[str, str], asked: str | None
) -> None:
    assert healthcheck.address(line.split(), variables) == asked


@contextmanager
def answering(status: int) -> Iterator[str]:
    """A server on a free port of this machine that answers everything with one status."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/health"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_200_is_well_and_anything_else_is_named() -> None:
    with answering(200) as url:
        assert healthcheck.flaw(url) is None
    with answering(503) as url:
        assert "503" in str(healthcheck.flaw(url))


def test_nobody_there_is_named() -> None:
    with answering(200) as url:
        pass
    assert url in str(healthcheck.flaw(url))
