"""Addresses, script templates and the script engine (part of the facade ``wire.bitcoin``).

Networks are named as the library names them: mainnet, testnet, signet, regtest. Regtest shares its base58 prefixes
with testnet, so such an address is good for both; its bech32 prefix is its own.
"""

from collections.abc import Sequence

from btclib import b32, b58
from btclib import network as networks
from btclib.script import engine, sig_ops, solver
from btclib.script import script as library_script

from alys.base.errors import AlysError
from alys.wire import bitcoin_bridge
from alys.wire.bitcoin_codec import Tx, TxOut

OP_RETURN = 0x6A
_OPCODE_MAX = 0xBA

_POLICY_FLAGS = engine.ALL_FLAGS | engine.to_script_flags(
    "STRICTENC,LOW_S,MINIMALDATA,DISCOURAGE_UPGRADABLE_NOPS,CLEANSTACK,DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM,"
    "MINIMALIF,NULLFAIL,WITNESS_PUBKEYTYPE,CONST_SCRIPTCODE,DISCOURAGE_UPGRADABLE_PUBKEYTYPE,"
    "DISCOURAGE_OP_SUCCESS,DISCOURAGE_UPGRADABLE_TAPROOT_VERSION"
)


_CORE_29_WORDS = {
    "Script number overflowed or is non-minimally encoded": "unknown error",
    "Empty public key in tapscript": "Public key is neither compressed or uncompressed",
}
"""Where the library has the sentences of a later Core."""


class BadAddress(AlysError):
    """A text that is no address of the network asked for; whoever wrote the address is at fault."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"bad Bitcoin address {address[:100]!r}: {reason}")
        self.address = address
        self.reason = reason


class ScriptError(AlysError):
    """Input ``index`` of ``txid`` does not satisfy the script it spends; ``description`` is Core's sentence for it."""

    def __init__(self, txid: str, index: int, description: str, detail: str) -> None:
        super().__init__(f"input {index} of {txid}: {description} ({detail})")
        self.txid = txid
        self.index = index
        self.description = description
        self.detail = detail


def address_to_script(address: str, network: str = "regtest") -> bytes:
    """The output script of an address of this network; raises BadAddress, also for another network's address."""
    if address.isascii() and address == address.strip():
        for read in (_witness_script, _hash_script):
            script = read(address, network)
            if script is not None:
                return script
    raise BadAddress(address, "neither bech32 nor base58check")


def _witness_script(address: str, network: str) -> bytes | None:
    try:
        version, program, _ = b32.witness_from_address(address)
    except ValueError:
        return None
    prefix = networks.network_from_name(network).hrp
    if not address.lower().startswith(f"{prefix}1"):
        raise BadAddress(address, f"not an address of {network}")
    return bytes((0x50 + version if version else 0, len(program))) + program


def _hash_script(address: str, network: str) -> bytes | None:
    try:
        kind, digest, _ = b58.h160_from_address(address)
    except ValueError:
        return None
    if b58.address_from_h160(kind, digest, network) != address:
        raise BadAddress(address, f"not an address of {network}")
    if kind == "p2sh":
        return b"\xa9\x14" + digest + b"\x87"
    return b"\x76\xa9\x14" + digest + b"\x88\xac"


def script_to_address(script: bytes, network: str = "regtest") -> str | None:
    """The address of an output script, or None where it has none (P2PK and bare multisig included)."""
    if len(script) == 25 and script[:3] == b"\x76\xa9\x14" and script[23:] == b"\x88\xac":
        return b58.address_from_h160("p2pkh", script[3:23], network)
    if len(script) == 23 and script[:2] == b"\xa9\x14" and script[22:] == b"\x87":
        return b58.address_from_h160("p2sh", script[2:22], network)
    program = witness_program(script)
    if program is None or (program[0] == 0 and len(program[1]) not in (20, 32)):
        return None
    return b32.address_from_witness(program[0], program[1], network)


