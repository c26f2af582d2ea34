"""Blocks with one thing wrong, as an author who breaks the rules could make them: everything else about them is as it must be.

A form takes the scene (the head of the authority that it is meant for, and what Bitcoin shows) and makes a signed block, or nothing where the
scene has not what it needs. What an honest block would contain is computed by the rules of the chain, so the refusal of a forgery is due
to the one thing alone; ``reason`` is the word of the rule that must refuse it.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from alys.chain import approvals, auxpow, blocks, payout, slots, state
from alys.chain.approvals import Signer, Verifier
from alys.chain.blocks import AuxPowHeader, ConsensusBlock, PegInRef, SignedBlock
from alys.chain.claims import NO_CLAIMS, BitcoinClaims, SettledRef
from alys.chain.forkchoice import Objection
from alys.chain.spec import ChainSpec
from alys.chain.state import Facts, PegState, SeenDeposit
from alys.chain.validity import Reason
from alys.wire import auxpow as wire
from alys.wire import bitcoin
from alys.wire.engine import ExecutionPayload, Withdrawal
from alys.wire.generated import governance_pb2 as pb
from alys.worlds import miner

THIEF = bytes.fromhex("bad0" + "00" * 17 + "01")
"""Whom forged money is for on the sidechain."""
THIEF_SCRIPT = b"\x00\x14" + bytes.fromhex("bad0" + "00" * 17 + "02")
STOLEN_SATS = 1_000_000
FAR_SECONDS = 3_600
STRANGE_BITS = 0x207FFFFE
"""A target that nobody asks for, and nearly as easy as regtest's."""


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """What a forger knows at the beginning of a slot."""

    spec: ChainSpec
    parent: PegState
    facts: Facts
    """What the parent's payload leaves to answer for."""
    slot: int
    now: float
    build: Callable[[tuple[Withdrawal, ...], int], ExecutionPayload]
    """A sound payload on the parent with these withdrawals and this time."""
    deposits: tuple[SeenDeposit, ...]
    """On Bitcoin's best chain, minted or not, oldest first."""
    tip: str
    """Hash of Bitcoin's last block."""
    template: Mapping[str, Any]
    """For merged mining."""
    signers: tuple[Signer, ...]
    verifier: Verifier
    target: int
    """Whom it is for."""
    head: SignedBlock
    """The parent, as the authority has it."""

    @property
    def author(self) -> int:
        """Whose turn the slot is."""
        return slots.author_index(self.slot, len(self.spec.authorities))


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of forgery."""

    make: Callable[[Scene], SignedBlock | None]
    reason: Reason | Objection
    """Why it must be refused."""
    sealed: bool = False
    """It is shown as a block that has its quorum, not offered for approval."""
    fragile: bool = False
    """It may cease to be wrong when a fault comes between, so it is offered in calm only: judged a slot later a block is a second one of its
    slot, and what was not so on Bitcoin may be so after a reorganisation, or to whom a service lies."""


# An honest block, and what can be changed about it


def block_of(
    scene: Scene,
    *,
    deposits: tuple[SeenDeposit, ...] = (),
    extra: tuple[tuple[bytes, int], ...] = (),
    header: AuxPowHeader | None = None,
    said: BitcoinClaims = NO_CLAIMS,
    time: int | None = None,
) -> ConsensusBlock:
    """As the rules want it, with ``extra`` gwei for somebody."""
    todo = state.duties(scene.parent, scene.facts, header, scene.spec, said)
    due = state.withdrawals(todo, tuple(seen.deposit for seen in deposits))
    given = dict(extra)
    added = tuple(
        Withdrawal(index=0, validator_index=0, address=address, amount_gwei=gwei)
        for address, gwei in given.items()
    )
    withdrawals = tuple(sorted((*due, *added), key=lambda one: one.address))
    now = slots.payload_timestamp(scene.now, scene.parent.timestamp)
    return ConsensusBlock(
        parent_root=scene.parent.head_root,
        slot=scene.slot,
        payload=scene.build(withdrawals, now if time is None else time),
        auxpow_header=header,
        pegins=tuple(
            PegInRef(txid=s.deposit.txid, vout=s.deposit.vout, block_hash=s.block_hash)
            for s in deposits
        ),
        payout_proposal=None if todo.payout is None else todo.payout.serialize(witness=False),
        sweep_proposal=None if todo.sweep is None else todo.sweep.tx.serialize(witness=False),
        bitcoin=said,
    )


def signed(scene: Scene, block: ConsensusBlock, author: int | None = None) -> SignedBlock:
    """With the approval of the slot's author, or of another authority."""
    index = scene.author if author is None else author
    approval = approvals.approve(scene.signers[index], index, blocks.root(block))
    return SignedBlock(block=block, approvals=approvals.merge(None, approval, scene.verifier))


