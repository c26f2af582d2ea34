"""Output descriptors (BIP380 to BIP386) with their checksum (part of the facade ``wire.bitcoin``).

Read are ``pk pkh wpkh combo sh wsh multi sortedmulti tr rawtr addr raw`` with keys in hex, WIF and BIP32 form, ranged or
not; in a ``tr`` tree ``pk multi_a sortedmulti_a``. Miniscript is not. ``descriptor_key`` reads the keys.
"""

from collections.abc import Callable, Sequence

import msgspec

from alys.wire.bitcoin_checksum import CHECKSUM_CHARACTERS, checksum, with_checksum
from alys.wire.bitcoin_codec import var_bytes
from alys.wire.bitcoin_descriptor_key import (
    DescriptorError,
    DescriptorKey,
    Found,
    is_point,
    read_key,
)
from alys.wire.bitcoin_keys import (
    LEAF_VERSION_TAPSCRIPT,
    hash160,
    p2wpkh_script,
    p2wsh_script,
    tagged_hash,
    taproot_tweaked,
)
from alys.wire.bitcoin_script import (
    BadAddress,
    address_to_script,
    push,
    script_to_address,
    script_type,
)
from alys.wire.bitcoin_sign import multisig_keys

_CHECKSIG = b"\xac"
_MULTI_KEYS_MAX = 20
_BARE_KEYS_MAX = 3


class BadDescriptor(DescriptorError):
    """A text that is no descriptor known here; whoever wrote ``text`` is at fault. ``reason`` is Core's sentence."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(reason)
        self.text = text
        self.reason = reason


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """One script that a descriptor means, and what spends it."""

    script: bytes
    keys: tuple[Found, ...] = ()
    inner: tuple[bytes, ...] = ()
    """The redeem script, the witness script, from the outside in."""
    merkle_root: bytes = b""
    """Of a taproot tree."""


Make = Callable[[int], list[Output]]


class Descriptor(msgspec.Struct, frozen=True, kw_only=True):
    """A descriptor that was read. ``form`` is its text with a ``@`` in the place of each key."""

    form: str
    keys: tuple[DescriptorKey, ...]
    make: Make
    solvable: bool = True

    @property
    def text(self) -> str:
        """Its public form, without checksum."""
        return self._filled([key.text for key in self.keys])

    @property
    def private_text(self) -> str:
        """With the private keys that it has."""
        return self._filled([key.private_text for key in self.keys])

    @property
    def normal_text(self) -> str:
        """With each key from its last hardened step on, behind its origin."""
        return self._filled([key.normal_text for key in self.keys])

    def _filled(self, keys: Sequence[str]) -> str:
        head, *tails = self.form.split("@")
        if len(tails) != len(keys):
            return self.form  # a fixed script, whose text may have the character
        return head + "".join(key + tail for key, tail in zip(keys, tails, strict=True))

    @property
    def ranged(self) -> bool:
        """Whether it means a script per number."""
        return any(key.ranged for key in self.keys)

    @property
    def private(self) -> bool:
        """Whether it has a private key."""
        return any(key.private for key in self.keys)

    @property
    def with_checksum(self) -> str:
        """The public form with its checksum."""
        return with_checksum(self.text)

    def outputs(self, number: int = 0) -> list[Output]:
        """What it means at this number; raises DescriptorError for a hardened child of a public key."""
        return self.make(number)


def descriptor_of(script: bytes, network: str = "regtest") -> str:
    """The descriptor that a script alone tells, with its checksum: its key or keys, or its address, else raw."""
    return with_checksum(_inferred(script, network))


def _inferred(script: bytes, network: str) -> str:
    kind = script_type(script)
    if kind == "pubkey" and is_point(script[1:-1]):
        return f"pk({script[1:-1].hex()})"
    if kind == "witness_v1_taproot" and is_point(b"\x02" + script[2:]):
        return f"rawtr({script[2:].hex()})"
    if kind == "multisig":
        keys = multisig_keys(script)
        if all(is_point(key) for key in keys):
            return f"multi({script[0] - 0x50},{','.join(key.hex() for key in keys)})"
    address = script_to_address(script, network)
    return f"addr({address})" if address is not None else f"raw({script.hex()})"


def inferred_descriptor(output: Output, network: str = "regtest") -> str:
    """The descriptor of one script with what is known of its keys, each with its origin; with its checksum."""
    if not output.keys:
        return descriptor_of(output.script, network)
    known = {one.pubkey: one for one in output.keys}
    scripts = [output.script, *output.inner]
    kinds = [script_type(script) for script in scripts]
    names = {"scripthash": "sh", "witness_v0_scripthash": "wsh"}
    text = _with_origins(scripts[-1], kinds[-1], known, output)
    for kind in reversed(kinds[:-1]):
        text = f"{names[kind]}({text})"
    return with_checksum(text)


def _with_origins(script: bytes, kind: str, known: dict[bytes, Found], output: Output) -> str:
    first = output.keys[0]
    if kind == "witness_v1_taproot":
        if output.merkle_root or script[2:] != taproot_tweaked(first.xonly):
            return f"rawtr({script[2:].hex()})"
        return f"tr({first.origin_text}{first.xonly.hex()})"
    if kind == "multisig":
        keys = [f"{known[key].origin_text}{key.hex()}" for key in multisig_keys(script)]
        return f"multi({script[0] - 0x50},{','.join(keys)})"
    name = {"pubkey": "pk", "pubkeyhash": "pkh", "witness_v0_keyhash": "wpkh"}[kind]
    return f"{name}({first.origin_text}{first.pubkey.hex()})"


def descriptor_script(text: str, network: str = "regtest") -> bytes:
    """The one output script that a descriptor means; raises BadDescriptor, also for one that means several."""
    found = parse_descriptor(text, network=network)
    if found.ranged:
        raise BadDescriptor(text, "a ranged descriptor means many scripts")
    outputs = found.outputs()
    if len(outputs) != 1:
        raise BadDescriptor(text, f"it means {len(outputs)} scripts")
    return outputs[0].script


def parse_descriptor(
    text: str, *, checksum_needed: bool = False, network: str = "regtest"
) -> Descriptor:
    """Read a descriptor; raises BadDescriptor with Core's sentence."""
    body, mark, given = text.partition("#")
    if mark and "#" in given:
        raise BadDescriptor(text, "Multiple '#' symbols")
    if not mark and checksum_needed:
        raise BadDescriptor(text, "Missing checksum")
    if mark and len(given) != CHECKSUM_CHARACTERS:
        raise BadDescriptor(text, f"Expected 8 character checksum, not {len(given)} characters")
    right = checksum(body)
    if not right and body:
        raise BadDescriptor(text, "Invalid characters in payload")
    if mark and given != right:
        raise BadDescriptor(
            text, f"Provided checksum '{given}' does not match computed checksum '{right}'"
        )
    try:
        return _top(body, network)
    except DescriptorError as error:
        raise BadDescriptor(text, str(error)) from error


