"""One of every item that crosses the wire."""

from alys.chain.blocks import AuxPowHeader
from alys.node import gossip
from tests.node.branches import branch

HEADER = AuxPowHeader(
    range_start=bytes(32),
    range_end=b"\x01" * 32,
    bits=0x207FFFFF,
    chain_id=1,
    height=7,
    fee_recipient=bytes(20),
    auxpow=b"proof",
)
BLOCKS = branch(2).encoded
REFUSAL = gossip.Refusal(root=bytes(32), authority_index=2, reason="why", detail="so", height=7)
APPROVAL = gossip.Approval(root=bytes(32), authority_index=1, signature=bytes(96))
STATUS = gossip.Status(
    height=9, head_root=b"\x09" * 32, finalised_height=4, finalised_root=b"\x04" * 32
)

EVERY: tuple[gossip.Item, ...] = (
    gossip.ProposedBlock(block=BLOCKS[0]),
    APPROVAL,
    REFUSAL,
    gossip.SealedBlock(block=BLOCKS[1]),
    gossip.QueuedPow(header=HEADER),
    gossip.SignedPayout(txid="ab" * 32, tx=b"a transaction"),
    STATUS,
    gossip.BlocksRequest(number=1, start=2, count=3),
    gossip.BlocksResponse(number=1, blocks=(b"two", b"three")),
)
