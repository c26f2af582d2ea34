"""The transport between nodes where sockets are real: a door of its own for every authority of this process.

The keys are the development network's: anyone can guess them, as its other keys. What one authority's door needs to know of those in
other processes is their names and keys, which follow from their numbers, and for a first dial an address of one of them.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from alys.actors.system import System
from alys.chain import spec_document
from alys.chain.spec import DEV_SECRETS, ChainSpec
from alys.shells import wire_keys
from alys.shells.wire_door import Door
from alys.shells.wire_gateway import Isolate
from alys.shells.wire_link import Times


class Doors:
    """The doors of some of a network's authorities, and a world's verbs on what lies between them (``nodes.WiresSide``)."""

    def __init__(
        self,
        spec: ChainSpec,
        names: Sequence[str],
        here: Iterable[int],
        system: System,
        *,
        host: str = "127.0.0.1",
        known: Sequence[str] = (),
        ports: Mapping[int, int] | None = None,
        announced: Mapping[int, str] | None = None,
        times: Times | None = None,
    ) -> None:
        """``names`` are the trees by authority, ``here`` the authorities of this process, ``known`` addresses of others by authority.

        ``ports`` are to be taken by authority; others are free ones. ``announced`` is where peers shall dial, if that is elsewhere.
        """
        self._names = tuple(names)
        self._system = system
        self._known = tuple(known)
        self._isolated: dict[str, set[str]] = {name: set() for name in names}
        public = {name: wire_keys.public_of(secret(n)) for n, name in enumerate(names)}
        self._doors = {
            index: Door(
                names[index],
                secret(index),
                {name: key for name, key in public.items() if name != names[index]},
                network=network_of(spec),
                host=host,
                port=(ports or {}).get(index, 0),
                announced=(announced or {}).get(index, ""),
                times=times,
            )
            for index in here
        }
        for door in self._doors.values():
            door.listen()  # so that its port is known before anybody starts

    def of(self, index: int) -> Door:
        """An authority's."""
        return self._doors[index]

    def addresses(self) -> Mapping[int, str]:
        """Where authorities take connections, as far as that is known here."""
        known = {index: address for index, address in enumerate(self._known) if address}
        return known | {index: door.address for index, door in self._doors.items()}

    # Verbs

    def cut(self, one: str, other: str) -> None:
        """Let nothing pass between two, as far as they are here."""
        self._isolated[one].add(other)
        self._isolated[other].add(one)
        self._tell(one, other)

    def join(self, one: str, other: str) -> None:
        """Let it pass again."""
        self._isolated[one].discard(other)
        self._isolated[other].discard(one)
        self._tell(one, other)

    def isolate(self, one: str, others: Iterable[str]) -> None:
        """Let nothing pass between a node that is here and these, and everything between it and all others."""
        self._isolated[one] = set(others)
        self._tell(one)

    def gone(self, tree: str) -> None:
        """Its tasks and sockets end with it."""
        for door in self._doors.values():
            if door.name == tree:
                door.close()

    async def close(self) -> None:
        """All of them."""
        for door in self._doors.values():
            door.close()

    def _tell(self, *names: str) -> None:
        for name in names:
            if any(door.name == name for door in self._doors.values()):
                order = Isolate(peers=tuple(sorted(self._isolated[name])))
                self._system.tell(self._system.whereis(f"{name}/ports/wire"), order)


def secret(index: int) -> bytes:
    """An authority's network key on a development network."""
    return hashlib.sha256(b"alys development network key" + DEV_SECRETS[index]).digest()


def network_of(spec: ChainSpec) -> bytes:
    """What nodes of one chain have in common: a digest of its specification."""
    return hashlib.sha256(msgspec.json.encode(spec_document.write(spec))).digest()
