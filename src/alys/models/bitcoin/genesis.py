"""The block that everything stands on: Bitcoin's own genesis transaction under regtest's work.

With the real time, 1296688602, it is the genesis block of every regtest node; another time gives a chain of its own.
"""

from alys.models.bitcoin import rules
from alys.wire import bitcoin
from alys.wire.bitcoin import Block, OutPoint, Tx, TxIn, TxOut

REGTEST_TIME = 1_296_688_602
REGTEST_NONCE = 2  # not the first that would do

_HEADLINE = b"The Times 03/Jan/2009 Chancellor on brink of second bailout for banks"
_PUBLIC_KEY = bytes.fromhex(
    "04678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb6"
    "49f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5f"
)
_OP_CHECKSIG = b"\xac"


def genesis_block(time: int = REGTEST_TIME) -> Block:
    """The genesis block with this time and the first nonce that is work enough. Its coin can never be spent."""
    script_sig = (
        bitcoin.push((0x1D00FFFF).to_bytes(4, "little"))
        + bitcoin.push(b"\x04")
        + bitcoin.push(_HEADLINE)
    )
    coinbase = Tx(
        version=1,
        inputs=(
            TxIn(
                outpoint=OutPoint(txid=bitcoin.NULL_HASH, vout=bitcoin.NULL_VOUT),
                script_sig=script_sig,
            ),
        ),
        outputs=(TxOut(value=rules.SUBSIDY_SATS, script=bitcoin.push(_PUBLIC_KEY) + _OP_CHECKSIG),),
    )
    header = bitcoin.Header(
        version=1,
        previous=bitcoin.NULL_HASH,
        merkle_root=coinbase.txid,
        time=time,
        bits=rules.REGTEST_BITS,
        nonce=REGTEST_NONCE,
    )
    if time != REGTEST_TIME:
        header = rules.mined(header)
    return Block(header=header, txs=(coinbase,))
