"""The event stream: actors subscribe to a type of message and are told whatever of it is published (Pekko's EventStream)."""

from typing import TYPE_CHECKING, Any

from alys.actors.errors import MailboxFull
from alys.actors.message import Message
from alys.actors.ref import Ref

if TYPE_CHECKING:
    from alys.actors.system import System


class DeadLetter(Message, frozen=True, kw_only=True):
    """A message that nobody will handle. One about another dead letter is not published."""

    message: Message
    sender: Ref
    recipient: Ref
    reason: str


class EventStream:
    """Subscribers by type. Delivery is at most once: a subscriber whose mailbox is full misses the event."""

    def __init__(self, system: "System") -> None:
        self._system = system
        self._subscribers: dict[type[Message], dict[Any, bool]] = {}

    @property
    def subscribed(self) -> bool:
        """Whether anybody subscribes to anything."""
        return bool(self._subscribers)

    def subscribe(self, ref: Ref, kind: type[Message]) -> None:
        """Tell this actor what is published of this type or a subtype, until it is gone."""
        self._subscribers.setdefault(kind, {})[ref] = True

    def unsubscribe(self, ref: Ref, kind: type[Message] | None = None) -> None:
        """No events of this type any more; of no type when none is given."""
        for subscribed in (kind,) if kind is not None else tuple(self._subscribers):
            subscribers = self._subscribers.get(subscribed, {})
            subscribers.pop(ref, None)
            if not subscribers:
                self._subscribers.pop(subscribed, None)

    def wants(self, kind: type[Message]) -> bool:
        """Whether anybody would hear of it."""
        return any(issubclass(kind, subscribed) for subscribed in self._subscribers)

    def publish(self, event: Message) -> None:
        """Tell all subscribers, in the order in which they subscribed."""
        if isinstance(event, DeadLetter) and isinstance(event.message, DeadLetter):
            return
        told: dict[Any, bool] = {}
        for kind, subscribers in list(self._subscribers.items()):
            if isinstance(event, kind):
                told.update(subscribers)
        for ref in told:
            if ref.cell is None or ref.cell.is_stopped:
                self.unsubscribe(ref)
                continue
            try:
                self._system.tell(ref, event)
            except MailboxFull:
                continue  # reported as a dead letter of its own
