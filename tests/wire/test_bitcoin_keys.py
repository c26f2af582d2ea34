"""Keys, signatures and signature hashes against the vectors of BIP143, BIP340 and BIP341, and the federation's addresses."""

import msgspec
import pytest

from alys.wire import bitcoin_keys as keys
from alys.wire import bitcoin_script
from alys.wire.bitcoin_codec import OutPoint, Tx, TxIn, TxOut, parse_tx
from tests.wire.test_bitcoin_codec import SEGWIT_TX

NUMS = bytes.fromhex("50929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0")
P2WPKH_SECRET = bytes.fromhex("619c335025c7f4012e556c2a58b2506e30b8511b53ade95ea316fd8c3286feb9")
P2WPKH_SATS = 600_000_000

BIP340 = [
    (
        "0000000000000000000000000000000000000000000000000000000000000003",
        "f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9",
        "00" * 32,
        "00" * 32,
        "e907831f80848d1069a5371b402410364bdf1c5f8307b0084c55f1ce2dca8215"
        "25f66a4a85ea8b71e482a74f382d2ce5ebeee8fdb2172f477df4900d310536c0",
    ),
    (
        "b7e151628aed2a6abf7158809cf4f3c762e7160f38b4da56a784d9045190cfef",
        "dff1d77f2a671c5f36183726db2341be58feae1da2deced843240f7b502ba659",
        "00" * 31 + "01",
        "243f6a8885a308d313198a2e03707344a4093822299f31d0082efa98ec4e6c89",
        "6896bd60eeae296db48a229ff71dfe071bde413e6d43f917dc8dcf8c78de3341"
        "8906d11ac976abccb20b091292bff4ea897efcb639ea871cfa95f6de339e4b0a",
    ),
]


def secret(number: int) -> bytes:
    return number.to_bytes(32, "big")


def federation_leaf(members: int, threshold: int) -> bytes:
    """Our multisig leaf, written out."""
    script = b""
    for number in range(1, members + 1):
        checked = b"\xac" if number == 1 else b"\xba"
        script += b"\x20" + keys.xonly_of(secret(number)) + checked
    return script + bytes((0x50 + threshold, 0xA2))


def spend_of(script: bytes) -> tuple[Tx, list[TxOut]]:
    """A payment with two inputs of the script, and what they spend."""
    places = [OutPoint(txid=name * 32, vout=0) for name in ("aa", "bb")]
    tx = Tx(
        inputs=tuple(TxIn(outpoint=place, sequence=0xFFFFFFFD) for place in places),
        outputs=(TxOut(value=150_000, script=b"\x00\x14" + bytes(20)),),
    )
    return tx, [TxOut(value=value, script=script) for value in (100_000, 60_000)]


def with_witness(tx: Tx, index: int, *witness: bytes) -> Tx:
    txin = msgspec.structs.replace(tx.inputs[index], witness=witness)
    return msgspec.structs.replace(tx, inputs=(*tx.inputs[:index], txin, *tx.inputs[index + 1 :]))


@pytest.mark.parametrize(("key", "xonly", "aux", "message", "signature"), BIP340)
def test_schnorr_signatures_are_those_of_bip340(
    key: str, xonly: str, aux: str, message: str, signature: str
) -> None:
    assert keys.xonly_of(bytes.fromhex(key)).hex() == xonly
    made = keys.schnorr_sign(bytes.fromhex(key), bytes.fromhex(message), bytes.fromhex(aux))
    assert made.hex() == signature
    assert keys.schnorr_verify(bytes.fromhex(xonly), bytes.fromhex(message), made)


