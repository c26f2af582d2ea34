"""The users of a run: they do the plan's work over public interfaces, and know in the end to the satoshi what they must have got."""

from typing import Any

from alys.base.errors import AlysError
from alys.campaigns.attacks import Attackers
from alys.campaigns.plan import Announce, Burn, Deposit, Forgery, Transfer, Vanish, Work
from alys.oracles.pace import Pace
from alys.oracles.statement import RequestStatus
from alys.wire import bitcoin
from alys.wire.jsonrpc import RpcError
from alys.worlds import network
from alys.worlds.sim import SimWorld
from alys.worlds.users import BitcoinUser, EthereumUser, NoCoins

FUNDED_SATS = 190_000_000
"""What everybody who burns has to begin with."""
SPLITS, COINS_OF_A_SPLIT, COIN_SATS = 4, 20, 100_000_000
"""What the depositor makes of his old coins: as many as are deposits in the busiest plan, and large enough for the largest of them."""
WEI_PER_SAT = 10_000_000_000
WEI_PER_GWEI = 1_000_000_000
PAYOUT_FEE_MAX_SATS = 100_000
"""Of one payout's share of a Bitcoin fee; more than that is no fee."""
MAINNET_ADDRESS = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
"""Of BIP173: well-formed, of another network."""
LOOK_S = 0.5
PATIENCE_S = 600.0
"""Node time within which everything that was begun must have come to an end once the weather is over."""


class WorkUndone(AlysError):
    """A user did not get exactly what was due."""

    def __init__(self, oracle: str, sentence: str) -> None:
        super().__init__(sentence)
        self.oracle = f"work/{oracle}"


