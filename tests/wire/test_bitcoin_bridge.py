"""Our structs and the library's objects say the same bytes."""

from btclib.tx.tx import Tx as LibraryTx
from hypothesis import given

from alys.wire import bitcoin_bridge
from alys.wire.bitcoin_codec import Tx, TxOut, parse_tx
from tests.wire.test_bitcoin_codec import SEGWIT_TX, txs


def test_a_real_transaction_has_the_librarys_hashes_and_bytes() -> None:
    tx = parse_tx(bytes.fromhex(SEGWIT_TX))
    theirs = LibraryTx.parse(bytes.fromhex(SEGWIT_TX))
    ours = bitcoin_bridge.library_tx(tx)
    assert (ours.id, ours.hash, ours.vin) == (theirs.id, theirs.hash, theirs.vin)
    assert (tx.txid, tx.wtxid) == (theirs.id.hex(), theirs.hash.hex())
    assert (tx.weight, tx.vsize) == (theirs.weight, theirs.vsize)


@given(txs)
def test_every_transaction_crosses_the_bridge_unchanged(tx: Tx) -> None:
    theirs = bitcoin_bridge.library_tx(tx)
    assert theirs.serialize(include_witness=True, check_validity=False) == tx.serialize()


def test_outputs_keep_value_and_script() -> None:
    (theirs,) = bitcoin_bridge.library_outputs([TxOut(value=7, script=b"\x6a\xff")])
    assert (theirs.value, theirs.script_pub_key.script) == (7, b"\x6a\xff")


def test_hash160_is_ripemd160_of_sha256() -> None:
    assert bitcoin_bridge.hash160(b"").hex() == "b472a266d0bd89c13706a4132ccfb16f7c3b9fcb"