def test_a_schnorr_signature_is_false_when_anything_changes() -> None:
    xonly, message, good = (bytes.fromhex(BIP340[1][n]) for n in (1, 3, 4))
    assert keys.schnorr_verify(xonly, message, good)
    assert not keys.schnorr_verify(xonly, bytes(32), good)
    assert not keys.schnorr_verify(keys.xonly_of(secret(1)), message, good)
    assert not keys.schnorr_verify(xonly, message, bytes((good[0] ^ 1,)) + good[1:])
    for bad in (b"", good[:-1], good + b"\x01"):
        assert not keys.schnorr_verify(xonly, message, bad)
    assert not keys.schnorr_verify(b"\xff" * 32, message, good)
    assert not keys.schnorr_verify(xonly[:-1], message, good)


def test_auxiliary_bytes_change_the_signature_and_nothing_else_does() -> None:
    one = keys.schnorr_sign(secret(1), bytes(32), bytes(32))
    assert one == keys.schnorr_sign(secret(1), bytes(32), bytes(32))
    other = keys.schnorr_sign(secret(1), bytes(32), b"\x01" * 32)
    assert one != other
    assert keys.schnorr_verify(keys.xonly_of(secret(1)), bytes(32), other)
    with pytest.raises(ValueError, match="auxiliary bytes must be 32, not 31"):
        keys.schnorr_sign(secret(1), bytes(32), bytes(31))


def test_the_public_key_of_one_is_the_generator() -> None:
    generator = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
    assert keys.pubkey_of(secret(1)).hex() == "02" + generator
    assert keys.xonly_of(secret(1)).hex() == generator


