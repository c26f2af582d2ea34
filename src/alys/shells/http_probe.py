"""Looks at a running ``alys serve`` and at Prometheus; as short, harmless and quiet as the looks of ``service_probe``."""

from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec

from alys.base.seen import Seen, Target, Trouble
from alys.shells.service_probe import STEP_SECONDS, look

WORDS_MAX = 200
"""Characters of an answer that are shown."""


async def probe(url: str, path: str, seconds: float = STEP_SECONDS) -> Seen:
    """One of the two probes of a service, ``/health`` or ``/ready``: 200 is well, 503 is unwell, anything else is not ours."""

    async def speak() -> Seen:
        status, text = await _get(url.rstrip("/") + path)
        words = " ".join(text.decode(errors="replace").split())[:WORDS_MAX]
        if status == 200:
            return Seen(Trouble.NONE, words)
        if status == 503:
            return Seen(Trouble.UNWELL, words)
        return Seen(Trouble.OTHER_PROTOCOL, f"HTTP {status or 'is not spoken'} at {path}")

    return await look(url, speak, seconds)


async def targets(url: str, seconds: float = STEP_SECONDS) -> tuple[Seen, tuple[Target, ...]]:
    """What a Prometheus scrapes, by https://prometheus.io/docs/prometheus/latest/querying/api/#targets."""
    found: list[Target] = []

    async def speak() -> Seen:
        status, text = await _get(url.rstrip("/") + "/api/v1/targets?state=active")
        try:
            answer: Any = msgspec.json.decode(text)
            found.extend(_target(one) for one in answer["data"]["activeTargets"])
        except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
            return Seen(
                Trouble.OTHER_PROTOCOL, f"no list of targets (HTTP {status or 'not spoken'})"
            )
        return Seen(Trouble.NONE, "answers")

    return await look(url, speak, seconds), tuple(found)


def _target(said: Any) -> Target:
    return Target(
        job=said["labels"]["job"],
        url=said.get("scrapeUrl", ""),
        health=said["health"],
        last_error=" ".join(said.get("lastError", "").split())[:WORDS_MAX],
    )


def address(url: str) -> str:
    """``host:port`` of a URL, which has neither user nor password in it."""
    return urlsplit(url).netloc.rpartition("@")[2]


async def _get(url: str) -> tuple[int, bytes]:
    """Status and text; status 0 where what answered was not HTTP."""
    try:
        async with aiohttp.ClientSession() as client, client.get(url) as answer:
            return answer.status, await answer.read()
    except (aiohttp.ClientError, OSError) as error:
        if isinstance(error, TimeoutError):
            raise
        return 0, b""
