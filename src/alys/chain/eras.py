"""The federations of a chain, one after the other: who is in force, whose addresses still take deposits, whose coins are to be swept.

An era begins at a height and lasts until the next begins. What is known after a block is a ``History``; ``advance`` makes it what it is
for the *next* block, so all rules about a block look at the history of its own height.

At the height where an era begins, all coins of the one before are retired: payouts spend only coins of the era in force, and retired
ones are swept to it by a payout without requests, one era a block, the oldest first. Deposits to a former address are accepted for
``old_address_blocks`` more blocks (they are retired from the start, and swept); later ones are nobody's.

What a sweep costs is the federation's to bear, out of its fifth of the fees: ``owed_gwei`` is what it has not paid back yet. So no holder
pays for a change of the federation, and the peg is short of no more than that, for as long as the fees take.
"""

from collections.abc import Mapping

import msgspec

from alys.base.units import Gwei, Sats, Wei, sats_to_gwei
from alys.chain import federation_update, payout
from alys.chain.coins import DUST_SATS
from alys.chain.federation import Federation
from alys.chain.federation_update import BadUpdate, UpdateRule
from alys.chain.spec import ChainSpec
from alys.wire import bitcoin

SWEEP_COST_PERCENT_MAX = 10
"""A sweep that would cost more of what it moves waits until there is more to move: nobody can make the federation pay for dust."""

SWEEP_INPUTS_MAX = 1_000
"""More never fit into a transaction that Bitcoin nodes relay."""


class Era(msgspec.Struct, frozen=True, kw_only=True):
    """A federation, and the first height at which it is in force."""

    federation: Federation
    from_height: int


class RetiredCoin(msgspec.Struct, frozen=True, kw_only=True):
    """An output that a former federation holds."""

    sats: Sats
    era: int
    """Whose: its place in the history."""


class History(msgspec.Struct, frozen=True, kw_only=True):
    """What a chain knows of its federations after a block."""

    eras: tuple[Era, ...] = ()
    """Oldest first, the last is in force. Empty while the specification's federation is the only one so far."""
    pending: Era | None = None
    """A change that a block announced and whose height is not reached."""
    retired: dict[str, RetiredCoin] = {}
    """By ``txid:vout``; no payout spends them, a sweep will."""
    owed_gwei: int = 0
    """What sweeps have cost and the federation's fees have not paid back."""


class Sweep(msgspec.Struct, frozen=True, kw_only=True):
    """The transaction that a block must propose for retired coins."""

    tx: bitcoin.Tx
    input_sats: tuple[Sats, ...]
    federation: Federation
    """Who holds the inputs, and must sign."""

    @property
    def fee_sats(self) -> Sats:
        """Inputs minus the one output."""
        return Sats(sum(self.input_sats) - sum(out.value for out in self.tx.outputs))

    @property
    def coin(self) -> tuple[str, Sats]:
        """The output, which the federation in force has from the moment that it is proposed."""
        return f"{self.tx.txid}:0", Sats(self.tx.outputs[0].value)


def eras(history: History, spec: ChainSpec) -> tuple[Era, ...]:
    """All that were or are in force, oldest first."""
    return history.eras or (Era(federation=spec.federation, from_height=0),)


def in_force(history: History, spec: ChainSpec) -> Federation:
    """Whose address takes deposits, and who signs payouts of new coins."""
    return history.eras[-1].federation if history.eras else spec.federation


def scripts(history: History, spec: ChainSpec) -> tuple[bytes, ...]:
    """Output scripts of all federations, the one to come included: a payee may have none of them."""
    known = [era.federation.script_pubkey for era in eras(history, spec)]
    if history.pending is not None:
        known.append(history.pending.federation.script_pubkey)
    return tuple(dict.fromkeys(known))


def era_of(history: History, spec: ChainSpec, script: bytes) -> int | None:
    """Whose script it is, the latest if a federation came back; None for one that was never in force."""
    found = [
        number
        for number, era in enumerate(eras(history, spec))
        if era.federation.script_pubkey == script
    ]
    return found[-1] if found else None


def accepts(history: History, spec: ChainSpec, script: bytes, height: int) -> bool:
    """Whether a deposit to this script may be credited in a block of this height; ``history`` is as ``advance`` made it."""
    return era_of(history, spec, script) is not None and not over(history, spec, script, height)


