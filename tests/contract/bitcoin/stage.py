"""The same chain and the same mempool on two nodes, so that their answers can be compared to the letter."""

from typing import Any

import msgspec

from alys.wire import bitcoin
from alys.wire.bitcoin import OutPoint, Tx, TxIn, TxOut
from tests.contract.bitcoin.service import Service

NOW = 1_767_225_600
HEIGHT_MAX = 500
"""Beyond, a coinbase pays too little for what is put on the stage."""
COIN = 100_000_000
FEE = 1_000
SECRET = (11).to_bytes(32, "big")
SCRIPT = bitcoin.p2wpkh_script(bitcoin.pubkey_of(SECRET))
ADDRESS = bitcoin.script_to_address(SCRIPT) or ""
OTHER_SECRET = (12).to_bytes(32, "big")
OTHER = bitcoin.p2wpkh_script(bitcoin.pubkey_of(OTHER_SECRET))
OTHER_ADDRESS = bitcoin.script_to_address(OTHER) or ""
HASH = bitcoin.hash160(bitcoin.pubkey_of(SECRET))
PKH = b"\x76\xa9\x14" + HASH + b"\x88\xac"
SH = b"\xa9\x14" + bitcoin.hash160(SCRIPT) + b"\x87"
TR = b"\x51\x20" + bitcoin.xonly_of(SECRET)
WSH = b"\x00\x20" + bytes(range(32))
PK = bitcoin.push(bitcoin.pubkey_of(SECRET)) + b"\xac"
DATA = b"\x6a" + bitcoin.push(b"twenty bytes of data")
MULTISIG = (
    b"\x51"
    + bitcoin.push(bitcoin.pubkey_of(SECRET))
    + bitcoin.push(bitcoin.pubkey_of(OTHER_SECRET))
    + b"\x52\xae"
)

Known = dict[str, Any]
"""What cases name with a dollar in front."""


def payment(
    spent: Tx, outputs: list[tuple[int, bytes]], vout: int = 0, sequence: int = 0xFFFFFFFD
) -> Tx:
    """One output of a transaction of SCRIPT's, spent and signed; what is left is the fee."""
    place = OutPoint(txid=spent.txid, vout=vout)
    tx = Tx(
        inputs=(TxIn(outpoint=place, sequence=sequence),),
        outputs=tuple(TxOut(value=value, script=script) for value, script in outputs),
    )
    return bitcoin.sign_p2wpkh_input(tx, 0, SECRET, spent.outputs[vout].value)


