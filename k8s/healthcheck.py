"""The health check of the image: asks the container's first process on its own port, and says what is wrong.

Standard library only; curl is not in the image. `alys serve` is asked at 8080 and `alys mock` at METRICS_PORT; a
run, `alys test`, ends by itself and says how it went by its exit code, so there is nothing to ask.
"""

import http.client
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

SECONDS_MAX = 4  # Docker gives the whole check five

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # whatever http_proxy says


def address(words: list[str], environment: Mapping[str, str]) -> str | None:
    """Where a process with this command line tells its health; None where it has no such place."""
    if "serve" in words:
        return "http://127.0.0.1:8080/health"
    if "mock" in words:
        return f"http://127.0.0.1:{environment.get('METRICS_PORT', '9100')}/health"
    return None


def flaw(url: str) -> str | None:
    """What is wrong with the answer of this address; None when it is 200."""
    try:
        with _DIRECT.open(url, timeout=SECONDS_MAX) as answer:
            status = answer.status
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        return f"{url}: {error}"
    return None if status == 200 else f"{url} answers {status}"


def main() -> int:
    """0 when the container is well, 1 with a line on standard output when it is not."""
    words = Path("/proc/1/cmdline").read_bytes().decode(errors="replace").split("\0")
    url = address(words, os.environ)
    wrong = flaw(url) if url else None
    print(wrong or "healthy")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