class Users:
    """See the module's docstring. Who deposits for accounts has nothing else; who burns has a deposit from before the weather."""

    def __init__(self, world: SimWorld, work: tuple[Work, ...]) -> None:
        self._world = world
        self._work = work
        #: How often something was compared that could have been wrong.
        self.samples = 0
        self._begun: list[Work] = []
        self._burners = [self._account(f"burner {n}", n) for n in range(world.nodes.count)]
        self._depositor = world.depositor()
        self.attackers = Attackers(world, self._depositor)

    def _account(self, name: str, client: int) -> EthereumUser:
        secret = self._world.random.fork(f"ethereum {name}").randbytes(32)
        return EthereumUser(secret, self._world.clients[client])

    def _credited(self, user: int) -> EthereumUser:
        return self._account(f"credited {user}", 0)

    def _payee(self, number: int) -> BitcoinUser:
        return self._world.bitcoin_user(f"payee {number}")

    async def fund(self) -> None:
        """Before the weather: everybody who will burn gets coins, by peg-in."""
        world = self._world
        await self._split_coins()
        for burner in self._burners:
            paid = await self._depositor.deposit(
                world.federation_address, burner.address, FUNDED_SATS
            )
            self.attackers.deposits.append(paid)
            await world.confirm(1)
        await world.confirm(world.network.spec.required_confirmations)

        async def funded() -> bool:
            return all([await burner.balance() for burner in self._burners])

        await world.eventually(funded, "everybody has coins", timeout_s=PATIENCE_S)

    async def _split_coins(self) -> None:
        """So many old coins that many deposits can be made in one Bitcoin block, and none is lost when some blocks are."""
        coin = bitcoin.TxOut(value=COIN_SATS, script=self._depositor.script)
        for _ in range(SPLITS):
            await self._depositor.pay((coin,) * COINS_OF_A_SPLIT)
        await self._world.confirm(1)

    async def work(self) -> None:
        """Do all that the plan says, each at its time from now."""
        begun = self._world.now()
        for item in self._work:
            if (left := begun + item.at - self._world.now()) > 0:
                await self._world.sleep(left)
            await self._do(item)

    async def _do(self, item: Work) -> None:
        try:
            match item:
                case Deposit():
                    await self._deposit(item)
                case Burn():
                    await self._burn(item)
                case Announce() | Vanish() | Forgery():
                    self.attackers.begin(item)
                case Transfer():
                    to = self._credited(item.to).address
                    await self._burners[item.user].send(to, item.gwei * WEI_PER_GWEI)
        except (RpcError, NoCoins):  # not taken, so nothing is due
            return
        self._begun.append(item)

    async def _deposit(self, item: Deposit) -> None:
        world = self._world
        to = bitcoin.address_to_script(world.federation_address)
        pays = [bitcoin.TxOut(value=item.sats, script=to)]
        account = self._credited(item.user).address
        if item.form == "twin":
            pays.append(bitcoin.TxOut(value=item.sats, script=to))
        if item.form == "garbled":
            account = account[:-1]
        if item.form != "nobody":
            pays.append(bitcoin.TxOut(value=0, script=bytes((0x6A, len(account))) + account))
        self.attackers.deposits.append(await self._depositor.pay(tuple(pays)))

    async def _burn(self, item: Burn) -> None:
        burner = self._burners[item.user]
        address = {"foreign": MAINNET_ADDRESS, "garbled": "nobody at all"}.get(
            item.form, self._payee(item.number).address
        )
        sats = item.sats
        if item.form == "dust":
            sats = self._world.network.spec.pegout_minimum_sats
        await burner.request_peg_out(address, sats * WEI_PER_SAT + item.wei)

    # What must have come of it

    async def settle(self) -> None:
        """When the weather is over: every peg comes to its end, exactly. Raises NeverHappened or WorkUndone."""
        world = self._world
        await self.attackers.over()
        await self._depositor.send_again()
        await self._one_head("all nodes have one head")
        calm = Pace(world.network.spec.slot_duration_ms / 1000, world.now(), await self._height())
        await world.eventually(self._minted, "every deposit is minted", timeout_s=PATIENCE_S)
        await world.eventually(self._paid, "every burn is paid or refunded", timeout_s=PATIENCE_S)
        await self._one_head("all nodes have one head in the end")
        await self._exactly()
        await self._kept_pace(calm)

    async def _kept_pace(self, calm: Pace) -> None:
        """Where every authority is a whole node and makes blocks. Raises Broken."""
        if self._world.nodes.count == network.AUTHORITIES:
            while not calm.long_enough(self._world.now()):
                await self._world.sleep(LOOK_S)
            calm.ends(self._world.now(), await self._height())
            self.samples += calm.samples

    async def _height(self) -> int:
        """The highest head of all."""
        nodes = self._world.nodes
        told: list[Any] = [await nodes.call(n, "alys_status") for n in range(nodes.count)]
        return max(int(one["height"]) for one in told)

    async def _one_head(self, what: str) -> None:
        if self._world.nodes.count > 1:
            await self._world.converge(what, timeout_s=PATIENCE_S)

    def _due_wei(self) -> dict[int, int]:
        """By credited account."""
        due: dict[int, int] = {}
        for item in self._begun:
            if isinstance(item, Deposit) and item.form in ("good", "twin"):
                due[item.user] = due.get(item.user, 0) + item.sats * WEI_PER_SAT
            elif isinstance(item, Transfer):
                due[item.to] = due.get(item.to, 0) + item.gwei * WEI_PER_GWEI
        return due

    async def _minted(self) -> bool:
        return all(
            [await self._credited(user).balance() >= wei for user, wei in self._due_wei().items()]
        )

    async def _paid(self) -> bool:
        statement = await self._world.audit()
        open_ = (RequestStatus.OWED, RequestStatus.REFUND_DUE)
        if statement.pending_sats or any(one.status in open_ for one in statement.requests):
            return False
        got = [await self._payee(item.number).received() for item in self._good_burns()]
        return all(got)

    def _good_burns(self) -> list[Burn]:
        return [one for one in self._begun if isinstance(one, Burn) and one.form == "good"]

    async def _exactly(self) -> None:
        for user, wei in self._due_wei().items():
            found = await self._credited(user).balance()
            self.samples += 1
            if found != wei:
                raise WorkUndone(
                    "credited", f"account {user} should have {wei} wei and has {found}"
                )
        for item in self._begun:
            if isinstance(item, Burn):
                await self._payout_of(item)

    async def _payout_of(self, item: Burn) -> None:
        got = await self._payee(item.number).received()
        self.samples += 1
        if item.form == "good":
            low, high = item.sats - PAYOUT_FEE_MAX_SATS, item.sats
        elif item.form == "dust":
            return
        else:
            low = high = 0
        if not low <= got <= high:
            raise WorkUndone(
                "paid",
                f"burn {item.number} of {item.sats} sats ({item.form}) was paid {got} sats; due were {low} to {high}",
            )
