"""A little chain to test rules on: valid blocks on the development specification, with proofs, deposits and signatures."""

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from alys.base.units import Sats
from alys.chain import approvals, auxpow, blocks, federation_update, payout, slots, state
from alys.chain.approvals import BlsScheme
from alys.chain.blocks import AuxPowHeader, ConsensusBlock, PegInRef, SignedBlock
from alys.chain.claims import NO_CLAIMS, BitcoinClaims
from alys.chain.federation import Federation
from alys.chain.peg import Deposit
from alys.chain.proposal import PayoutProposal
from alys.chain.spec import DEV_RETARGET, DEV_SECRETS, ChainSpec, dev_spec
from alys.chain.state import Facts, PegState, SeenDeposit
from alys.wire import auxpow as wire
from alys.wire import bitcoin
from alys.wire.engine import ExecutionPayload, Withdrawal
from alys.wire.ethereum import BURN_ADDRESS, PegOutEvent
from alys.wire.generated import governance_pb2 as pb

GENESIS_TIME = 1_767_225_600
GENESIS_HASH = hashlib.sha256(b"genesis").digest()
SPEC = dev_spec(GENESIS_HASH)
RETARGETING = dev_spec(
    GENESIS_HASH, retarget=msgspec.structs.replace(DEV_RETARGET, no_retargeting=False)
)
"""The same chain, but its target moves: wanted is a proof every 5 blocks, looked at every 12."""
SCHEME = BlsScheme()
SIGNERS = tuple(SCHEME.signer(secret) for secret in DEV_SECRETS)
MINER = bytes.fromhex("aa" * 20)
ALICE = bytes.fromhex("a1" * 20)
BOB = bytes.fromhex("b0" * 20)
PAYEE = bitcoin.p2wpkh_script(bitcoin.pubkey_of(bytes(31) + b"\x63"))
PAYEE_ADDRESS = bitcoin.script_to_address(PAYEE, "regtest") or ""
BITCOIN_BLOCK = "bb" * 32
WEI_PER_SAT = 10**10


def payload(
    parent_hash: bytes, number: int, timestamp: int, withdrawals: tuple[Withdrawal, ...] = ()
) -> ExecutionPayload:
    """An empty payload; its hash is unique, though no execution client would call it one."""
    told = repr((parent_hash, number, timestamp, withdrawals)).encode()
    return ExecutionPayload(
        parent_hash=parent_hash,
        fee_recipient=BURN_ADDRESS,
        state_root=bytes(32),
        receipts_root=bytes(32),
        logs_bloom=bytes(256),
        prev_randao=bytes(32),
        block_number=number,
        gas_limit=30_000_000,
        gas_used=0,
        timestamp=timestamp,
        extra_data=b"",
        base_fee_per_gas=7,
        block_hash=hashlib.sha256(told).digest(),
        transactions=(),
        withdrawals=withdrawals,
    )


def genesis() -> SignedBlock:
    first = msgspec.structs.replace(payload(bytes(32), 0, GENESIS_TIME), block_hash=GENESIS_HASH)
    return blocks.genesis_block(first, bits=SPEC.bits, aux_chain_id=SPEC.aux_chain_id)


def sign(block: ConsensusBlock, *authorities: int) -> SignedBlock:
    """The block with these authorities' approvals; by default its author's alone."""
    chosen = authorities or (slots.author_index(block.slot, len(SPEC.authorities)),)
    root = blocks.root(block)
    aggregate = None
    for index in chosen:
        approval = approvals.approve(SIGNERS[index], index, root)
        aggregate = approvals.merge(aggregate, approval, SCHEME)
    return SignedBlock(block=block, approvals=aggregate)


def next_block(
    parent: PegState,
    *,
    facts: dict[str, Any] | None = None,
    deposits: Sequence[Deposit] = (),
    header: AuxPowHeader | None = None,
    finalized: tuple[bytes, ...] = (),
    update: bytes | None = None,
    spec: ChainSpec = SPEC,
    claims: BitcoinClaims = NO_CLAIMS,
) -> tuple[ConsensusBlock, Facts]:
    """A valid child in the slot after the parent's, and the facts that make it valid."""
    slot = max(parent.slot, slots.slot_at(parent.timestamp, spec.slot_duration_ms)) + 1
    start = slots.slot_start(slot, spec.slot_duration_ms)
    seen = {one.outpoint: confirmed(one) for one in deposits}
    known = Facts(now=start + 0.25, deposits=seen, **(facts or {}))
    todo = state.duties(parent, known, header, spec, claims)
    block = ConsensusBlock(
        parent_root=parent.head_root,
        slot=slot,
        payload=payload(
            parent.execution_hash,
            parent.height + 1,
            int(start),
            state.withdrawals(todo, tuple(deposits)),
        ),
        auxpow_header=header,
        pegins=tuple(
            PegInRef(txid=one.txid, vout=one.vout, block_hash=BITCOIN_BLOCK) for one in deposits
        ),
        payout_proposal=None if todo.payout is None else todo.payout.serialize(witness=False),
        finalized_payouts=finalized,
        bitcoin=claims,
        federation_update=update,
        sweep_proposal=None if todo.sweep is None else todo.sweep.tx.serialize(witness=False),
    )
    return block, known


def grow(parent: PegState, **wishes: Any) -> PegState:
    """The state after a valid child."""
    block, facts = next_block(parent, **wishes)
    return state.apply(parent, block, facts, wishes.get("spec", SPEC))


def deposit(number: int, sats: int = 100_000_000, to: bytes = ALICE) -> Deposit:
    return Deposit(txid=f"{number:064x}", vout=0, sats=Sats(sats), evm_address=to)