def _top(text: str, network: str) -> Descriptor:
    name, inner = _call(text)
    if name == "addr":
        try:
            script = address_to_script(inner, network)
        except BadAddress:
            raise DescriptorError("Address is not valid") from None
        return _fixed(text, script)
    if name == "raw":
        try:
            return _fixed(text, bytes.fromhex(inner))
        except ValueError:
            raise DescriptorError("Raw script is not hex") from None
    if name == "combo":
        return _combo(inner)
    if name == "sh":
        return _wrapped("sh", _nested(inner, "sh"))
    if name == "wsh":
        return _wrapped("wsh", _nested(inner, "wsh"))
    return _nested(text, "")


def _call(text: str) -> tuple[str, str]:
    name, mark, rest = text.partition("(")
    if not mark or not rest.endswith(")"):
        raise DescriptorError(f"'{text}' is not a valid descriptor function")
    return name, rest[:-1]


def _fixed(text: str, script: bytes) -> Descriptor:
    return Descriptor(
        form=text,
        keys=(),
        make=lambda number: [Output(script=script)],
        solvable=False,
    )


def _nested(text: str, within: str) -> Descriptor:
    """What may also stand in ``sh`` or ``wsh``."""
    name, inner = _call(text)
    if name in ("pk", "pkh"):
        return _single(name, inner, within)
    if name == "wpkh":
        if within == "wsh":
            raise DescriptorError("Can only have wpkh() at top level or inside sh()")
        return _single(name, inner, within)
    if name == "wsh" and within == "sh":
        return _wrapped("wsh", _nested(inner, "wsh"))
    if name in ("multi", "sortedmulti"):
        return _multi(name, inner, within)
    if name == "tr" and not within:
        return _taproot(inner)
    if name == "rawtr" and not within:
        key = read_key(inner, xonly=True)
        return _of_keys("rawtr", (key,), lambda found: [_out(b"\x51\x20" + found[0].xonly, found)])
    if name in ("sh", "wsh", "tr", "rawtr", "combo", "addr", "raw"):
        raise DescriptorError(f"Can only have {name}() at top level")
    if within:
        raise DescriptorError(f"'{text}' is not a valid descriptor function")
    raise DescriptorError(f"'{text}' is not a valid descriptor function")


