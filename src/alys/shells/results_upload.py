"""Sends the results folder of a finished run to the service that keeps them (``alys serve``), and tries again while it is away."""

import asyncio
import tarfile
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import aiohttp

from alys.base.errors import EnvironmentFailure
from alys.config.secrets import Secret

RETRY_SECONDS = (0.5, 8.0)
"""The first pause between two attempts, and the longest."""
ATTEMPT_SECONDS = 60.0
CHUNK_BYTES = 256 * 1024
_LATER = frozenset({408, 429, 500, 502, 503, 504, 507})
"""Answers after which another attempt may succeed; any other refusal is final."""


class NotStored(EnvironmentFailure):
    """The results did not reach the service; they are still where the run left them."""


async def send(folder: Path, url: str, token: Secret | None, seconds: float) -> None:
    """Store the folder at the service under its own name. Raises NotStored when that did not succeed in ``seconds``."""
    end = time.monotonic() + seconds
    pause, most = RETRY_SECONDS
    with tempfile.TemporaryDirectory(prefix="alys-upload-") as scratch:
        archive = Path(scratch) / "results.tar.gz"
        try:
            await asyncio.to_thread(_pack, folder, archive)
        except OSError as error:
            raise _not_stored(folder, url, f"cannot pack them: {error}") from error
        while True:
            left = end - time.monotonic()
            reason, final = await _attempt(archive, folder.name, url, token, left)
            if not reason:
                return
            left = end - time.monotonic()
            if final or left <= pause:
                raise _not_stored(folder, url, reason)
            await asyncio.sleep(pause)
            pause = min(most, 2 * pause)


async def _attempt(
    archive: Path, run_id: str, url: str, token: Secret | None, left: float
) -> tuple[str, bool]:
    """Why it did not succeed ("" when it did), and whether that is final."""
    headers = {"Content-Type": "application/gzip"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token.reveal().decode()}"
    target = f"{url.rstrip('/')}/api/runs/{quote(run_id, safe='')}"
    timeout = aiohttp.ClientTimeout(total=max(1.0, min(ATTEMPT_SECONDS, left)))
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.put(target, data=_chunks(archive), headers=headers) as answer,
        ):
            if answer.status < 300:
                return "", False
            said = " ".join((await answer.text(errors="replace")).split())[:200]
            return f"HTTP {answer.status}: {said}", answer.status not in _LATER
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return str(error) or type(error).__name__, False


async def _chunks(archive: Path) -> AsyncIterator[bytes]:
    with archive.open("rb") as source:
        while chunk := source.read(CHUNK_BYTES):
            yield chunk


def _pack(folder: Path, archive: Path) -> None:
    with tarfile.open(archive, "w:gz") as tar:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                tar.add(path, arcname=path.relative_to(folder).as_posix())


def _not_stored(folder: Path, url: str, reason: str) -> NotStored:
    return NotStored(f"the results were not stored at {url}: {reason}; they are still in {folder}")