def prepare(ours: Service, theirs: Service) -> Known:
    """Give both nodes one chain and one mempool; what is on it, by name."""
    for node in (ours, theirs):
        node.call("setmocktime", NOW)
    used = theirs.call("getblockcount")
    assert used < HEIGHT_MAX, f"{theirs.name} has {used} blocks: begin with a fresh data directory"
    for height in range(1, used + 1):  # the modules before, where all have one node
        _copy(theirs, ours, theirs.call("getblockhash", height))
    for tip in theirs.call("getchaintips"):
        _copy_branch(theirs, ours, tip["hash"], tip["branchlen"])
    hashes = ours.call("generatetoaddress", 102, ADDRESS)
    for digest in hashes:
        _copy(ours, theirs, digest)
    for digest in theirs.call("generatetoaddress", 2, OTHER_ADDRESS):
        _copy(theirs, ours, digest)
    first, second = (_coinbase(ours, digest) for digest in hashes[:2])
    outputs = [(COIN, script) for script in (SCRIPT, SCRIPT, PKH, SH, TR, WSH, PK, MULTISIG)]
    left = first.outputs[0].value - len(outputs) * COIN - FEE
    paid = payment(first, [*outputs, (0, DATA), (left, SCRIPT)])
    spender = payment(paid, [(COIN - 2 * FEE, OTHER)])
    block = ours.call(
        "generateblock", ADDRESS, [paid.serialize().hex(), spender.serialize().hex()]
    )["hash"]
    _copy(ours, theirs, block)
    stale = ours.call("generateblock", OTHER_ADDRESS, [], False)
    (tip,) = ours.call("generatetoaddress", 1, ADDRESS)
    _copy(ours, theirs, tip)
    for node in (ours, theirs):
        assert node.call("submitblock", stale["hex"]) == "inconclusive"
    parent = payment(paid, [(COIN // 2, SCRIPT), (COIN // 2 - FEE, OTHER)], vout=1)
    child = payment(parent, [(COIN // 2 - 3 * FEE, OTHER)])
    alone = payment(second, [(second.outputs[0].value - 5 * FEE, OTHER)], sequence=0xFFFFFFFF)
    free = payment(paid, [(left - FEE, OTHER)], vout=9)
    for tx in (parent, child, alone):
        for node in (ours, theirs):
            node.call("sendrawtransaction", tx.serialize().hex())
    return {
        "genesis": ours.call("getblockhash", 0),
        "first": hashes[0],
        "block": block,
        "tip": tip,
        "height": ours.call("getblockcount"),
        "stale": stale["hash"],
        "stale_hex": stale["hex"],
        "tip_hex": ours.call("getblock", tip, 0),
        "first_tx": first.txid,
        "paid": paid.txid,
        "paid_hex": paid.serialize().hex(),
        "spender": spender.txid,
        "parent": parent.txid,
        "child": child.txid,
        "child_hex": child.serialize().hex(),
        "alone": alone.txid,
        "alone_hex": alone.serialize().hex(),
        "free": free.txid,
        "free_hex": free.serialize().hex(),
        "address": ADDRESS,
        "other": OTHER_ADDRESS,
        "legacy": bitcoin.script_to_address(PKH),
        "p2sh": bitcoin.script_to_address(SH),
        "p2tr": bitcoin.script_to_address(TR),
        "p2wsh": bitcoin.script_to_address(WSH),
        "absent": "ab" * 32,
        **{name: f"{name}-{hashes[0][:8]}" for name in ("same", "watch", "plain")},
        **_bare(ours, stale["hex"], tip),
        **_refused(paid, parent, alone, free, ours.call("getblock", tip, 0)),
        **_keys(),
        "proof": theirs.call("gettxoutproof", [paid.txid]),
    }


def _bare(ours: Service, stale_hex: str, tip: str) -> Known:
    header = ours.call("getblockheader", tip, False)
    return {
        "tip_header": header,
        "bad_header": header[:-8] + "00000000",
        "orphan_header": header[:8] + "cd" * 32 + header[72:],
        "stale_tx": bitcoin.parse_block(bytes.fromhex(stale_hex)).txs[0].txid,
        "genesis_tx": "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b",
        "script": SCRIPT.hex(),
        "script_pkh": PKH.hex(),
        "script_sh": SH.hex(),
        "script_tr": TR.hex(),
        "script_wsh": WSH.hex(),
        "script_pk": PK.hex(),
        "script_multi": MULTISIG.hex(),
        "script_data": DATA.hex(),
    }


def _refused(paid: Tx, parent: Tx, alone: Tx, free: Tx, tip_hex: str) -> Known:
    """Transactions that are refused, each for a reason of its own, and unsigned ones."""
    place = OutPoint(txid="ab" * 32, vout=0)
    bare = msgspec.structs.replace
    unsigned = bare(free, inputs=(bare(free.inputs[0], witness=()),))
    value = paid.outputs[9].value
    missing = bare(unsigned, inputs=(TxIn(outpoint=place),))
    spender = payment(
        bare(free, outputs=(TxOut(value=value - FEE, script=SCRIPT),)), [(COIN, OTHER)]
    )
    return {
        "missing_hex": bare(free, inputs=(bare(free.inputs[0], outpoint=place),)).serialize().hex(),
        "unsigned_hex": unsigned.serialize().hex(),
        "double_hex": payment(paid, [(COIN - FEE, OTHER)], vout=1).serialize().hex(),
        "burn_hex": payment(paid, [(value - FEE, DATA)], vout=9).serialize().hex(),
        "dust_hex": payment(paid, [(value - FEE, OTHER), (100, OTHER)], vout=9).serialize().hex(),
        "coinbase_hex": bitcoin.parse_block(bytes.fromhex(tip_hex)).txs[0].serialize().hex(),
        "free_spender_hex": spender.serialize().hex(),
        "raw_hex": unsigned.serialize().hex(),
        "raw_missing_hex": missing.serialize().hex(),
    }


def _keys() -> Known:
    public = bitcoin.pubkey_of(SECRET).hex()
    root = bitcoin.master_key(SECRET)
    ranged = f"wpkh({root.public.text}/0/*)"
    fixed = f"wpkh({public})"
    legacy = bitcoin.script_to_address(PKH) or ""
    return {
        "pubkey": public,
        "pubkey2": bitcoin.pubkey_of(OTHER_SECRET).hex(),
        "wif": bitcoin.wif_of(SECRET),
        "wif2": bitcoin.wif_of(OTHER_SECRET),
        "xpub": root.public.text,
        "xprv": root.text,
        "ranged": bitcoin.with_checksum(ranged),
        "checksum": bitcoin.checksum(fixed),
        "signature": bitcoin.sign_message(SECRET, "a message"),
        "legacy_typo": legacy[:-1] + ("a" if legacy[-1] != "a" else "b"),
        "address_typo": ADDRESS[:-1] + ("q" if ADDRESS[-1] != "q" else "p"),
    }


def _copy(source: Service, target: Service, digest: str) -> None:
    answer = target.call("submitblock", source.call("getblock", digest, 0))
    assert answer in (None, "duplicate"), (
        f"{target.name} refuses {digest} of {source.name}: {answer}"
    )


def _copy_branch(source: Service, target: Service, tip: str, length: int) -> None:
    hashes = [tip]
    for _ in range(length - 1):
        hashes.append(source.call("getblockheader", hashes[-1])["previousblockhash"])
    for digest in reversed(hashes if length else []):
        told = target.call("submitblock", source.call("getblock", digest, 0))
        assert told in ("inconclusive", "duplicate"), told


def _coinbase(node: Service, digest: str) -> Tx:
    return bitcoin.parse_block(bytes.fromhex(node.call("getblock", digest, 0))).txs[0]