def _out(script: bytes, found: tuple[Found, ...], *inner: bytes, root: bytes = b"") -> Output:
    return Output(script=script, keys=found, inner=inner, merkle_root=root)


def _of_keys(
    name: str,
    keys: tuple[DescriptorKey, ...],
    make: Callable[[tuple[Found, ...]], list[Output]],
    before: str = "",
) -> Descriptor:
    def at(number: int) -> list[Output]:
        return make(tuple(key.at(number) for key in keys))

    return Descriptor(
        form=f"{name}({before}{','.join('@' for _ in keys)})",
        keys=keys,
        make=at,
    )


def _single(name: str, inner: str, within: str) -> Descriptor:
    key = _named(name, inner, compressed=name == "wpkh" or within == "wsh")
    scripts: dict[str, Callable[[bytes], bytes]] = {
        "pk": p2pk_script,
        "pkh": p2pkh_script,
        "wpkh": p2wpkh_script,
    }
    return _of_keys(name, (key,), lambda found: [_out(scripts[name](found[0].pubkey), found)])


def _named(name: str, text: str, *, compressed: bool = False, xonly: bool = False) -> DescriptorKey:
    try:
        return read_key(text, compressed=compressed, xonly=xonly)
    except DescriptorError as error:
        raise DescriptorError(f"{name}(): {error}") from error


def p2pk_script(pubkey: bytes) -> bytes:
    """The script of a bare public key."""
    return push(pubkey) + _CHECKSIG


def p2pkh_script(pubkey: bytes) -> bytes:
    """The script of a public key's hash, before witnesses."""
    return b"\x76\xa9\x14" + hash160(pubkey) + b"\x88\xac"


def p2sh_script(redeem: bytes) -> bytes:
    """The script that wants this one."""
    return b"\xa9\x14" + hash160(redeem) + b"\x87"


def _combo(inner: str) -> Descriptor:
    key = _named("combo", inner)

    def make(found: tuple[Found, ...]) -> list[Output]:
        pubkey = found[0].pubkey
        outputs = [_out(p2pk_script(pubkey), found), _out(p2pkh_script(pubkey), found)]
        if len(pubkey) == 33:
            witness = p2wpkh_script(pubkey)
            outputs += [_out(witness, found), _out(p2sh_script(witness), found, witness)]
        return outputs

    return _of_keys("combo", (key,), make)


def _wrapped(name: str, inside: Descriptor) -> Descriptor:
    def make(number: int) -> list[Output]:
        wrapped = []
        for output in inside.make(number):
            script = output.script
            outer = p2sh_script(script) if name == "sh" else p2wsh_script(script)
            wrapped.append(_out(outer, output.keys, script, *output.inner))
        return wrapped

    return Descriptor(
        form=f"{name}({inside.form})",
        keys=inside.keys,
        make=make,
    )


def multisig_script(threshold: int, pubkeys: Sequence[bytes]) -> bytes:
    """CHECKMULTISIG over these keys in this order."""
    return (
        _number(threshold)
        + b"".join(push(key) for key in pubkeys)
        + _number(len(pubkeys))
        + b"\xae"
    )


def _number(value: int) -> bytes:
    return bytes((0x50 + value,)) if value <= 16 else push(bytes((value,)))


