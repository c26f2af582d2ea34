"""The keys that stand in a descriptor: hex, WIF or BIP32, with origin, path and range (BIP380).

Part of the facade ``wire.bitcoin``.
"""

import re

import coincurve
import msgspec

from alys.base.errors import AlysError
from alys.wire.bitcoin_hd import HARDENED, BadKey, ExtendedKey, parse_extended_key, parse_wif
from alys.wire.bitcoin_keys import hash160, pubkey_of


class DescriptorError(AlysError):
    """What is wrong with a descriptor, in Core's words."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A key at one number of a range."""

    pubkey: bytes
    """Compressed, or as it was written; x-only keys have 02 in front."""
    secret: bytes | None
    fingerprint: bytes
    path: str
    """From the key with this fingerprint, such as /84h/1h/0h/0/5; empty for a key alone."""

    @property
    def xonly(self) -> bytes:
        """Without the parity."""
        return self.pubkey[1:33]

    @property
    def origin_text(self) -> str:
        """Fingerprint and path in brackets, as in front of a key."""
        return f"[{self.fingerprint.hex()}{self.path}]"


class DescriptorKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key expression. ``text`` is its public form."""

    text: str
    private_text: str
    plain: bytes | None = None
    secret: bytes | None = None
    extended: ExtendedKey | None = None
    steps: tuple[int, ...] = ()
    wildcard: int | None = None
    """0 for ``*``, HARDENED for ``*h``, None for a key that is not ranged."""
    origin: str = ""
    """Fingerprint and path, as between the brackets."""
    mark: str = "h"

    @property
    def normal_text(self) -> str:
        """The public form with the steps up to the last hardened one taken, behind the origin that they give."""
        hardened = [place for place, step in enumerate(self.steps, 1) if step >= HARDENED]
        if self.extended is None or not hardened or self.extended.secret is None:
            return self.text
        taken, left = self.steps[: hardened[-1]], self.steps[hardened[-1] :]
        origin = self.origin or self.extended.fingerprint.hex()
        origin += "".join(f"/{_step_text(step, 'h')}" for step in taken)
        tail = "".join(f"/{step}" for step in left)
        if self.wildcard is not None:
            tail += "/*" + ("h" if self.wildcard else "")
        return f"[{origin}]{self.extended.descendant(taken).public.text}{tail}"

    @property
    def ranged(self) -> bool:
        """Whether it is another key at each number."""
        return self.wildcard is not None

    @property
    def private(self) -> bool:
        """Whether the private half is there."""
        return self.secret is not None or (
            self.extended is not None and self.extended.secret is not None
        )

    def at(self, number: int) -> Found:
        """The key at this number; raises DescriptorError for a hardened child of a public key."""
        before, _, path = self.origin.partition("/")
        path = f"/{path}" if path else ""
        if self.extended is None:
            assert self.plain is not None, "a key is plain or extended"
            mine = bytes.fromhex(before) if before else hash160(self.plain)[:4]
            return Found(pubkey=self.plain, secret=self.secret, fingerprint=mine, path=path)
        steps = self.steps
        if self.wildcard is not None:
            steps = (*steps, number + self.wildcard)
        try:
            key = self.extended.descendant(steps)
        except BadKey as error:
            raise DescriptorError("Cannot derive script without private keys") from error
        mine = bytes.fromhex(before) if before else self.extended.fingerprint
        told = path + "".join(f"/{_step_text(step, self.mark)}" for step in steps)
        return Found(pubkey=key.pubkey, secret=key.secret, fingerprint=mine, path=told)


def _step_text(step: int, mark: str) -> str:
    return f"{step - HARDENED}{mark}" if step >= HARDENED else str(step)


def read_key(text: str, *, compressed: bool = False, xonly: bool = False) -> DescriptorKey:
    """A key expression; raises DescriptorError. ``compressed`` refuses others, ``xonly`` allows 32 bytes."""
    origin, rest = "", text
    if text.startswith("["):
        origin, mark, rest = text[1:].partition("]")
        if not mark:
            raise DescriptorError("Key origin start '[ character expected but not found")
        _check_origin(origin)
    shown = f"[{origin}]" if origin else ""
    if "/" not in rest and (plain := _plain(rest, compressed=compressed, xonly=xonly)) is not None:
        pubkey, secret, public_text = plain
        return DescriptorKey(
            text=shown + public_text,
            private_text=text,
            plain=pubkey,
            secret=secret,
            origin=origin,
        )
    return _extended(text, origin, rest)


def _check_origin(origin: str) -> None:
    fingerprint, *steps = origin.split("/")
    if len(fingerprint) != 8:
        raise DescriptorError(
            f"Fingerprint is not 4 bytes ({len(fingerprint)} characters instead of 8 characters)"
        )
    if not re.fullmatch("[0-9a-f]{8}", fingerprint):
        raise DescriptorError(f"Fingerprint '{fingerprint}' is not hex")
    for step in steps:
        _step(step)


def _plain(text: str, *, compressed: bool, xonly: bool) -> tuple[bytes, bytes | None, str] | None:
    """Public key, secret and public text of a key that is not extended; None when it may be extended."""
    if not text:
        raise DescriptorError("No key provided")
    if re.fullmatch("(?:[0-9a-fA-F]{2})+", text):
        data = bytes.fromhex(text)
        if xonly and len(data) == 32:
            data, text = b"\x02" + data, data.hex()
        elif len(data) == 65 and (xonly or compressed):
            raise DescriptorError("Uncompressed keys are not allowed")
        if not is_point(data):
            raise DescriptorError(f"Pubkey '{text}' is invalid")
        return data, None, text
    try:
        secret = parse_wif(text)
    except BadKey:
        return None
    pubkey = pubkey_of(secret)
    return pubkey, secret, pubkey.hex()


def is_point(data: bytes) -> bool:
    """Whether these bytes are a public key, compressed or not."""
    if len(data) not in (33, 65):
        return False
    try:
        coincurve.PublicKey(data)
    except ValueError:
        return False
    return True


def _extended(text: str, origin: str, rest: str) -> DescriptorKey:
    base, *steps = rest.split("/")
    try:
        key = parse_extended_key(base)
    except BadKey:
        raise DescriptorError(f"key '{base}' is not valid") from None
    wildcard: int | None = None
    if steps and steps[-1] in ("*", "*h", "*'"):
        wildcard = 0 if steps.pop() == "*" else HARDENED
    mark = "'" if "'" in rest else "h"
    path = tuple(_step(step) for step in steps)
    tail = "".join(f"/{_step_text(step, mark)}" for step in path)
    if wildcard is not None:
        tail += "/*" + (mark if wildcard else "")
    front = f"[{origin}]" if origin else ""
    return DescriptorKey(
        text=f"{front}{key.public.text}{tail}",
        private_text=f"{front}{key.text}{tail}",
        extended=key,
        steps=path,
        wildcard=wildcard,
        origin=origin,
        mark=mark,
    )


def _step(text: str) -> int:
    hardened = text[-1:] in ("h", "'")
    digits = text[:-1] if hardened else text
    if not digits.isascii() or not digits.isdecimal():
        raise DescriptorError(f"Key path value '{digits}' is not a valid uint32")
    if int(digits) >= HARDENED:
        raise DescriptorError(f"Key path value {digits} is out of range")
    return int(digits) + (HARDENED if hardened else 0)