def honest(scene: Scene) -> SignedBlock:
    """Nothing is wrong with it."""
    return signed(scene, block_of(scene))


# Money


def extra_withdrawal(scene: Scene) -> SignedBlock:
    """All that is due is credited, and something more."""
    return signed(scene, block_of(scene, extra=((THIEF, STOLEN_SATS * 10),)))


def minted_again(scene: Scene) -> SignedBlock | None:
    """A deposit that was minted long ago is minted again."""
    old = [seen for seen in scene.deposits if seen.deposit.outpoint in scene.parent.minted]
    return signed(scene, block_of(scene, deposits=(old[0],))) if old else None


def minted_by_another_name(scene: Scene) -> SignedBlock | None:
    """The transaction of a minted deposit, by another of its outputs."""
    old = [seen for seen in scene.deposits if seen.deposit.outpoint in scene.parent.minted]
    if not old:
        return None
    deposit = msgspec.structs.replace(old[0].deposit, vout=old[0].deposit.vout + 1)
    alias = msgspec.structs.replace(old[0], deposit=deposit)
    return signed(scene, block_of(scene, deposits=(alias,)))


def listed_twice(scene: Scene) -> SignedBlock | None:
    """A deposit that may be minted now, twice in one block."""
    ready = [seen for seen in _unminted(scene) if _deep(scene, seen)]
    return signed(scene, block_of(scene, deposits=(ready[0], ready[0]))) if ready else None


def minted_early(scene: Scene) -> SignedBlock | None:
    """A deposit without its confirmations: two short, so that a Bitcoin block on the way does not make it right."""
    least = scene.spec.required_confirmations - 2
    young = [seen for seen in _unminted(scene) if seen.confirmations <= least]
    return signed(scene, block_of(scene, deposits=(young[-1],))) if young else None


def payout_to_a_thief(scene: Scene) -> SignedBlock | None:
    """A payout that nobody asked for, out of the federation's coins."""
    if not scene.parent.utxos or scene.facts.parent_requests:
        return None
    coin, sats = max(scene.parent.utxos.items(), key=lambda one: (one[1], one[0]))
    tx = bitcoin.Tx(
        version=payout.TX_VERSION,
        inputs=(payout.unsigned_input(coin),),
        outputs=(bitcoin.TxOut(value=sats - 1_000, script=THIEF_SCRIPT),),
        locktime=0,
    )
    block = block_of(scene)
    if block.payout_proposal is not None:
        return None
    raw = tx.serialize(witness=False)
    return signed(scene, msgspec.structs.replace(block, payout_proposal=raw))


def _unminted(scene: Scene) -> list[SeenDeposit]:
    return [seen for seen in scene.deposits if seen.deposit.outpoint not in scene.parent.minted]


def _deep(scene: Scene, seen: SeenDeposit) -> bool:
    return seen.confirmations >= scene.spec.required_confirmations


# Whose block it is, and when


