"""Merged mining's wire format, on a proof that upstream's own tests use and by round trips."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alys.wire import auxpow, bitcoin

COMMITTED = "f5aa3d8d1f59922d78a072ce6fee4e4f85f9dceb0737d181db35d98ef4584eb4"
VECTOR = bytes.fromhex(
    "01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff2e02ff1704"
    "f028e7652f7a7a616d78632f9b1f463eeea422e558d49377f2c75c0109d718e970007ac4cfc0ffffffffffffffff"
    "0300000000000000001600148ec4187ad5b631c9a559ba4cd8eb191618ec2483"
    "0000000000000000266a24aa21a9edf9c04456edd5d664954fafd41f74e526552b72f2df6bbf6568f6acb6a05fd313"
    "00000000000000002cfabe6d6df5aa3d8d1f59922d78a072ce6fee4e4f85f9dceb0737d181db35d98ef4584eb4"
    "01000000000000002460910e236c5ddadc4b5d8483402a0c0a24148dafdad5d27755770df47aa23fe5185883"
    "037187916ad659ae13fd7b4c80c4bd99737459f8203ffc92962c2c7771ab23775ff322af955beddf107840635c84"
    "64b1a284b836ecb3e80d8d43aab465b67ca58b97eeff36d44105cf74a8dfec9f4d0c17aa3a8302852908b6f83569"
    "e73c60be310000000000000000000000002011deda93abf5a65b68494fae9b52c3b871c53ca6421510cce1124d9b"
    "46f78824aa1dbaca594a6722e6e2e897ed515074eb2ec6b1c354df8c63971e0a26e3ba0e0629e765ffff7f20514d"
    "46e9"
)


def sha256d(data: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def test_the_vector_reads_as_what_it_is() -> None:
    proof = auxpow.decode(VECTOR)
    assert [len(out.script) for out in proof.coinbase.outputs] == [22, 38, 44]
    assert len(proof.coinbase_branch.hashes) == 3
    assert proof.coinbase_branch.side_mask == 0
    assert proof.blockchain_branch == auxpow.MerkleBranch()
    assert (proof.parent.version, proof.parent.bits) == (0x20000000, 0x207FFFFF)


def test_the_vector_is_written_back_byte_for_byte() -> None:
    assert auxpow.encode(auxpow.decode(VECTOR)) == VECTOR


def test_the_vector_commits_to_the_hash_as_it_is_shown() -> None:
    """The 32 bytes in the coinbase are those of createauxblock's hex, not reversed."""
    found = auxpow.parse_commitment(auxpow.decode(VECTOR).coinbase.outputs[2].script)
    assert found == auxpow.Commitment(root=bytes.fromhex(COMMITTED), merkle_size=1, nonce=0)


def test_the_branch_of_the_vector_leads_to_its_merkle_root() -> None:
    proof = auxpow.decode(VECTOR)
    root = proof.coinbase_branch.root_of(bitcoin.unshown(proof.coinbase.txid))
    assert bitcoin.shown(root) == proof.parent.merkle_root


@pytest.mark.parametrize("cut", [0, 4, 200, len(VECTOR) - 80, len(VECTOR) - 1])
def test_a_truncated_proof_is_refused(cut: int) -> None:
    with pytest.raises(bitcoin.MalformedBitcoin):
        auxpow.decode(VECTOR[:cut])


def test_a_byte_too_many_is_refused() -> None:
    with pytest.raises(bitcoin.MalformedBitcoin, match="left over"):
        auxpow.decode(VECTOR + b"\0")


def test_the_mask_says_on_which_side_a_sibling_stands() -> None:
    """Bit i is the sibling of step i; the first is the leaf's own."""
    leaf, near, far = (bytes([n]) * 32 for n in (1, 2, 3))
    hashes = (bitcoin.shown(near), bitcoin.shown(far))

    def root(mask: int) -> bytes:
        return auxpow.MerkleBranch(hashes=hashes, side_mask=mask).root_of(leaf)

    assert root(0b00) == sha256d(sha256d(leaf + near) + far)
    assert root(0b01) == sha256d(sha256d(near + leaf) + far)
    assert root(0b10) == sha256d(far + sha256d(leaf + near))


@given(count=st.integers(1, 12), data=st.data())
def test_a_branch_leads_from_any_transaction_to_bitcoins_merkle_root(
    count: int, data: st.DataObject
) -> None:
    txids = [hashlib.sha256(bytes([n])).hexdigest() for n in range(count)]
    index = data.draw(st.integers(0, count - 1))
    branch = auxpow.MerkleBranch(hashes=tuple(bitcoin.merkle_branch(txids, index)), side_mask=index)
    root = branch.root_of(bitcoin.unshown(txids[index]))
    assert bitcoin.shown(root) == bitcoin.merkle_root(txids)


U32 = st.integers(0, 2**32 - 1)


@given(root=st.binary(min_size=32, max_size=32), size=U32, nonce=U32)
def test_a_commitment_is_read_back_equal(root: bytes, size: int, nonce: int) -> None:
    made = auxpow.Commitment(root=root, merkle_size=size, nonce=nonce)
    assert len(made.script()) == 44
    assert auxpow.parse_commitment(made.script()) == made


GOOD = auxpow.Commitment(root=bytes(32), merkle_size=1, nonce=0).script()


@pytest.mark.parametrize(
    "script",
    [GOOD[:-1], GOOD + b"\0", b"\x6a" + GOOD[1:], b"\x2c" + GOOD[:-1], b""],
    ids=["too short", "too long", "other magic", "pushed", "empty"],
)
def test_a_script_that_is_not_exactly_a_commitment_is_none(script: bytes) -> None:
    assert auxpow.parse_commitment(GOOD) is not None
    assert auxpow.parse_commitment(script) is None
