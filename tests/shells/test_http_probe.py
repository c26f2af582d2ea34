"""A running service by its two probes, and Prometheus by its targets."""

import asyncio
from collections.abc import Mapping

import pytest

from alys.base.seen import Seen, Target, Trouble
from alys.shells import http_probe
from tests.shells import doors, prometheus

SECONDS = 10.0
PATH = "/api/v1/targets"


def probed(answers: Mapping[str, tuple[int, object]], path: str) -> Seen:
    async def life() -> Seen:
        async with prometheus.serving(answers) as url:
            return await http_probe.probe(url + "/", path, SECONDS)

    return asyncio.run(life())


@pytest.mark.parametrize(
    ("status", "seen"),
    [
        (200, Seen(Trouble.NONE, "parked for run 7")),
        (503, Seen(Trouble.UNWELL, "parked for run 7")),
        (404, Seen(Trouble.OTHER_PROTOCOL, "HTTP 404 at /ready")),
    ],
)
def test_a_probe_is_told_with_its_words(status: int, seen: Seen) -> None:
    assert probed({"/ready": (status, "parked for\nrun 7\n")}, "/ready") == seen


def test_what_speaks_no_http_is_another_protocol() -> None:
    async def life() -> tuple[Seen, Seen]:
        async with doors.speaking(b"SSH-2.0-OpenSSH_9.7\r\n") as url:
            seen, found = await http_probe.targets(url, SECONDS)
            assert found == ()
            return await http_probe.probe(url, "/health", SECONDS), seen

    probe, targets = asyncio.run(life())
    assert probe == Seen(Trouble.OTHER_PROTOCOL, "HTTP is not spoken at /health")
    assert targets == Seen(Trouble.OTHER_PROTOCOL, "no list of targets (HTTP not spoken)")


def test_a_service_that_says_nothing_is_timed_out() -> None:
    async def life() -> Seen:
        async with doors.speaking(b"") as url:
            return await http_probe.probe(url, "/health", 0.1)

    assert asyncio.run(life()).trouble is Trouble.TIMED_OUT


def asked(status: int, body: object) -> tuple[Seen, tuple[Target, ...]]:
    async def life() -> tuple[Seen, tuple[Target, ...]]:
        async with prometheus.serving({PATH: (status, body)}) as url:
            return await http_probe.targets(url, SECONDS)

    return asyncio.run(life())


def test_targets_are_read_with_their_last_error() -> None:
    body = prometheus.answer_of(prometheus.target("mock-services", "down", "connection\nrefused"))
    seen, (target,) = asked(200, body)
    assert seen == Seen(Trouble.NONE, "answers")
    assert target == Target(
        job="mock-services",
        url="http://10.0.0.1:9100/mock-services",
        health="down",
        last_error="connection refused",
    )


@pytest.mark.parametrize("body", ["<html>", [], {"data": {"activeTargets": [{"labels": {}}]}}])
def test_anything_else_is_no_prometheus(body: object) -> None:
    seen, _ = asked(200, body)
    assert seen == Seen(Trouble.OTHER_PROTOCOL, "no list of targets (HTTP 200)")


def test_an_address_has_no_password_in_it() -> None:
    assert http_probe.address("http://user:secret@host:8080/path") == "host:8080"
