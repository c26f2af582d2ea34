"""What a shell asks of a service's faults, from the first word with its admin port to the last: a command has one and ends."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import msgspec

from alys.base.errors import EnvironmentFailure, Inconclusive, UsageError
from alys.base.faults import AnyFault
from alys.base.misbehaviour import Noted
from alys.shells.service_admin import AdminRefused, ServiceAdmin

T = TypeVar("T")

LOOK_SECONDS = 0.1
UNAUTHORIZED = 401


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A service by its admin port. The token is shown nowhere."""

    service: str
    url: str
    token: str


def inject(target: Target, fault: AnyFault, wait_seconds: float | None = None) -> tuple[Noted, ...]:
    """Order a fault, and wait for its first bite where ``wait_seconds`` (wall) says so; how it stands.

    Raises UsageError for what the service cannot commit, EnvironmentFailure when it is not there or is another one, Inconclusive when
    the fault bit nothing in this time. It stays on then.
    """
    return _talk(target, lambda admin: _inject(admin, fault, wait_seconds))


def listed(target: Target) -> tuple[Noted, ...]:
    """All faults, on or ended. Raises EnvironmentFailure."""
    return _talk(target, lambda admin: admin.injected())


def removed(target: Target, number: int) -> tuple[Noted, ...]:
    """End one; how it stood. Raises UsageError when there is none of this id, EnvironmentFailure."""

    async def remove(admin: ServiceAdmin) -> tuple[Noted, ...]:
        return (await admin.lift(number),)

    return _talk(target, remove)


def cleared(target: Target) -> tuple[Noted, ...]:
    """End and forget all; how they stood. Raises EnvironmentFailure."""
    return _talk(target, lambda admin: admin.clear_faults())


async def _inject(
    admin: ServiceAdmin, fault: AnyFault, wait_seconds: float | None
) -> tuple[Noted, ...]:
    (number,) = await admin.inject(fault)
    loop = asyncio.get_running_loop()
    end = loop.time() + (wait_seconds or 0.0)
    while True:
        (noted,) = [one for one in await admin.injected() if one.id == number]
        if noted.touched or wait_seconds is None:
            return (noted,)
        if loop.time() >= end:
            raise Inconclusive(
                f"the fault {number} ({fault.kind}) touched nothing in {wait_seconds:g} s"
            )
        await asyncio.sleep(LOOK_SECONDS)


def _talk(target: Target, talk: Callable[[ServiceAdmin], Coroutine[Any, Any, T]]) -> T:
    async def whole() -> T:
        admin = ServiceAdmin(target.url, target.token)
        found = (await admin.fault_list()).service
        if found != target.service:
            raise EnvironmentFailure(
                f"{target.url} is a {found} service, not {target.service}: give its --admin-url"
            )
        return await talk(admin)

    try:
        return asyncio.run(whole())
    except AdminRefused as error:
        if error.status == UNAUTHORIZED:
            raise EnvironmentFailure(
                f"{target.url} does not know this token: set ADMIN_TOKEN to the service's"
            ) from error
        raise UsageError(f"{target.service}: {error.reason}") from error