def over(history: History, spec: ChainSpec, script: bytes, height: int) -> bool:
    """Whether no block from this height on may credit a deposit to this script, as its federation has left it too long ago."""
    number = era_of(history, spec, script)
    known = eras(history, spec)
    if number is None or number == len(known) - 1:
        return False
    return height >= known[number + 1].from_height + spec.old_address_blocks


def plan(history: History, evidence: bytes, height: int, spec: ChainSpec) -> History:
    """The history after a block of this height that carries the evidence; raises BadUpdate.

    It takes effect at its height, and where that is reached already with the next block: governance cannot know when the
    announcement finds its way into a block.
    """
    if history.pending is not None:
        raise BadUpdate(
            UpdateRule.PENDING, f"one takes effect at {history.pending.from_height} first"
        )
    change = federation_update.read(evidence, in_force(history, spec))
    since = eras(history, spec)[-1].from_height
    if not since < change.effective_height <= height + federation_update.EFFECTIVE_AHEAD_MAX:
        raise BadUpdate(
            UpdateRule.HEIGHT,
            f"{change.effective_height} in block {height}, the federation is in force since {since}",
        )
    era = Era(federation=change.federation, from_height=max(change.effective_height, height + 1))
    return msgspec.structs.replace(history, pending=era)


def advance(
    history: History, utxos: Mapping[str, Sats], height: int, spec: ChainSpec
) -> tuple[History, dict[str, Sats]]:
    """History and spendable coins as the block of this height finds them: an era that is due begins, and coins retire."""
    if history.pending is None or history.pending.from_height > height:
        return history, dict(utxos)
    known = eras(history, spec)
    retiring = {name: RetiredCoin(sats=sats, era=len(known) - 1) for name, sats in utxos.items()}
    begun = msgspec.structs.replace(
        history,
        eras=(*known, history.pending),
        pending=None,
        retired={**history.retired, **retiring},
    )
    return begun, {}


def sweep(history: History, spec: ChainSpec, fee_rate: int) -> Sweep | None:
    """The sweep that a block must propose; None when nothing is retired, or not enough to be worth it."""
    for number in sorted({coin.era for coin in history.retired.values()}):
        found = _sweep_of(number, history, spec, fee_rate)
        if found is not None:
            return found
    return None


def _sweep_of(number: int, history: History, spec: ChainSpec, fee_rate: int) -> Sweep | None:
    """As many coins of one era as fit, the largest first, to the federation in force."""
    holders = eras(history, spec)[number].federation
    coins = sorted(
        ((name, coin.sats) for name, coin in history.retired.items() if coin.era == number),
        key=lambda coin: (-coin[1], coin[0]),
    )[:SWEEP_INPUTS_MAX]
    script = in_force(history, spec).script_pubkey
    while payout.signed_weight(_moving(coins, script, 0), holders) > payout.WEIGHT_MAX:
        coins = coins[: len(coins) * 9 // 10]
    total = sum(sats for _, sats in coins)
    fee = payout.fee_of(_moving(coins, script, 0), holders, fee_rate)
    if total - fee <= DUST_SATS or fee * 100 > total * SWEEP_COST_PERCENT_MAX:
        return None
    return Sweep(
        tx=_moving(coins, script, total - fee),
        input_sats=tuple(sats for _, sats in coins),
        federation=holders,
    )


def _moving(coins: list[tuple[str, Sats]], script: bytes, sats: int) -> bitcoin.Tx:
    return bitcoin.Tx(
        version=payout.TX_VERSION,
        inputs=tuple(payout.unsigned_input(name) for name, _ in coins),
        outputs=(bitcoin.TxOut(value=sats, script=script),),
        locktime=0,
    )


def swept(history: History, done: Sweep | None) -> History:
    """The history after a block that proposes this: its coins are gone, and what they cost is owed."""
    if done is None:
        return history
    spent = {txin.outpoint.label for txin in done.tx.inputs}
    return msgspec.structs.replace(
        history,
        retired={name: coin for name, coin in history.retired.items() if name not in spent},
        owed_gwei=history.owed_gwei + sats_to_gwei(done.fee_sats),
    )


def paid_back(history: History, gwei: Gwei) -> History:
    """The history after the federation left so much of its fees unminted."""
    return msgspec.structs.replace(history, owed_gwei=history.owed_gwei - gwei)


def owed(history: History) -> Wei:
    """What the federation's next fees are kept back for."""
    return Wei(history.owed_gwei * 10**9)
