"""One service as a process of its own: its doors open, SIGTERM closes them, and what it says of itself on the way.

A service is what answers its own protocol; what all have in common is here: a port for metrics and probes, an admin port, and an
end that comes within five seconds whatever is going on. ``/health`` says that the process lives, ``/ready`` that a call of the
service's own protocol, over its own port, was answered just now.
"""

import abc
import asyncio
import contextlib
import logging
import os
import secrets
import signal
from collections.abc import Awaitable, Callable, Iterator

from alys.base.prng import Random, SeededRandom
from alys.config.services import Doors
from alys.monitoring import samples
from alys.monitoring.samples import Sample
from alys.shells import metrics_source
from alys.shells.admin_server import Verbs, serve_admin
from alys.shells.jsonrpc_server import RunningServer
from alys.shells.metrics_server import serve_metrics
from alys.shells.session import Session

READY_SECONDS = 2.0
"""How long a service may take over the probe's call; a kubelet that asks waits three."""
CLOSE_SECONDS = 3.0
"""How long calls and streams under way may hold up the end together."""
END_SECONDS = 4.0
"""When a process that was told to end does so even in the middle of a call: its chains live in memory, nothing is lost."""

LOG = logging.getLogger("alys.mock")

Closer = Callable[[], Awaitable[None]]


class Service(abc.ABC):
    """A service with its model; ``session`` is whose chains it has at the moment."""

    def __init__(self) -> None:
        self.session = Session(name="")
        self.closers: list[Closer] = []
        #: Called when all ports are closed and nothing more will be asked.
        self.last: list[Callable[[], None]] = []

    @abc.abstractmethod
    async def open(self, end: Callable[[], None]) -> dict[str, str]:
        """Bind the ports and tell each one's address by its name; ``end`` asks for the end of the process.

        What was opened is in ``closers`` even where a later port raises EnvironmentFailure.
        """

    @abc.abstractmethod
    async def ready(self) -> str:
        """ "" when a call over each port was answered, else why not."""

    @property
    @abc.abstractmethod
    def verbs(self) -> Verbs:
        """What the admin port may do."""

    def keep(self, server: RunningServer) -> str:
        """Close this server at the end; its address."""
        self.closers.append(server.close)
        return server.url


def run(service: Service, settings: Doors, say: Callable[[str], None]) -> None:
    """Serve until SIGTERM; Ctrl-C raises KeyboardInterrupt. ``say`` gets a line per port once all of them are open."""
    asyncio.run(_life(service, settings, say))


async def _life(service: Service, settings: Doors, say: Callable[[str], None]) -> None:
    ended = asyncio.Event()
    with _terminating(ended.set):
        try:
            for name, url in (await open_doors(service, settings, ended.set)).items():
                say(f"{name} {url}\n")
            await ended.wait()
            LOG.info("ending")
        finally:
            await close_doors(service)


async def open_doors(service: Service, settings: Doors, end: Callable[[], None]) -> dict[str, str]:
    """The service's own ports and the two that all have; each one's address. Raises EnvironmentFailure."""
    doors = await service.open(end)
    token = settings.admin_token.reveal().decode()
    admin = await serve_admin(service.verbs, settings.admin_host, settings.admin_port, token)
    doors["admin"] = service.keep(admin)

    async def scrape() -> list[Sample]:
        faults = service.verbs.faults()
        touched = samples.of_faults(faults.scope.service, faults.touched())
        return [*await metrics_source.process_alone(), *touched]

    metrics = await serve_metrics(scrape, settings.host, settings.metrics_port, ready=service.ready)
    return {**doors, "metrics": service.keep(metrics)}


async def close_doors(service: Service) -> None:
    """All at once; a call that does not end does not keep the others."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_SECONDS):
            await asyncio.gather(*(close() for close in service.closers), return_exceptions=True)
    for let_go in service.last:
        let_go()


@contextlib.contextmanager
def _terminating(end: Callable[[], None]) -> Iterator[None]:
    """While inside, SIGTERM calls ``end`` on the loop.

    The loop's own way to hear of signals waits for the call under way, which may be a long one (a thousand blocks to mine): here
    the handler interrupts it, and sets the alarm that ends the process.
    """
    loop = asyncio.get_running_loop()

    def terminate(*_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, END_SECONDS)
        loop.call_soon_threadsafe(end)

    def give_up(*_: object) -> None:
        os._exit(0)

    before = [
        (number, signal.signal(number, handler))
        for number, handler in ((signal.SIGTERM, terminate), (signal.SIGALRM, give_up))
    ]
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before:
            signal.signal(number, handler)


def callable_from_here(url: str) -> str:
    """The same address for a caller on this machine: a service on all addresses is called on the loopback."""
    return url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")


def chance() -> Random:
    """What a service draws from: nobody can say beforehand, and nobody has to."""
    return SeededRandom(int.from_bytes(secrets.token_bytes(8), "big"))
