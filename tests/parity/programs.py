"""Scripts behind P2SH, P2WSH and tapscript, each with the stack that tries to satisfy it.

An element ``SIGNATURE`` stands for a good signature, made where the transaction is known; ``BROKEN`` for one with a bit
changed. Everything else is bytes.
"""

import hashlib
from collections.abc import Sequence

import msgspec

from alys.wire import bitcoin
from alys.wire.bitcoin import Tx, TxIn, TxOut
from tests.models.bitcoin import spends

SIGNATURE, BROKEN = b"<signature>", b"<broken signature>"
KEY, XONLY = bitcoin.push(spends.PUBKEY), bitcoin.push(spends.XONLY)
TRUE, FALSE = b"\x51", b"\x00"
ONE = b"\x01"
DROP, DUP, EQUAL, EQUALVERIFY, ADD = b"\x75", b"\x76", b"\x87", b"\x88", b"\x93"
IF, NOTIF, ELSE, ENDIF, VERIFY, RETURN = b"\x63", b"\x64", b"\x67", b"\x68", b"\x69", b"\x6a"
CHECKSIG, CHECKSIGVERIFY, CHECKMULTISIG, CHECKSIGADD = b"\xac", b"\xad", b"\xae", b"\xba"
CLTV, CSV, SEPARATOR, NOP1, NOP4, NOT = b"\xb1", b"\xb2", b"\xab", b"\xb0", b"\xb3", b"\x91"
SHA256, SIZE, DEPTH = b"\xa8", b"\x82", b"\x74"
SECRET = b"open sesame"

EITHER: dict[str, tuple[bytes, tuple[bytes, ...]]] = {
    "true": (TRUE, ()),
    "false": (FALSE, ()),
    "empty script": (b"", (ONE,)),
    "two left": (TRUE + TRUE, ()),
    "nothing left": (TRUE + DROP, ()),
    "negative zero": (b"\x01\x80", ()),
    "return": (RETURN, ()),
    "if with one": (IF + TRUE + ELSE + FALSE + ENDIF, (ONE,)),
    "if with two": (IF + TRUE + ELSE + FALSE + ENDIF, (b"\x02",)),
    "if with empty": (NOTIF + TRUE + ELSE + FALSE + ENDIF, (b"",)),
    "if with zero byte": (NOTIF + TRUE + ELSE + FALSE + ENDIF, (b"\x00",)),
    "if without end": (TRUE + IF + TRUE, ()),
    "else alone": (TRUE + ELSE, ()),
    "return not run": (FALSE + IF + RETURN + ENDIF + TRUE, ()),
    "disabled opcode": (TRUE + TRUE + b"\x7e", ()),
    "disabled opcode not run": (FALSE + IF + b"\x7e" + ENDIF + TRUE, ()),
    "reserved opcode": (b"\x50" + TRUE, ()),
    "reserved opcode not run": (FALSE + IF + b"\x50" + ENDIF + TRUE, ()),
    "verif not run": (FALSE + IF + b"\x65" + ENDIF + TRUE, ()),
    "unknown opcode": (TRUE + b"\xbb", ()),
    "opcode 255": (TRUE + b"\xff", ()),
    "upgradable nop": (NOP4 + TRUE, ()),
    "nop1": (NOP1 + TRUE, ()),
    "hash": (SHA256 + bitcoin.push(hashlib.sha256(SECRET).digest()) + EQUAL, (SECRET,)),
    "wrong hash": (SHA256 + bitcoin.push(hashlib.sha256(SECRET).digest()) + EQUAL, (b"x",)),
    "verify fails": (FALSE + VERIFY + TRUE, ()),
    "equalverify fails": (TRUE + FALSE + EQUALVERIFY + TRUE, ()),
    "stack too short": (DUP, ()),
    "number of five bytes": (b"\x05\x01\x02\x03\x04\x05" + TRUE + ADD, ()),
    "number of four bytes": (b"\x04\x01\x02\x03\x04" + TRUE + ADD, ()),
    "long number": (b"\x02\x01\x00" + TRUE + ADD, ()),
    "push in a longer form": (b"\x4c\x01\x07", ()),
    "push of a small number": (b"\x01\x07", ()),
    "push beyond the end": (TRUE + b"\x4c\x05\x01", ()),
    "element of 520": (SIZE + DROP + DROP + TRUE, (bytes(520),)),
    "element of 521": (SIZE + DROP + DROP + TRUE, (bytes(521),)),
    "element of 80": (DROP + TRUE, (b"a" * 80,)),
    "element of 81": (DROP + TRUE, (b"a" * 81,)),
    "201 opcodes": (DUP * 0 + b"\x61" * 201 + TRUE, ()),
    "202 opcodes": (b"\x61" * 202 + TRUE, ()),
    "1000 on the stack": (TRUE * 1000, ()),
    "1001 on the stack": (TRUE * 1001, ()),
    "101 elements": (DROP * 101 + TRUE, (ONE,) * 101),
    "100 elements": (DROP * 99 + TRUE, (ONE,) * 99),
    "lock time reached": (b"\x01\x64" + CLTV, ()),
    "lock time not reached": (b"\x02\xe8\x03" + CLTV, ()),
    "lock time of the other kind": (b"\x04\x00\x65\xcd\x1d" + CLTV, ()),
    "lock time negative": (b"\x4f" + CLTV, ()),
    "lock time of six bytes": (b"\x06\x01\x02\x03\x04\x05\x06" + CLTV, ()),
    "age reached": (b"\x5a" + CSV, ()),
    "age not reached": (b"\x01\x1e" + CSV, ()),
    "age of the other kind": (b"\x03\x01\x00\x40" + CSV, ()),
    "age negative": (b"\x4f" + CSV, ()),
    "age without effect": (b"\x05\x01\x00\x00\x80\x00" + CSV, ()),
    "sign of the depth": (DEPTH + NOT, ()),
}
"""Alike in all three."""