def out_of_turn(scene: Scene) -> SignedBlock:
    """Signed by an authority whose slot it is not."""
    other = (scene.author + 1) % len(scene.spec.authorities)
    return signed(scene, block_of(scene), other)


def in_anothers_name(scene: Scene) -> SignedBlock:
    """The author's name, and a signature with another key."""
    made = honest(scene)
    other = (scene.author + 1) % len(scene.spec.authorities)
    wrong = scene.signers[other].sign(blocks.root(made.block))
    assert made.approvals is not None, "it was signed"
    return msgspec.structs.replace(
        made, approvals=msgspec.structs.replace(made.approvals, signature=wrong)
    )


def before_its_slot(scene: Scene) -> SignedBlock:
    """In the slot after the present one, which its author may not use yet."""
    block = msgspec.structs.replace(block_of(scene), slot=scene.slot + 1)
    return signed(scene, block, (scene.author + 1) % len(scene.spec.authorities))


def from_the_future(scene: Scene) -> SignedBlock:
    """An hour ahead by its time."""
    return signed(scene, block_of(scene, time=int(scene.now) + FAR_SECONDS))


# Merged mining


def _proven(
    scene: Scene, *, skipped: int = 0, committed: bytes = b"", bits: int = 0
) -> SignedBlock | None:
    """A block with a proof of work over the blocks that await finality but for the first ``skipped``."""
    links = scene.parent.unfinalised
    if len(links) <= skipped:
        return None
    height = links[-1].height
    wanted = bits or state.required_bits(scene.parent, height, scene.spec)
    aux = committed or auxpow.aux_hash([link.root for link in links])
    proof = miner.prove(aux, wanted, dict(scene.template))
    header = AuxPowHeader(
        range_start=links[skipped].root,
        range_end=links[-1].root,
        bits=wanted,
        chain_id=scene.spec.aux_chain_id,
        height=height,
        fee_recipient=miner.REWARD_ADDRESS,
        auxpow=wire.encode(proof),
    )
    return signed(scene, block_of(scene, header=header))


def range_with_a_gap(scene: Scene) -> SignedBlock | None:
    """The proof leaves out the first block that awaits finality."""
    return _proven(scene, skipped=1)


def work_for_something_else(scene: Scene) -> SignedBlock | None:
    """Good work, and not for these blocks."""
    return _proven(scene, committed=bytes(31) + b"\1")


def bits_of_ones_own(scene: Scene) -> SignedBlock | None:
    """Work at a target that the chain does not ask for."""
    return _proven(scene, bits=STRANGE_BITS)


# What it says about Bitcoin, and about the federation


def invented_loss(scene: Scene) -> SignedBlock | None:
    """A deposit is called lost that Bitcoin has."""
    kept = [
        seen.deposit.outpoint
        for seen in scene.deposits
        if seen.deposit.outpoint in scene.parent.minted
        and state.unspent(scene.parent, seen.deposit.outpoint)
    ]
    if not kept:
        return None
    said = BitcoinClaims(lost_outputs=(min(kept),))
    return signed(scene, block_of(scene, said=said))


def settled_early(scene: Scene) -> SignedBlock | None:
    """A payout is called settled that no Bitcoin block has."""
    if not scene.parent.unsettled:
        return None
    ref = SettledRef(txid=scene.parent.unsettled[0].txids[0], block_hash=scene.tip)
    return signed(scene, block_of(scene, said=BitcoinClaims(settled=(ref,))))


def absurd_fee(scene: Scene) -> SignedBlock | None:
    """A fee rate above all bounds for what it proposes to pay."""
    if not scene.facts.parent_requests:
        return None
    rate = scene.spec.fee_rate_max_sat_vb + 1
    return signed(scene, block_of(scene, said=BitcoinClaims(fee_rate_sat_vb=rate)))


