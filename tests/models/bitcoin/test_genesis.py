"""The first block."""

import msgspec

from alys.models.bitcoin.genesis import REGTEST_TIME, genesis_block
from alys.wire import bitcoin

REGTEST_GENESIS = "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206"


def test_with_the_real_time_it_is_regtests_own_genesis_block() -> None:
    block = genesis_block()
    assert block.hash == REGTEST_GENESIS
    root = "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b"
    assert block.txs[0].txid == block.header.merkle_root == root
    assert block.header.time == REGTEST_TIME


def test_another_time_gives_another_chain_with_its_work_done_from_nonce_0() -> None:
    block = genesis_block(1_767_225_600)
    assert block.hash != REGTEST_GENESIS
    assert bitcoin.meets_target(block.hash, block.header.bits)
    lower = [msgspec.structs.replace(block.header, nonce=n) for n in range(block.header.nonce)]
    assert not any(bitcoin.meets_target(header.hash, header.bits) for header in lower)
    assert genesis_block(1_767_225_600) == block