ECDSA: dict[str, tuple[bytes, tuple[bytes, ...]]] = {
    "signature": (KEY + CHECKSIG, (SIGNATURE,)),
    "broken signature": (KEY + CHECKSIG, (BROKEN,)),
    "broken signature wanted": (KEY + CHECKSIG + NOT, (BROKEN,)),
    "no signature": (KEY + CHECKSIG, (b"",)),
    "no signature wanted": (KEY + CHECKSIG + NOT, (b"",)),
    "signature verified": (KEY + CHECKSIGVERIFY + TRUE, (SIGNATURE,)),
    "rubbish signature": (KEY + CHECKSIG + NOT, (b"rubbish",)),
    "odd key": (b"\x21\x05" + bytes(32) + CHECKSIG + NOT, (b"",)),
    "odd key with signature": (b"\x21\x05" + bytes(32) + CHECKSIG, (SIGNATURE,)),
    "uncompressed key": (b"\x41\x04" + bytes(64) + CHECKSIG + NOT, (b"",)),
    "one of two": (TRUE + KEY + KEY + b"\x52" + CHECKMULTISIG, (b"", SIGNATURE)),
    "one of two with a dummy": (TRUE + KEY + KEY + b"\x52" + CHECKMULTISIG, (ONE, SIGNATURE)),
    "none of one": (FALSE + KEY + TRUE + CHECKMULTISIG, (b"",)),
    "two of one": (b"\x52" + KEY + TRUE + CHECKMULTISIG, (b"", SIGNATURE, SIGNATURE)),
    "one of twenty-one": (TRUE + KEY * 21 + b"\x01\x15" + CHECKMULTISIG, (b"", SIGNATURE)),
    "separator": (SEPARATOR + KEY + CHECKSIG, (SIGNATURE,)),
    "many signature checks": (
        (b"\x76" + KEY + CHECKSIGVERIFY) * 16 + DROP + TRUE,
        (SIGNATURE,),
    ),
    "opcode of tapscript": (FALSE + TRUE + KEY + CHECKSIGADD, (SIGNATURE,)),
}
"""Behind P2SH and P2WSH."""

