"""Takes the looks of ``alys doctor``, all at once, and has them judged (``diagnosis``). It changes nothing anywhere."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from alys.base.errors import EnvironmentFailure
from alys.base.seen import Cluster, Seen, Trouble
from alys.config.keys import ServiceKeys
from alys.config.settings import Settings
from alys.report.doctor import Finding, State
from alys.runner import diagnosis
from alys.shells import http_probe, machine_probe, service_probe
from alys.shells.jsonrpc_client import Basic, Jwt
from alys.worlds import network, remote

Look = Callable[[str], Awaitable[Seen]]


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What to look at."""

    settings: Settings
    keys: ServiceKeys | None
    """Of the services elsewhere; None for worlds that have none."""
    url: str = ""
    """A running ``alys serve``; empty: where the settings would have one, if it runs."""
    look_at_cluster: Callable[[], Cluster] | None = None
    """None where there is no way to a cluster."""
    step_seconds: float = service_probe.STEP_SECONDS


def examine(request: Request) -> list[Finding]:
    """Every finding, in the order in which a run needs the things."""
    return [*_machine(request.settings), *asyncio.run(_doors(request)), *_cluster(request)]


def _machine(settings: Settings) -> list[Finding]:
    ports = fixed_ports(settings) if settings.world.kind == "local" else {}
    folder = Path(settings.test_environment.results_dir)
    seen = machine_probe.look(folder, settings.world.host, ports)
    return diagnosis.machine(seen, settings)


def fixed_ports(settings: Settings) -> dict[str, int]:
    """The ports that the local world was told to take, each by its setting."""
    world = settings.world
    named = {
        "world.bitcoin_rpc_port": world.bitcoin_rpc_port,
        "world.ethereum_rpc_port": world.ethereum_rpc_port,
        "world.engine_api_port": world.engine_api_port,
    }
    if base := world.governance_base_port:
        named |= {
            f"world.governance_base_port + {index}": base + index
            for index in range(network.AUTHORITIES)
        }
    return {f"{name} = {port}": port for name, port in named.items() if port}


async def _doors(request: Request) -> list[Finding]:
    groups = await asyncio.gather(_services(request), _served(request), _scraping(request))
    return [finding for group in groups for finding in group]


async def _services(request: Request) -> list[Finding]:
    settings, keys, seconds = request.settings, request.keys, request.step_seconds
    if keys is None:
        what = f"world {settings.world.kind} starts its own"
        return [Finding(check="services", state=State.NOT_LOOKED_AT, what=what)]
    known = remote.places(settings.mock_services)
    basic = Basic(
        user=keys.bitcoin_user.reveal().decode(), password=keys.bitcoin_password.reveal().decode()
    )
    jwt = Jwt(secret=keys.engine_jwt_secret.reveal())
    token = keys.admin_token.reveal().decode()
    bitcoin = "BITCOIN_RPC_USER and BITCOIN_RPC_PASSWORD"
    engine = "ENGINE_JWT_SECRET, and clocks less than 60 s apart"
    doors: list[tuple[str, str, str, Look]] = [
        ("bitcoin", known.bitcoin, bitcoin, lambda url: service_probe.bitcoin(url, basic, seconds)),
        ("ethereum", known.ethereum, "", lambda url: service_probe.ethereum(url, seconds)),
        ("engine", known.engine, engine, lambda url: service_probe.engine(url, jwt, seconds)),
    ]
    doors += [
        ("governance", f"//{target}", "", lambda url: service_probe.governance(url[2:], seconds))
        for target in known.governance
    ]
    if settings.world.kind == "remote":
        doors += [
            ("admin port", url, "ADMIN_TOKEN", lambda url: service_probe.admin(url, token, seconds))
            for url in known.admins
        ]
    looks = [door for door in doors if door[1]]  # the local world is given the one or the other
    seen = await asyncio.gather(*(look(url) for _, url, _, look in looks))
    namespace = settings.kubernetes.namespace
    return [
        diagnosis.door(f"{what} {http_probe.address(url)}", one, secret, namespace)
        for (what, url, secret, _), one in zip(looks, seen, strict=True)
    ]


async def _served(request: Request) -> list[Finding]:
    service = request.settings.service
    if not request.url and not service.port:
        what = "service.port 0 is a free port, which nobody knows from outside"
        fix = "give --url for one that runs"
        return [Finding(check="alys serve", state=State.NOT_LOOKED_AT, what=what, fix=fix)]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(service.host, service.host)
    url = request.url or f"http://{f'[{host}]' if ':' in host else host}:{service.port}"
    found: list[Finding] = []
    for path in ("/health", "/ready"):
        seen = await http_probe.probe(url, path, request.step_seconds)
        check = f"alys serve {http_probe.address(url)}{path}"
        found.append(diagnosis.served(check, seen, asked_for=bool(request.url)))
        if seen.trouble not in (Trouble.NONE, Trouble.UNWELL):
            break  # the second probe would say the same
    return found


async def _scraping(request: Request) -> list[Finding]:
    settings = request.settings
    off = [
        key
        for key, on in (
            ("prometheus.enabled", settings.prometheus.enabled),
            ("monitoring.prometheus_enabled", settings.monitoring.prometheus_enabled),
        )
        if not on
    ]
    if off:
        what = f"{off[0]} is false"
        return [Finding(check="Prometheus", state=State.NOT_LOOKED_AT, what=what)]
    endpoint = settings.prometheus.endpoint
    seen, targets = await http_probe.targets(endpoint, request.step_seconds)
    check = f"Prometheus {http_probe.address(endpoint)}"
    return diagnosis.scraping(check, seen, targets, settings.kubernetes.namespace)


def _cluster(request: Request) -> list[Finding]:
    if request.look_at_cluster is None:
        what, fix = "no pod, and no KUBECONFIG", "KUBECONFIG=~/.kube/config alys doctor"
        return [Finding(check="cluster", state=State.NOT_LOOKED_AT, what=what, fix=fix)]
    try:
        return diagnosis.cluster(request.look_at_cluster())
    except EnvironmentFailure as error:
        fix = "make the API server reachable, or unset KUBECONFIG"
        return [Finding(check="cluster", state=State.WRONG, what=str(error), fix=fix)]