def paying_to(one: Deposit, script: bytes) -> Deposit:
    """The same deposit, to this script."""
    return msgspec.structs.replace(one, script=script)


def announcement(
    effective_height: int, *secrets: int, threshold: int = 0, **changes: Any
) -> pb.FederationUpdate:
    """What governance announces: these members and no others, unsigned."""
    keys = [bitcoin.xonly_of(secret.to_bytes(32, "big")) for secret in secrets]
    update = pb.FederationUpdate(
        update_type=pb.FEDERATION_UPDATE_TYPE_MEMBER_ADD,
        members=[
            pb.FederationMember(member_id=f"m{n}", public_key=key, weight=1, active=True)
            for n, key in enumerate(keys)
        ],
        effective_height=effective_height,
        config=pb.FederationConfig(
            signature_threshold=threshold or slots.quorum(len(keys)), member_count=len(keys)
        ),
    )
    for name, value in changes.items():
        setattr(update, name, value)
    return update


def attested(update: pb.FederationUpdate, *secrets: int) -> dict[bytes, bytes]:
    """The announcement's signatures by these members, by key."""
    digest = federation_update.digest(update)
    signed = {}
    for secret in secrets:
        raw = secret.to_bytes(32, "big")
        signed[bitcoin.xonly_of(raw)] = bitcoin.schnorr_sign(raw, digest, bytes(32))
    return signed


def evidence(update: pb.FederationUpdate, *secrets: int) -> bytes:
    """What a block carries of it, signed by these members, whoever they are."""
    signed = pb.FederationUpdate()
    signed.CopyFrom(update)
    signed.update_signature = b"".join(
        key + given for key, given in attested(update, *secrets).items()
    )
    return signed.SerializeToString(deterministic=True)


def confirmed(one: Deposit, confirmations: int = SPEC.required_confirmations) -> SeenDeposit:
    return SeenDeposit(deposit=one, block_hash=BITCOIN_BLOCK, confirmations=confirmations)


def burn(
    number: int = 1, sats: int = 2_000_000, address: str = PAYEE_ADDRESS, wei: int = 0
) -> PegOutEvent:
    """A peg-out request; ``wei`` on top of whole sats."""
    return PegOutEvent(
        caller=BOB,
        address=address.encode(),
        wei=sats * WEI_PER_SAT + wei,
        tx_hash=f"0x{number:064x}",
        log_index=0,
    )


def mined(parent: bitcoin.Header) -> bitcoin.Header:
    """The header with the first nonce that meets its own bits; a few tries at regtest's."""
    while not bitcoin.meets_target(parent.hash, parent.bits):
        parent = msgspec.structs.replace(parent, nonce=parent.nonce + 1)
    return parent


def coinbase(*scripts: bytes) -> bitcoin.Tx:
    null = bitcoin.OutPoint(txid=bitcoin.NULL_HASH, vout=bitcoin.NULL_VOUT)
    return bitcoin.Tx(
        inputs=(bitcoin.TxIn(outpoint=null, script_sig=b"\x01\x01"),),
        outputs=tuple(bitcoin.TxOut(value=0, script=script) for script in scripts),
    )


def proof(committed: bytes, bits: int = SPEC.bits) -> wire.AuxPow:
    """Work for a hash, in a Bitcoin block with nothing but its coinbase."""
    commitment = wire.Commitment(root=committed, merkle_size=1, nonce=0)
    made = coinbase(b"", b"", commitment.script())
    parent = bitcoin.Header(
        version=0x20000000,
        previous="00" * 32,
        merkle_root=made.txid,
        time=GENESIS_TIME,
        bits=bits,
        nonce=0,
    )
    return wire.AuxPow(
        coinbase=made,
        block_hash="00" * 32,
        coinbase_branch=wire.MerkleBranch(),
        blockchain_branch=wire.MerkleBranch(),
        parent=mined(parent),
    )


def pow_header(
    parent: PegState, covered: int | None = None, spec: ChainSpec = SPEC
) -> AuxPowHeader:
    """A proof over the first ``covered`` unfinalised blocks (by default all)."""
    links = parent.unfinalised[:covered]
    committed = auxpow.aux_hash([link.root for link in links])
    bits = state.required_bits(parent, links[-1].height, spec)
    return AuxPowHeader(
        range_start=links[0].root,
        range_end=links[-1].root,
        bits=bits,
        chain_id=spec.aux_chain_id,
        height=links[-1].height,
        fee_recipient=MINER,
        auxpow=wire.encode(proof(committed, bits)),
    )


def signatures(
    tx: bitcoin.Tx,
    prevouts: Sequence[bitcoin.TxOut],
    *members: int,
    federation: Federation = SPEC.federation,
) -> list[dict[bytes, bytes]]:
    """These members' signatures (by position) over each input, by key."""
    return [
        {
            federation.keys[n]: bitcoin.schnorr_sign(
                _SECRET_OF[federation.keys[n]], digest, bytes(32)
            )
            for n in members
        }
        for digest in payout.sighashes(tx, prevouts, federation)
    ]


_SECRET_OF = {
    bitcoin.xonly_of(number.to_bytes(32, "big")): number.to_bytes(32, "big")
    for number in range(1, 10)
}


def signed_payout(proposal: PayoutProposal, *members: int) -> bytes:
    """A proposal, signed by two members (by default the first and the last)."""
    tx = bitcoin.parse_tx(proposal.tx)
    federation = proposal.federation or SPEC.federation
    prevouts = payout.prevouts_of(proposal.input_sats, federation)
    given = signatures(tx, prevouts, *(members or (0, 2)), federation=federation)
    return payout.complete(tx, prevouts, federation, given).serialize()
