"""Transactions that are judged by what waits in the mempool: replacements, families, version 3. In a block they are not looked at."""

from typing import Any

from alys.wire.bitcoin import Tx, TxOut
from tests.models.bitcoin import spends
from tests.models.bitcoin.spends import LOCKS, P2WPKH
from tests.parity.stage import Stage
from tests.parity.transactions import FEE, Case, spent, with_input


def _pool(name: str, **told: Any) -> Case:
    """Spends the first coin of a waiting transaction."""
    return lambda stage: spends.spending(spends.coins_of(stage.waiting[name]), **told)


def _conflict(fee: int, *, extra: str = "") -> Case:
    """Spends what ``replaceable`` spends."""

    def made(stage: Stage) -> Tx:
        coins = [stage.spare[1]]
        if extra:
            coins += spends.coins_of(stage.waiting[extra])
        return spends.spending(coins, fee=fee)

    return made


def _truc_child(stage: Stage, version: int = 3, size: int = 0) -> Tx:
    (coin,) = spends.coins_of(stage.waiting["version 3"])
    outputs = [TxOut(value=coin.output.value - FEE - 1000 * size, script=P2WPKH.script)]
    outputs += [TxOut(value=1000, script=P2WPKH.script)] * size
    return spends.spending((coin,), outputs, version=version)


_CASES: dict[str, Case] = {
    "waits already": lambda stage: stage.waiting["replaceable"],
    "waits already with another witness": lambda stage: with_input(
        stage.waiting["replaceable"], witness=(b"a", b"b")
    ),
    "child of 25": _pool("chain 25"),
    "child of 24, beside the 25th": _pool("chain 24", fee=20_000),
    "child of 24, beside the 25th, no more fee": _pool("chain 24"),
    "replaces all for less": _conflict(20_000),
    "replaces all for the same": _conflict(30_000),
    "replaces all for little more": _conflict(30_109),
    "replaces all for enough more": _conflict(30_111),
    "replaces at a lower rate": lambda stage: spends.spending(
        [stage.spare[1], *(stage.coins[lock.name] for lock in LOCKS)], fee=35_000
    ),
    "replaces and spends the replaced": _conflict(90_000, extra="replaceable"),
    "replaces and spends another that waits": _conflict(90_000, extra="alone"),
    "replaces 25": lambda stage: spends.spending((stage.spare[0],), fee=300_000),
    "version 3 child of version 3": _truc_child,
    "version 2 child of version 3": lambda stage: _truc_child(stage, 2),
    "version 3 child of version 2": _pool("replaceable's child", version=3),
    "version 3 grown-up child": lambda stage: _truc_child(stage, 3, 40),
    "version 3 of 10000": lambda stage: spent(
        stage.coins["p2wpkh"],
        *(TxOut(value=2_000, script=P2WPKH.script) for _ in range(330)),
        version=3,
    ),
    "version 3 sibling": lambda stage: spends.spending(
        spends.coins_of(stage.waiting["version 3 parent"])[1:2], version=3
    ),
    "version 3 sibling that pays more": lambda stage: spends.spending(
        spends.coins_of(stage.waiting["version 3 parent"])[1:2], version=3, fee=30_000
    ),
    "version 3 grandchild": lambda stage: spends.spending(
        spends.coins_of(stage.waiting["version 3 child"]), version=3
    ),
    "version 3 replaces the child": lambda stage: spends.spending(
        spends.coins_of(stage.waiting["version 3 parent"])[:1], version=3, fee=30_000
    ),
    "version 3 with two parents": lambda stage: spends.spending(
        spends.coins_of(stage.waiting["version 3 parent"])[1:2]
        + spends.coins_of(stage.waiting["version 3"]),
        version=3,
    ),
    "26th child of one": lambda stage: spends.spending(
        spends.coins_of(stage.waiting["family"])[24:25]
    ),
    "orphan of what waits not": lambda stage: spends.spending(
        spends.coins_of(spent(stage.coins["p2wpkh"]))
    ),
}

CASES = {f"mempool: {name}": case for name, case in _CASES.items()}