def _multi(name: str, inner: str, within: str) -> Descriptor:
    count, *texts = inner.split(",")
    if not count.isdecimal():
        raise DescriptorError(f"Multi threshold '{count}' is not valid")
    threshold = int(count)
    keys = tuple(_named("Multi", text) for text in texts)
    if not 1 <= len(keys) <= _MULTI_KEYS_MAX:
        raise DescriptorError(
            f"Cannot have {len(keys)} keys in multisig; must have between 1 and {_MULTI_KEYS_MAX} keys, inclusive"
        )
    if threshold < 1:
        raise DescriptorError(f"Multisig threshold cannot be {threshold}, must be at least 1")
    if threshold > len(keys):
        raise DescriptorError(
            f"Multisig threshold cannot be larger than the number of keys; threshold is {threshold} but only {len(keys)} keys specified"
        )
    if not within and len(keys) > _BARE_KEYS_MAX:
        raise DescriptorError(
            f"Cannot have {len(keys)} pubkeys in bare multisig; only at most 3 pubkeys"
        )

    def make(found: tuple[Found, ...]) -> list[Output]:
        pubkeys = [one.pubkey for one in found]
        if name == "sortedmulti":
            pubkeys.sort()
        return [_out(multisig_script(threshold, pubkeys), found)]

    return _of_keys(name, keys, make, f"{count},")


class _Tree(msgspec.Struct, frozen=True, kw_only=True):
    form: str
    keys: tuple[DescriptorKey, ...]
    hash_at: Callable[[int], bytes]


def _taproot(inner: str) -> Descriptor:
    key_text, tree_text = _split(inner)
    key = _named("tr", key_text, xonly=True)
    tree = _tree(tree_text) if tree_text is not None else None

    def make(number: int) -> list[Output]:
        found = key.at(number)
        root = b"" if tree is None else tree.hash_at(number)
        script = b"\x51\x20" + taproot_tweaked(found.xonly, root)
        return [_out(script, (found,), root=root)]

    return Descriptor(
        form=f"tr(@{'' if tree is None else ',' + tree.form})",
        keys=(key, *(() if tree is None else tree.keys)),
        make=make,
    )


def _split(text: str) -> tuple[str, str | None]:
    """The text before and after the first comma outside of brackets."""
    depth = 0
    for place, character in enumerate(text):
        depth += (character in "({") - (character in ")}")
        if character == "," and depth == 0:
            return text[:place], text[place + 1 :]
    return text, None


def _tree(text: str) -> _Tree:
    if text.startswith("{") and text.endswith("}"):
        left_text, right_text = _split(text[1:-1])
        left, right = _tree(left_text), _tree(right_text or "")

        def branch(number: int) -> bytes:
            return tagged_hash(
                "TapBranch", b"".join(sorted((left.hash_at(number), right.hash_at(number))))
            )

        return _Tree(
            form=f"{{{left.form},{right.form}}}",
            keys=left.keys + right.keys,
            hash_at=branch,
        )
    leaf = _leaf(text)

    def leaf_hash(number: int) -> bytes:
        script = leaf.make(number)[0].script
        return tagged_hash("TapLeaf", bytes((LEAF_VERSION_TAPSCRIPT,)) + var_bytes(script))

    return _Tree(form=leaf.form, keys=leaf.keys, hash_at=leaf_hash)


def _leaf(text: str) -> Descriptor:
    name, inner = _call(text)
    if name == "pk":
        key = _named(name, inner, xonly=True)
        return _of_keys(name, (key,), lambda found: [_out(p2pk_script(found[0].xonly), found)])
    if name not in ("multi_a", "sortedmulti_a"):
        raise DescriptorError(f"'{text}' is not a valid descriptor function")
    count, *texts = inner.split(",")
    if not count.isdecimal() or not 1 <= int(count) <= len(texts):
        raise DescriptorError(f"Multi threshold '{count}' is not valid")
    keys = tuple(_named(name, one, xonly=True) for one in texts)

    def make(found: tuple[Found, ...]) -> list[Output]:
        pubkeys = [one.xonly for one in found]
        if name == "sortedmulti_a":
            pubkeys.sort()
        first, *rest = pubkeys
        script = push(first) + _CHECKSIG + b"".join(push(key) + b"\xba" for key in rest)
        return [_out(script + _number(int(count)) + b"\x9c", found)]

    return _of_keys(name, keys, make, f"{count},")
