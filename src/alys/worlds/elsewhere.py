"""A world whose node is another process: what needs its actors in the runner's own is refused, with what brings it back."""

import abc
from typing import Any, TypeVar, cast

from typing_extensions import override

from alys.actors.message import Request
from alys.actors.reply import Reply
from alys.config.settings import Settings
from alys.worlds.attached import AttachedWorld
from alys.worlds.forger import Verdict
from alys.worlds.nodes import refuse
from alys.worlds.protocol import ScenarioInfo
from alys.worlds.supervised import ActorsSide

T = TypeVar("T")


class ElsewhereWorld(AttachedWorld, abc.ABC):
    """See the module's docstring; ``wants`` ends the sentence that says what a verb needs."""

    wants: str

    def __init__(self, settings: Settings, info: ScenarioInfo) -> None:
        super().__init__(settings, info)
        self.actors = cast(ActorsSide, _NoActors(self.wants))

    @override
    async def call_actor(self, name: str, request: Request[T]) -> T:
        refuse("call_actor", self.wants)

    @override
    def begin_call(self, name: str, request: Request[T]) -> Reply[T]:
        refuse("begin_call", self.wants)

    @override
    async def offer(self, block: bytes) -> tuple[Verdict, ...]:
        refuse("offer", self.wants)

    @override
    def messages(self) -> list[dict[str, Any]]:
        refuse("messages", self.wants)


class _NoActors:
    """Stands where the actors would be; says so to whoever asks for one of its verbs."""

    def __init__(self, wants: str) -> None:
        self._wants = wants

    def __getattr__(self, name: str) -> Any:
        refuse(f"actors.{name}", self._wants)
