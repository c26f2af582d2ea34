"""Secrets as wallets write them: WIF, and BIP32's extended keys with their children (part of the facade ``wire.bitcoin``).

Everything is of a test network: prefixes 0xEF, tpub and tprv.
"""

import functools
import hashlib
import hmac

import coincurve
import msgspec
from btclib import base58

from alys.base.errors import AlysError
from alys.wire.bitcoin_keys import hash160, pubkey_of

HARDENED = 1 << 31
_WIF = b"\xef"
_TPUB = bytes.fromhex("043587cf")
_TPRV = bytes.fromhex("04358394")
_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141


class BadKey(AlysError):
    """A text or number that is no key of a test network; the text is not repeated, it may be a secret."""


class ExtendedKey(msgspec.Struct, frozen=True, kw_only=True):
    """BIP32's key with its chain code; ``secret`` is None where only the public half is known."""

    depth: int
    parent: bytes
    """Fingerprint, 4 bytes."""
    number: int
    """Which child of its parent, with the hardened bit."""
    chain_code: bytes
    pubkey: bytes
    """Compressed."""
    secret: bytes | None = None

    @property
    def fingerprint(self) -> bytes:
        """The first four bytes of the public key's hash."""
        return hash160(self.pubkey)[:4]

    def child(self, number: int) -> "ExtendedKey":
        """One child; raises BadKey for a hardened child of a public key."""
        if number >= HARDENED:
            if self.secret is None:
                raise BadKey("a hardened child needs the private key")
            data = b"\x00" + self.secret
        else:
            data = self.pubkey
        mixed = hmac.digest(self.chain_code, data + number.to_bytes(4, "big"), hashlib.sha512)
        tweak, chain_code = mixed[:32], mixed[32:]
        if self.secret is None:
            secret = None
            pubkey = coincurve.PublicKey(self.pubkey).add(tweak).format(compressed=True)
        else:
            total = int.from_bytes(tweak, "big") + int.from_bytes(self.secret, "big")
            secret = (total % _ORDER).to_bytes(32, "big")
            pubkey = pubkey_of(secret)
        return ExtendedKey(
            depth=self.depth + 1,
            parent=self.fingerprint,
            number=number,
            chain_code=chain_code,
            pubkey=pubkey,
            secret=secret,
        )

    def descendant(self, path: tuple[int, ...]) -> "ExtendedKey":
        """The child's child and so on."""
        return _descendant(self, path)

    @property
    def public(self) -> "ExtendedKey":
        """Without the secret."""
        return msgspec.structs.replace(self, secret=None)

    @property
    def text(self) -> str:
        """tprv or tpub."""
        prefix, key = _TPUB, self.pubkey
        if self.secret is not None:
            prefix, key = _TPRV, b"\x00" + self.secret
        place = bytes((self.depth,)) + self.parent + self.number.to_bytes(4, "big")
        return base58.encode(prefix + place + self.chain_code + key).decode()


@functools.lru_cache(maxsize=1024)
def _descendant(key: ExtendedKey, path: tuple[int, ...]) -> ExtendedKey:
    """A wallet asks for many children of few keys: those on the way are remembered."""
    return _descendant(key, path[:-1]).child(path[-1]) if path else key


def master_key(seed: bytes) -> ExtendedKey:
    """BIP32's root of a seed."""
    mixed = hmac.digest(b"Bitcoin seed", seed, hashlib.sha512)
    return ExtendedKey(
        depth=0,
        parent=bytes(4),
        number=0,
        chain_code=mixed[32:],
        pubkey=pubkey_of(mixed[:32]),
        secret=mixed[:32],
    )


def parse_extended_key(text: str) -> ExtendedKey:
    """A tprv or tpub; raises BadKey."""
    data = _base58check(text)
    if len(data) != 78 or data[:4] not in (_TPUB, _TPRV):
        raise BadKey("no extended key of a test network")
    secret = data[46:] if data[:4] == _TPRV else None
    try:
        pubkey = data[45:] if secret is None else pubkey_of(secret)
        coincurve.PublicKey(pubkey)
    except ValueError as error:
        raise BadKey("an extended key without a key") from error
    return ExtendedKey(
        depth=data[4],
        parent=data[5:9],
        number=int.from_bytes(data[9:13], "big"),
        chain_code=data[13:45],
        pubkey=pubkey,
        secret=secret,
    )


def wif_of(secret32: bytes) -> str:
    """A secret of a compressed key, for import."""
    return base58.encode(_WIF + secret32 + b"\x01").decode()


def parse_wif(text: str) -> bytes:
    """The secret of a compressed key; raises BadKey."""
    data = _base58check(text)
    if len(data) != 34 or data[:1] != _WIF or data[33:] != b"\x01":
        raise BadKey("no private key of a test network")
    try:
        pubkey_of(data[1:33])
    except ValueError as error:
        raise BadKey("a private key outside the group") from error
    return data[1:33]


def _base58check(text: str) -> bytes:
    try:
        return base58.decode(text.encode("ascii"))
    except (ValueError, UnicodeEncodeError) as error:
        raise BadKey("not base58check") from error