@pytest.mark.parametrize("bad", [bytes(32), b"\xff" * 32, b"\x01", b"\x01" * 33])
def test_a_secret_outside_the_group_or_of_a_wrong_length_is_refused(bad: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        keys.pubkey_of(bad)


def test_tagged_hash_and_hash160() -> None:
    # BIP341's leaf hash of its first vector with a script.
    leaf = bytes.fromhex("20d85a959b0290bf19bb89ed43c916be835475d013da4b362117393e25a48229b8ac")
    expected = "5b75adecf53548f3ec6ad7d78383bf84cc57b55a3127c72b9a2481752dd88b21"
    assert keys.tapleaf_hash(leaf).hex() == expected
    assert keys.tagged_hash("TapLeaf", b"\xc0" + bytes((len(leaf),)) + leaf).hex() == expected
    assert keys.tagged_hash("TapTweak", b"") != keys.tagged_hash("TapLeaf", b"")
    assert keys.hash160(b"").hex() == "b472a266d0bd89c13706a4132ccfb16f7c3b9fcb"


def test_a_taproot_output_with_one_leaf_is_that_of_bip341() -> None:
    internal = bytes.fromhex("187791b6f712a8ea41c8ecdd0ee77fab3e85263b37e1ec18a3651926b3a6cf27")
    leaf = bytes.fromhex("20d85a959b0290bf19bb89ed43c916be835475d013da4b362117393e25a48229b8ac")
    key, parity = keys.taproot_output(internal, leaf)
    assert key.hex() == "147c9c57132f6e7ecddba9800bb0c4449251c92a1e60371ee77557b6620f3ea3"
    assert parity == 1
    with pytest.raises(ValueError, match=r".+"):
        keys.taproot_output(b"\xff" * 32, leaf)


@pytest.mark.parametrize(
    ("members", "threshold", "parity", "address"),
    [
        (1, 1, None, "bcrt1p3srvwkq5kyzlxqls43x97ch2vpcp4j278nk8jjuzcgt8k40ttr9s4vj934"),
        (3, 2, 1, "bcrt1pyjrtzxpj7vzpjz6kvps5c2ajhkupt8qk22ncdpdz23wdl5j7dp8qexkr43"),
        (5, 4, 0, "bcrt1pkre8c6qxy4lm28x5n8ay2z8p9z5l6ya2yevy0hlyz809nlvsyw3sj0jqp2"),
    ],
)
def test_the_federations_addresses(
    members: int, threshold: int, parity: int | None, address: str
) -> None:
    key, found = keys.taproot_output(NUMS, federation_leaf(members, threshold))
    assert bitcoin_script.script_to_address(b"\x51\x20" + key) == address
    assert parity is None or found == parity


def test_two_of_three_members_spend_through_the_leaf_and_one_does_not() -> None:
    leaf = federation_leaf(3, 2)
    key, parity = keys.taproot_output(NUMS, leaf)
    tx, prevouts = spend_of(b"\x51\x20" + key)
    control = bytes((0xC0 | parity,)) + NUMS
    digest = keys.taproot_script_path_sighash(tx, 1, prevouts, leaf)
    first, third = (keys.schnorr_sign(secret(n), digest, bytes(32)) for n in (1, 3))
    good = with_witness(tx, 1, third, b"", first, leaf, control)
    bitcoin_script.verify_input(good, 1, prevouts, policy=True)
    for witness in ((b"", b"", first), (first, b"", third), (third, b"", third)):
        with pytest.raises(bitcoin_script.ScriptError):
            bitcoin_script.verify_input(with_witness(tx, 1, *witness, leaf, control), 1, prevouts)


def test_the_script_path_hash_covers_index_amounts_scripts_outputs_and_leaf() -> None:
    leaf = federation_leaf(3, 2)
    tx, prevouts = spend_of(b"\x51\x20" + keys.taproot_output(NUMS, leaf)[0])
    base = keys.taproot_script_path_sighash(tx, 0, prevouts, leaf)
    richer = [msgspec.structs.replace(prevouts[0], value=1), prevouts[1]]
    moved = [prevouts[0], msgspec.structs.replace(prevouts[1], script=b"\x51")]
    paid = msgspec.structs.replace(tx, outputs=(TxOut(value=1, script=b"\x51"),))
    others = [
        keys.taproot_script_path_sighash(tx, 1, prevouts, leaf),
        keys.taproot_script_path_sighash(tx, 0, richer, leaf),
        keys.taproot_script_path_sighash(tx, 0, moved, leaf),
        keys.taproot_script_path_sighash(paid, 0, prevouts, leaf),
        keys.taproot_script_path_sighash(tx, 0, prevouts, federation_leaf(3, 3)),
    ]
    assert len({base, *others}) == 6
    for index, spent in ((2, prevouts), (0, prevouts[:1]), (-1, prevouts)):
        with pytest.raises(ValueError, match="prevouts"):
            keys.taproot_script_path_sighash(tx, index, spent, leaf)


def test_the_p2wpkh_hash_and_signature_are_those_of_bip143() -> None:
    signed = parse_tx(bytes.fromhex(SEGWIT_TX))
    unsigned = with_witness(signed, 1)
    pubkey = keys.pubkey_of(P2WPKH_SECRET)
    digest = keys.p2wpkh_sighash(unsigned, 1, pubkey, P2WPKH_SATS)
    assert digest.hex() == "c37af31116d1b27caf68aae9e3ac82f1477929014d5b917657d0eb49478cb670"
    made = keys.sign_p2wpkh_input(unsigned, 1, P2WPKH_SECRET, P2WPKH_SATS)
    assert made == signed
    assert keys.p2wpkh_script(pubkey).hex() == "00141d0f172a0ecb48aee1be1f2687d2963ae33f71a1"


def test_a_p2wpkh_signature_satisfies_the_engine_for_its_amount_only() -> None:
    script = keys.p2wpkh_script(keys.pubkey_of(secret(9)))
    tx, prevouts = spend_of(script)
    signed = keys.sign_p2wpkh_input(tx, 0, secret(9), prevouts[0].value)
    bitcoin_script.verify_input(signed, 0, prevouts, policy=True)
    assert signed.inputs[1] == tx.inputs[1]
    with pytest.raises(bitcoin_script.ScriptError):
        bitcoin_script.verify_input(
            signed, 0, [msgspec.structs.replace(prevouts[0], value=99_999), prevouts[1]]
        )
