"""Work that nobody pays for: deposits that are insisted on, deposits that Bitcoin takes back, blocks that are forged.

Each runs beside the users until it is over. Nothing may come of any of it; who finds that something did stops the run (``stumble``).
"""

from alys.base.errors import AlysError
from alys.base.faults import BITCOIN, Reorg
from alys.campaigns.plan import Announce, Forgery, Vanish
from alys.oracles.broken import Broken
from alys.wire import bitcoin
from alys.worlds.adversary import Adversary
from alys.worlds.sim import SimWorld
from alys.worlds.users import OP_RETURN_20, BitcoinUser

PAUSE_S = 60.0
"""A pause ends by itself: whoever ordered it may not reach a node any more."""
READY_S = 10.0
"""Node time for the node to see a deposit's confirmations."""
LOOK_S = 0.5
COIN_SATS = 50_000_000
FEE_SATS, HIGHER_FEE_SATS = 2_000, 50_000
OVER_S = 120.0
"""Node time within which whatever is under way comes to its end."""

Attack = Announce | Vanish | Forgery


class Attackers:
    """Belongs to one run."""

    def __init__(self, world: SimWorld, depositor: BitcoinUser) -> None:
        self._world = world
        self._depositor = depositor
        self._adversary = Adversary(world)
        self._open = 0
        #: Whether production was ever paused.
        self._paused = False
        #: Txids of deposits, as they are made.
        self.deposits: list[str] = []
        #: Deposits that were taken back after their confirmations.
        self.vanished = 0

    @property
    def judged(self) -> dict[str, int]:
        """How many forgeries were refused, and for what."""
        return self._adversary.judged.samples

    def begin(self, item: Attack) -> None:
        """Carry it out, beside whatever else goes on."""
        self._open += 1
        self._world.system.drive(self._carry_out(item))

    async def over(self) -> None:
        """Wait until all have come to an end."""

        async def none() -> bool:
            return not self._open

        await self._world.eventually(none, "every attack is over", timeout_s=OVER_S)
        for index in range(self._world.nodes.count if self._paused else 0):
            await self._resume(index)  # one that was down when it should have gone on

    async def _carry_out(self, item: Attack) -> None:
        try:
            match item:
                case Announce(node=node):
                    await self._announce(node)
                case Vanish():
                    await self._vanish(item)
                case Forgery(form=form, node=node, restart=restart):
                    await self._adversary.forge(form, node, restart=restart)
        except Broken as broken:
            self._world.stumble(broken)
        except AlysError as error:
            self._world.passed_over(error)  # somebody was away: then it does not come to that
        finally:
            self._open -= 1

    async def _announce(self, node: int) -> None:
        for txid in list(self.deposits):
            await self._world.nodes.call(node, "alys_announceDeposit", txid)

    # A deposit that is gone when it could have been minted

    async def _vanish(self, item: Vanish) -> None:
        everybody = range(self._world.nodes.count)
        self._paused = True
        try:
            for index in everybody:
                await self._world.nodes.call(index, "alys_pauseProduction", "an attack", PAUSE_S)
            await self._deposit_and_take_back(item)
        finally:
            for index in everybody:
                await self._resume(index)

    async def _resume(self, index: int) -> None:
        try:
            await self._world.nodes.call(index, "alys_resumeProduction")
        except AlysError:
            return  # it is down; the pause ends by itself

    async def _deposit_and_take_back(self, item: Vanish) -> None:
        world = self._world
        thief = world.bitcoin_user(f"thief {item.number}")
        coin = await self._coin(thief)
        account = world.ethereum_user(f"robbed {item.number}").address
        deposit = self._spend(
            coin,
            thief,
            FEE_SATS,
            bitcoin.TxOut(
                value=item.sats, script=bitcoin.address_to_script(world.federation_address)
            ),
            bitcoin.TxOut(value=0, script=OP_RETURN_20 + account),
        )
        await world.bitcoin.call("sendrawtransaction", deposit.serialize().hex())
        await world.confirm(world.network.spec.required_confirmations)
        if not await self._ready(f"pegin:{deposit.txid}:0"):
            return
        found = await world.bitcoin.call("gettxout", deposit.txid, 0)
        depth = int(found["confirmations"]) if isinstance(found, dict) else 0
        if not depth:
            return
        await world.faults.inject(BITCOIN, Reorg(depth=depth, empty=True))
        other = self._spend(coin, thief, HIGHER_FEE_SATS)
        await world.bitcoin.call("sendrawtransaction", other.serialize().hex())
        await world.confirm(1)
        self.vanished += 1

    async def _coin(self, owner: BitcoinUser) -> bitcoin.OutPoint:
        """A coin of the owner's, confirmed."""
        txid = await self._depositor.pay((bitcoin.TxOut(value=COIN_SATS, script=owner.script),))
        await self._world.confirm(1)
        return bitcoin.OutPoint(txid=txid, vout=0)

    def _spend(
        self, coin: bitcoin.OutPoint, owner: BitcoinUser, fee: int, *outputs: bitcoin.TxOut
    ) -> bitcoin.Tx:
        left = COIN_SATS - fee - sum(output.value for output in outputs)
        back = bitcoin.TxOut(value=left, script=owner.script)
        tx = bitcoin.Tx(inputs=(bitcoin.TxIn(outpoint=coin),), outputs=(*outputs, back))
        return owner.signed(tx, COIN_SATS)

    async def _ready(self, operation: str) -> bool:
        """Whether every node offers it to its Chain; never, where one has minted it."""
        end = self._world.now() + READY_S
        while self._world.now() < end:
            states = [
                await self._world.nodes.call(index, "alys_operation", operation)
                for index in range(self._world.nodes.count)
            ]
            if all(isinstance(one, dict) and one["state"] == "ready" for one in states):
                return True
            await self._world.sleep(LOOK_S)
        return False