def usurpers(scene: Scene) -> SignedBlock | None:
    """A change of the federation that nobody in force has signed."""
    history = state.at_next_height(scene.parent, scene.spec).federations
    if history.pending is not None or history.eras:
        return None
    federation = scene.spec.federation
    update = pb.FederationUpdate(
        update_type=pb.FEDERATION_UPDATE_TYPE_MEMBER_ADD,
        effective_height=scene.parent.height + FAR_SECONDS,
        members=[
            pb.FederationMember(
                member_id=f"usurper-{n}",
                public_key=bitcoin.xonly_of(n.to_bytes(32, "big")),
                weight=1,
                active=True,
            )
            for n in (101, 102, 103)
        ],
        config=pb.FederationConfig(signature_threshold=2, member_count=3),
    )
    names = federation.keys[: federation.threshold]
    update.update_signature = b"".join(key + bytes(64) for key in names)
    evidence = update.SerializeToString(deterministic=True)
    return signed(scene, msgspec.structs.replace(block_of(scene), federation_update=evidence))


def second_of_its_slot(scene: Scene) -> SignedBlock | None:
    """The head once more with another proof of the same work, for somebody who has approved the one that there is."""
    block, given = scene.head.block, scene.head.approvals
    header = block.auxpow_header
    if (
        header is None
        or header.auxpow is None
        or given is None
        or scene.target not in given.indices
    ):
        return None
    before = wire.decode(header.auxpow)
    committed = wire.parse_commitment(before.coinbase.outputs[-1].script)
    if committed is None:
        return None
    proof = wire.encode(miner.prove(committed.root, header.bits, dict(scene.template)))
    if proof == header.auxpow:
        return None
    other = msgspec.structs.replace(
        block, auxpow_header=msgspec.structs.replace(header, auxpow=proof)
    )
    return signed(scene, other, slots.author_index(block.slot, len(scene.spec.authorities)))


FORMS: Mapping[str, Form] = {
    "extra withdrawal": Form(make=extra_withdrawal, reason=Reason.WRONG_WITHDRAWALS),
    "minted again": Form(make=minted_again, reason=Reason.ALREADY_MINTED),
    "minted by another name": Form(make=minted_by_another_name, reason=Reason.DEPOSIT_NOT_FOUND),
    "listed twice": Form(make=listed_twice, reason=Reason.ALREADY_MINTED),
    "minted early": Form(make=minted_early, reason=Reason.INSUFFICIENT_CONFIRMATIONS),
    "payout to a thief": Form(make=payout_to_a_thief, reason=Reason.WRONG_PAYOUT),
    "out of turn": Form(make=out_of_turn, reason=Reason.OUT_OF_TURN),
    "in another's name": Form(make=in_anothers_name, reason=Reason.BAD_APPROVAL),
    "before its slot": Form(make=before_its_slot, reason=Reason.SLOT_IN_FUTURE, fragile=True),
    "from the future": Form(make=from_the_future, reason=Reason.WRONG_TIMESTAMP),
    "range with a gap": Form(make=range_with_a_gap, reason=Reason.INVALID_POW_RANGE),
    "work for something else": Form(make=work_for_something_else, reason=Reason.INVALID_POW),
    "bits of one's own": Form(make=bits_of_ones_own, reason=Reason.INVALID_POW),
    "invented loss": Form(make=invented_loss, reason=Reason.WRONG_BITCOIN_CLAIM, fragile=True),
    "settled early": Form(make=settled_early, reason=Reason.WRONG_BITCOIN_CLAIM, fragile=True),
    "absurd fee": Form(make=absurd_fee, reason=Reason.WRONG_BITCOIN_CLAIM),
    "usurpers": Form(make=usurpers, reason=Reason.BAD_FEDERATION_UPDATE),
    "second of its slot": Form(make=second_of_its_slot, reason=Objection.SLOT_USED),
    "without a quorum": Form(make=honest, reason=Reason.NO_QUORUM, sealed=True),
}
"""By what is wrong with them."""
