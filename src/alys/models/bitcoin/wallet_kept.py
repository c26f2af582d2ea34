"""What of a wallet outlives the process: its descriptors, names and notes. Its transactions it reads from the chain again.

Under ``wallet/NAME`` stands the wallet, under ``wallet/NAME/ADDRESS`` the label of an address; the name is in hex.
"""

import msgspec

from alys.models.bitcoin.kept import Kept
from alys.models.bitcoin.wallet import Note, Wallet
from alys.models.bitcoin.wallet_keys import Pool, kind_of
from alys.wire import bitcoin
from alys.wire.bitcoin import OutPoint

PREFIX = "wallet/"


class _Descriptor(msgspec.Struct, frozen=True, kw_only=True):
    text: str
    timestamp: int
    active: bool
    internal: bool
    next: int
    first: int
    watched: int


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A wallet as it is kept."""

    name: str
    private_keys: bool
    blank: bool
    avoid_reuse: bool
    startup: bool
    descriptors: tuple[_Descriptor, ...]
    locked: tuple[OutPoint, ...]
    notes: dict[str, Note]


def keep(kept: Kept, wallet: Wallet) -> None:
    """Write what is new of a wallet."""
    stored = Stored(
        name=wallet.name,
        private_keys=wallet.private_keys,
        blank=wallet.blank,
        avoid_reuse=wallet.avoid_reuse,
        startup=wallet.startup,
        descriptors=tuple(_described(pool) for pool in wallet.pools),
        locked=tuple(sorted(wallet.locked)),
        notes=wallet.notes,
    )
    kept.put(_name(wallet.name), msgspec.json.encode(stored))
    while wallet.renamed:
        address = wallet.renamed.pop()
        kept.put(f"{_name(wallet.name)}/{address}", wallet.labels[address].encode())


def _name(name: str) -> str:
    return PREFIX + name.encode().hex()


def _described(pool: Pool) -> _Descriptor:
    return _Descriptor(
        text=pool.descriptor.private_text,
        timestamp=pool.timestamp,
        active=pool.active,
        internal=pool.internal,
        next=pool.next,
        first=pool.first,
        watched=pool.watched,
    )


def stored(kept: Kept) -> list[Stored]:
    """The wallets that are kept."""
    return [
        msgspec.json.decode(value, type=Stored)
        for name, value in kept.under(PREFIX).items()
        if "/" not in name[len(PREFIX) :]
    ]


def fill(kept: Kept, wallet: Wallet, found: Stored) -> None:
    """Give a blank wallet what was kept of it."""
    wallet.blank, wallet.startup = found.blank, found.startup
    wallet.locked.update(found.locked)
    wallet.notes.update(found.notes)
    for one in found.descriptors:
        descriptor = bitcoin.parse_descriptor(one.text)
        pool = Pool(
            descriptor=descriptor,
            timestamp=one.timestamp,
            active=one.active,
            internal=one.internal,
            kind=kind_of(descriptor),
            next=one.next,
            first=one.first,
        )
        pool.watch(one.watched)
        wallet.pools.append(pool)
    prefix = f"{_name(wallet.name)}/"
    for name, label in kept.under(prefix).items():
        wallet.labels[name[len(prefix) :]] = label.decode()
