"""A client of a service's admin port: sessions, faults, and what the service saw."""

from typing import Any, TypeVar

import aiohttp
import msgspec

from alys.base.errors import AlysError, EnvironmentFailure
from alys.base.faults import AnyFault, plain
from alys.base.misbehaviour import Noted
from alys.shells.session import (
    Federation,
    FederationSession,
    Listening,
    ListeningSession,
    Session,
)

T = TypeVar("T")

TIMEOUT_SECONDS = 10.0


class FaultList(msgspec.Struct, frozen=True, kw_only=True):
    """What an admin port shows of faults."""

    service: str
    """``bitcoin``, ``ethereum`` or ``governance``."""
    faults: tuple[Noted, ...]


class _Ordered(FaultList, frozen=True, kw_only=True):
    ids: tuple[int, ...]


class AdminRefused(AlysError):
    """The service refused; ``status`` is HTTP's (400 the request, 401 the token, 404 nothing this service can do)."""

    def __init__(self, where: str, status: int, reason: str) -> None:
        super().__init__(f"{where}: {reason} (HTTP {status})")
        self.status = status
        self.reason = reason


class AdminDown(EnvironmentFailure):
    """No answer from an admin port, or none that makes sense."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(
            f"{where}: {reason}: is the service up, and its admin port reachable from here?"
        )
        self.reason = reason


class ServiceAdmin:
    """Speaks to one admin port, ``http://host:port``; raises AdminRefused and AdminDown. The token is shown nowhere."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"}
        self._timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)

    async def session(self, wanted: Session, answer: type[T]) -> T:
        """Fresh chains; ``answer`` is the service's: BitcoinSession, EthereumSession or GovernanceSession."""
        return await self._post("/session", wanted, answer)

    async def federation(self, wanted: Federation) -> FederationSession:
        """Tell a governance node whom it signs with, once all have told their keys."""
        return await self._post("/session/federation", wanted, FederationSession)

    async def listening(self, *, grpc: bool) -> ListeningSession:
        """Take a governance node off the network, or back."""
        return await self._post("/listening", Listening(grpc=grpc), ListeningSession)

    async def push(self, verb: str, **fields: object) -> dict[str, Any]:
        """Have a governance node announce something: ``federation_update``, ``proposal``, ``emergency_halt`` or ``resume``."""
        return await self._post("/push", {verb: fields}, dict)

    async def state(self) -> dict[str, Any]:
        """Everything that the service has seen, as JSON values."""
        return await self._call("GET", "/state", None, dict)

    async def faults(self, **switches: bool) -> dict[str, Any]:
        """Switch a governance node's faults on and off; the answer shows all, with how often each took effect."""
        return await self._post("/faults", switches, dict)

    async def inject(self, *faults: AnyFault) -> tuple[int, ...]:
        """Order these, all or none; their ids."""
        told = await self._post("/faults", [plain(fault) for fault in faults], _Ordered)
        return told.ids

    async def injected(self) -> tuple[Noted, ...]:
        """All faults of this session, on or ended, as they stand."""
        return (await self.fault_list()).faults

    async def fault_list(self) -> FaultList:
        """The same, and whose they are."""
        return await self._call("GET", "/faults", None, FaultList)

    async def lift(self, number: int) -> Noted:
        """End one; as it stood."""
        (one,) = (await self._call("DELETE", f"/faults/{number}", None, FaultList)).faults
        return one

    async def clear_faults(self) -> tuple[Noted, ...]:
        """End and forget all; as they stood."""
        return (await self._call("DELETE", "/faults", None, FaultList)).faults

    async def _post(self, path: str, body: object, answer: type[T]) -> T:
        return await self._call("POST", path, msgspec.json.encode(body), answer)

    async def _call(self, verb: str, path: str, body: bytes | None, answer: type[T]) -> T:
        where = f"{self.url}{path}"
        try:
            async with (
                aiohttp.ClientSession(timeout=self._timeout, headers=self._headers) as session,
                session.request(verb, where, data=body) as got,
            ):
                status, text = got.status, await got.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise AdminDown(where, str(error) or type(error).__name__) from error
        if status != 200:
            raise AdminRefused(where, status, _reason(text))
        try:
            return msgspec.json.decode(text, type=answer)
        except msgspec.DecodeError as error:
            raise AdminDown(where, f"an answer of another form: {error}") from error


def _reason(text: bytes) -> str:
    """What the service said of its refusal."""
    try:
        return msgspec.json.decode(text, type=dict[str, str])["error"]
    except (msgspec.DecodeError, KeyError):
        return text[:200].decode(errors="replace").strip()
