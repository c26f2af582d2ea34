"""A plain header hashes as the specification's does."""

from alys.models.ethereum import execution, views
from alys.models.ethereum.light import Light
from alys.models.ethereum.light_header import LightHeader
from alys.wire.engine import ExecutionPayload, Withdrawal
from tests.models.ethereum.builders import built, make_node, send, signed


def test_the_hash_is_the_specifications() -> None:
    node = make_node()
    send(node, signed(max_fee=10**10))
    credit = Withdrawal(index=128, validator_index=3, address=b"\x31" * 20, amount_gwei=0)
    payload = ExecutionPayload.from_json(built(node, credit))
    plain, own = Light().header_of(payload), execution.header_of(payload)
    assert isinstance(plain, LightHeader)
    assert plain.hash == execution.hash_of(own) == payload.block_hash
    assert plain.rlp == views.raw_header(own)
