"""Payouts that blocks propose, the versions that a final one may have, and whose the coins are that they spend and return."""

from collections.abc import Mapping

import msgspec

from alys.base.units import Sats
from alys.chain import eras
from alys.chain.burns import PayoutRequest
from alys.chain.eras import History, RetiredCoin
from alys.chain.federation import Federation
from alys.chain.spec import ChainSpec
from alys.wire import bitcoin


class PayoutProposal(msgspec.Struct, frozen=True, kw_only=True):
    """An unsigned payout that a block proposed."""

    block_root: bytes
    height: int
    tx: bytes
    input_sats: tuple[Sats, ...]
    """Amounts of the inputs, in order; their script is ``federation``'s."""
    requests: tuple[PayoutRequest, ...]
    """Whom the first outputs pay, in order; none in a sweep."""
    federation: Federation | None = None
    """Who holds the inputs and must sign; None: the specification's, before any change."""
    fee_rate_sat_vb: int = 0
    replaces: str = ""
    """Txid of the version that this one bumps; empty for a first one."""

    @property
    def txid(self) -> str:
        """Final from the start, as signatures are witnesses."""
        return bitcoin.parse_tx(self.tx).txid

    @property
    def inputs(self) -> tuple[tuple[str, Sats], ...]:
        """What it spends, ``txid:vout`` and sats, in order."""
        spent = bitcoin.parse_tx(self.tx).inputs
        labels = (txin.outpoint.label for txin in spent)
        return tuple(zip(labels, self.input_sats, strict=True))

    def change(self, script: bytes) -> dict[str, Sats]:
        """The outputs that come back to the federation, by ``txid:vout``."""
        tx = bitcoin.parse_tx(self.tx)
        txid = tx.txid
        return {
            f"{txid}:{n}": Sats(out.value)
            for n, out in enumerate(tx.outputs)
            if out.script == script
        }


class OpenPayout(msgspec.Struct, frozen=True, kw_only=True):
    """A payout that an AuxPoW covers and that Bitcoin has not confirmed for good yet."""

    versions: tuple[PayoutProposal, ...]
    """As it was first proposed, then each final replacement; any of them may yet be the one that is mined."""
    txids: tuple[str, ...]
    """Of the versions."""


def script_of(proposal: PayoutProposal, spec: ChainSpec) -> bytes:
    """Where the change of a payout goes: to the federation that signs it."""
    return (proposal.federation or spec.federation).script_pubkey


def opened(proposal: PayoutProposal) -> OpenPayout:
    """A payout that has just become final."""
    return OpenPayout(versions=(proposal,), txids=(proposal.txid,))


def with_version(payment: OpenPayout, bump: PayoutProposal) -> OpenPayout:
    """The payout with a final replacement, if it is one of this payout."""
    if bump.replaces not in payment.txids:
        return payment
    return OpenPayout(versions=(*payment.versions, bump), txids=(*payment.txids, bump.txid))


class Coins:
    """The federations' outputs while claims are applied: each is whose it is, spendable by payouts only in the last era."""

    def __init__(
        self,
        utxos: Mapping[str, Sats],
        lost: Mapping[str, RetiredCoin],
        history: History,
        spec: ChainSpec,
    ) -> None:
        self.utxos = dict(utxos)
        self.lost = dict(lost)
        self.retired = dict(history.retired)
        self._history = history
        self._spec = spec
        self._last = len(eras.eras(self._history, spec)) - 1

    def lose(self, outpoint: str) -> None:
        """Nobody may spend it."""
        if outpoint in self.utxos:
            self.lost[outpoint] = RetiredCoin(sats=self.utxos.pop(outpoint), era=self._last)
        else:
            self.lost[outpoint] = self.retired.pop(outpoint)

    def add(self, outpoint: str, coin: RetiredCoin) -> None:
        """It may be spent, by a payout or by a sweep."""
        if coin.era == self._last:
            self.utxos[outpoint] = coin.sats
        else:
            self.retired[outpoint] = coin

    def give_back(self, outputs: Mapping[str, Sats], script: bytes) -> None:
        """Outputs that a payout returns to the federation of this script."""
        era = eras.era_of(self._history, self._spec, script)
        assert era is not None, "the federation of a payout has been in force"
        for outpoint, sats in outputs.items():
            self.add(outpoint, RetiredCoin(sats=sats, era=era))