def witness_program(script: bytes) -> tuple[int, bytes] | None:
    """Version and program of a witness output (BIP141), or None."""
    if not 4 <= len(script) <= 42 or script[1] != len(script) - 2:
        return None
    if script[0] == 0:
        return 0, script[2:]
    if 0x51 <= script[0] <= 0x60:
        return script[0] - 0x50, script[2:]
    return None


def script_type(script: bytes) -> str:
    """Core's name for an output script's template: pubkeyhash, witness_v1_taproot, nulldata, nonstandard and so on."""
    return solver.solver(script)[0]


def script_asm(script: bytes, *, signatures: bool = False) -> str:
    """A script in words as Core writes them; in a script_sig (``signatures``) a signature shows its hash type."""
    return library_script.script_to_asm(script, attempt_sighash_decode=signatures)


def script_is_valid(script: bytes) -> bool:
    """Whether a script can be read to its end, in opcodes that there are; it may still do nothing useful."""
    at = 0
    while at < len(script):
        opcode = script[at]
        at += 1
        if opcode <= 75:
            at += opcode
        elif opcode <= 78:
            width = 1 << (opcode - 76)
            at += width + int.from_bytes(script[at : at + width], "little")
        elif opcode > _OPCODE_MAX:
            return False
    return at == len(script)


def op_return_data(script: bytes) -> bytes | None:
    """The data of an OP_RETURN output that pushes exactly once, else None; OP_RETURN alone is no data."""
    if len(script) < 2 or script[0] != OP_RETURN:
        return None
    opcode, rest = script[1], script[2:]
    if opcode <= 75:
        return rest if len(rest) == opcode else None
    width = {0x4C: 1, 0x4D: 2, 0x4E: 4}.get(opcode)
    if width is None or len(rest) < width:
        return None
    size, data = int.from_bytes(rest[:width], "little"), rest[width:]
    return data if len(data) == size else None


def push(data: bytes) -> bytes:
    """The shortest opcode that pushes these bytes (small numbers have their own opcodes and are not treated here)."""
    size = len(data)
    if size <= 75:
        return bytes((size,)) + data
    if size <= 0xFF:
        return b"\x4c" + bytes((size,)) + data
    return b"\x4d" + size.to_bytes(2, "little") + data


def verify_input(tx: Tx, index: int, prevouts: Sequence[TxOut], *, policy: bool = False) -> None:
    """Run the scripts of one input under the consensus rules, and the relay rules too when ``policy``.

    ``prevouts`` has the spent output of every input, in order. Raises ScriptError.
    """
    if len(prevouts) != len(tx.inputs) or not 0 <= index < len(tx.inputs):
        raise ScriptError(
            tx.txid, index, "Unknown error", f"{len(prevouts)} prevouts for {len(tx.inputs)} inputs"
        )
    flags = _POLICY_FLAGS if policy else engine.ALL_FLAGS
    try:
        engine.verify_input(
            bitcoin_bridge.library_outputs(prevouts), bitcoin_bridge.library_tx(tx), index, flags
        )
    except bitcoin_bridge.LibraryScriptError as error:
        told = _CORE_29_WORDS.get(error.code.description, error.code.description)
        raise ScriptError(tx.txid, index, told, str(error)) from error
    except ValueError as error:
        raise ScriptError(tx.txid, index, "Unknown error", str(error)) from error


def sigop_cost(tx: Tx, prevouts: Sequence[TxOut]) -> int:
    """The signature-check cost that a block may not exceed 80,000 of (BIP141); a coinbase needs no prevouts."""
    return engine.sig_op_cost(
        bitcoin_bridge.library_outputs(prevouts), bitcoin_bridge.library_tx(tx)
    )


def legacy_sigops(tx: Tx) -> int:
    """Signature checks in a transaction's own scripts, counted as before segwit; the cost of each is four."""
    scripts = [txin.script_sig for txin in tx.inputs] + [out.script for out in tx.outputs]
    return sum(sig_ops.sig_op_count(script) for script in scripts)