TAPSCRIPT: dict[str, tuple[bytes, tuple[bytes, ...]]] = {
    "signature": (XONLY + CHECKSIG, (SIGNATURE,)),
    "broken signature": (XONLY + CHECKSIG, (BROKEN,)),
    "no signature wanted": (XONLY + CHECKSIG + NOT, (b"",)),
    "broken signature wanted": (XONLY + CHECKSIG + NOT, (BROKEN,)),
    "signature of 63": (XONLY + CHECKSIG, (b"a" * 63,)),
    "signature with type 0": (XONLY + CHECKSIG, (b"a" * 64 + b"\x00",)),
    "added": (FALSE + XONLY + CHECKSIGADD + TRUE + EQUAL, (SIGNATURE,)),
    "added none": (FALSE + XONLY + CHECKSIGADD + FALSE + EQUAL, (b"",)),
    "empty key": (FALSE + CHECKSIG, (ONE,)),
    "key of a later kind": (KEY + CHECKSIG, (ONE,)),
    "key of a later kind unsigned": (KEY + CHECKSIG + NOT, (b"",)),
    "checkmultisig": (TRUE + XONLY + TRUE + CHECKMULTISIG, (b"", SIGNATURE)),
    "checkmultisig not run": (FALSE + IF + CHECKMULTISIG + ENDIF + TRUE, ()),
    "opcode that succeeds": (b"\x50" + RETURN, ()),
    "opcode that succeeds later": (RETURN + b"\xfe", ()),
    "opcode that succeeds in rubbish": (b"\x7e" + b"\x4c", ()),
    "too many signatures for the weight": (
        (b"\x76" + XONLY + CHECKSIGVERIFY) * 8 + DROP + TRUE,
        (SIGNATURE,),
    ),
    "separator": (XONLY + CHECKSIG, (SIGNATURE,)),
    "script beyond 10000": (b"\x61" * 10_500 + TRUE, ()),
}


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """A script in one of the three places; ``sign`` makes the input that spends it."""

    where: str
    title: str
    code: bytes
    stack: tuple[bytes, ...]

    @property
    def name(self) -> str:
        """Unique among all."""
        return f"{self.where}: {self.title}"

    @property
    def script(self) -> bytes:
        """The output's script."""
        if self.where == "p2sh":
            return b"\xa9\x14" + bitcoin.hash160(self.code) + b"\x87"
        if self.where == "p2wsh":
            return b"\x00\x20" + hashlib.sha256(self.code).digest()
        return b"\x51\x20" + bitcoin.taproot_output(spends.INTERNAL, self.code)[0]

    def sign(self, tx: Tx, index: int, prevouts: Sequence[TxOut]) -> TxIn:
        """The input with its script_sig or witness."""
        stack = tuple(self._element(one, tx, index, prevouts) for one in self.stack)
        txin = tx.inputs[index]
        if self.where == "p2sh":
            pushes = b"".join(pushed(one) for one in (*stack, self.code))
            return msgspec.structs.replace(txin, script_sig=pushes)
        if self.where == "p2wsh":
            return msgspec.structs.replace(txin, witness=(*stack, self.code))
        parity = bitcoin.taproot_output(spends.INTERNAL, self.code)[1]
        control = bytes((bitcoin.LEAF_VERSION_TAPSCRIPT | parity,)) + spends.INTERNAL
        return msgspec.structs.replace(txin, witness=(*stack, self.code, control))

    def _element(self, one: bytes, tx: Tx, index: int, prevouts: Sequence[TxOut]) -> bytes:
        if one not in (SIGNATURE, BROKEN):
            return one
        if self.where == "p2sh":
            made = spends.legacy_signature(tx, index, self.code)
        elif self.where == "p2wsh":
            code = self.code[1:] if self.code.startswith(SEPARATOR) else self.code
            made = spends.segwit_signature(tx, index, code, prevouts[index].value)
        else:
            made = spends.taproot_signature(tx, index, prevouts, leaf=self.code)
        return made if one is SIGNATURE else made[:20] + bytes((made[20] ^ 1,)) + made[21:]


def pushed(element: bytes) -> bytes:
    """The shortest push of an element, small numbers by their own opcodes."""
    if not element:
        return b"\x00"
    if len(element) == 1 and 1 <= element[0] <= 16:
        return bytes((0x50 + element[0],))
    return bitcoin.push(element)


def _programs() -> tuple[Program, ...]:
    found = []
    for where, tables in (
        ("p2sh", (EITHER, ECDSA)),
        ("p2wsh", (EITHER, ECDSA)),
        ("tapscript", (EITHER, TAPSCRIPT)),
    ):
        for table in tables:
            for title, (code, stack) in table.items():
                if where == "p2sh" and len(code) > 520 and "stack" not in title:
                    continue
                found.append(Program(where=where, title=title, code=code, stack=stack))
    return tuple(found)


PROGRAMS = _programs()
