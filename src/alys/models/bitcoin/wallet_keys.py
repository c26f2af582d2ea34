"""What a wallet can receive on: its descriptors, each with the scripts that are watched, and the signer for them."""

from collections.abc import Iterable

import msgspec

from alys.wire import bitcoin
from alys.wire.bitcoin import Descriptor, Output, Signer

LOOK_AHEAD = 20
"""How many scripts after the last one handed out are watched. Core watches a thousand; whoever derives further must say so
by importing the descriptor with a range."""

PURPOSES = {"legacy": 44, "p2sh-segwit": 49, "bech32m": 86, "bech32": 84}
"""BIP44, 49, 86 and 84: the first step of the path by type of address, in Core's order of descriptors."""

_FORMS = {
    "legacy": "pkh({})",
    "p2sh-segwit": "sh(wpkh({}))",
    "bech32m": "tr({})",
    "bech32": "wpkh({})",
}


class Pool(msgspec.Struct, kw_only=True, eq=False):
    """A descriptor of a wallet. Compared by identity."""

    descriptor: Descriptor
    timestamp: int
    """Coins from before were not looked for."""
    active: bool = False
    internal: bool = False
    """For change."""
    kind: str = ""
    """The type of its addresses; empty for a descriptor of something else."""
    next: int = 0
    watched: int = 0
    """How many numbers of the range have their scripts below."""
    scripts: dict[bytes, int] = msgspec.field(default_factory=dict)
    first: int = 0

    def watch(self, end: int) -> None:
        """Have the scripts of all numbers below ``end`` watched."""
        for number in range(max(self.watched, self.first), end):
            for output in self.descriptor.outputs(number):
                self.scripts.setdefault(output.script, number)
        self.watched = max(self.watched, end)

    def take(self) -> bytes:
        """The next script."""
        number = self.next
        self.next += 1
        self.watch(self.next + LOOK_AHEAD)
        return self.descriptor.outputs(number)[0].script

    def used(self, script: bytes) -> None:
        """A coin came in on this script: those up to it are not handed out any more."""
        if self.descriptor.ranged and self.scripts[script] >= self.next:
            self.next = self.scripts[script] + 1
            self.watch(self.next + LOOK_AHEAD)

    def output(self, script: bytes) -> Output:
        """A watched script with its keys."""
        outputs = self.descriptor.outputs(self.scripts[script])
        return next(one for one in outputs if one.script == script)

    @property
    def normal_text(self) -> str:
        """The descriptor from the last hardened step on, with its origin and checksum."""
        return bitcoin.with_checksum(self.descriptor.normal_text)


def kind_of(descriptor: Descriptor) -> str:
    """The type of address that a descriptor of one key gives."""
    for kind, form in _FORMS.items():
        if descriptor.text.startswith(form.partition("{")[0]):
            return kind
    return ""


def fresh_pools(seed: bytes, timestamp: int) -> list[Pool]:
    """The eight descriptors of a new wallet."""
    root = bitcoin.master_key(seed).text
    pools = []
    for kind, purpose in PURPOSES.items():
        for internal in (False, True):
            path = f"{root}/{purpose}h/1h/0h/{int(internal)}/*"
            pool = Pool(
                descriptor=bitcoin.parse_descriptor(_FORMS[kind].format(path)),
                timestamp=timestamp,
                active=True,
                internal=internal,
                kind=kind,
            )
            pool.watch(LOOK_AHEAD)
            pools.append(pool)
    return pools


def signer_for(outputs: Iterable[Output]) -> Signer:
    """A signer with the keys of these outputs."""
    secrets: dict[bytes, bytes] = {}
    scripts: dict[bytes, bytes] = {}
    taproot: dict[bytes, tuple[bytes, bytes]] = {}
    for output in outputs:
        for key in output.keys:
            if key.secret is not None:
                secrets[bitcoin.pubkey_of(key.secret)] = key.secret
        wanting = output.script
        for inner in output.inner:
            scripts[wanting] = inner
            wanting = inner
        first = output.keys[0].secret if output.keys else None
        if first is not None and bitcoin.script_type(output.script) == "witness_v1_taproot":
            taproot[output.script[2:]] = (first, output.merkle_root)
    hashes = {bitcoin.hash160(pubkey): pubkey for pubkey in secrets}
    return Signer(secrets=secrets, hashes=hashes, scripts=scripts, taproot=taproot)
