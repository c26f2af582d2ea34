"""The ``config`` object of a geth-style genesis.json: which fork begins where, and back again.

Forks are taken by the names that geth gives them. A fork that there are no rules for is refused by name, so that nobody
runs a chain by other rules than its file asks for; keys that only steer geth itself are passed over.
"""

from collections.abc import Mapping
from typing import Any

from alys.base.errors import AlysError
from alys.models.ethereum.forks import Fork, Schedule

BY_BLOCK: Mapping[Fork, tuple[str, ...]] = {
    Fork.HOMESTEAD: ("homesteadBlock",),
    Fork.TANGERINE_WHISTLE: ("eip150Block",),
    Fork.SPURIOUS_DRAGON: ("eip155Block", "eip158Block"),
    Fork.BYZANTIUM: ("byzantiumBlock",),
    Fork.CONSTANTINOPLE: ("constantinopleBlock",),
    Fork.ISTANBUL: ("istanbulBlock",),
    Fork.MUIR_GLACIER: ("muirGlacierBlock",),
    Fork.BERLIN: ("berlinBlock",),
    Fork.LONDON: ("londonBlock",),
    Fork.ARROW_GLACIER: ("arrowGlacierBlock",),
    Fork.GRAY_GLACIER: ("grayGlacierBlock",),
}
BY_TIME: Mapping[Fork, str] = {Fork.SHANGHAI: "shanghaiTime", Fork.CANCUN: "cancunTime"}

OPTIONAL = frozenset({Fork.MUIR_GLACIER, Fork.ARROW_GLACIER, Fork.GRAY_GLACIER})
"""Delays of the difficulty bomb, which a chain may leave out."""

_SHOWN_MAX = 80
_NOT_A_FORK = frozenset({"mergeNetsplitBlock", "daoForkBlock", "petersburgBlock"})
"""Petersburg took EIP-1283 out of Constantinople again; the specification has Constantinople without it from the start."""

_CANCUN_BLOBS = {"target": 3, "max": 6, "baseFeeUpdateFraction": 3338477}
"""EIP-4844's parameters, the only ones that there are rules for."""


class BadGenesis(AlysError):
    """A genesis that cannot be begun; ``key`` is the place in the file, the words say what stands there and why not."""

    def __init__(self, key: str, why: str) -> None:
        super().__init__(f"genesis: {key} {why}")
        self.key = key
        self.why = why


def shown(value: object) -> str:
    """What stands in the file, cut where it is long."""
    text = repr(value)
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}..."


def number(value: object, key: str, bits: int) -> int:
    """A number as geth writes them, JSON or text, decimal or 0x hex; raises BadGenesis."""
    found = value
    if isinstance(value, str):
        try:
            found = int(value, 16) if value[:2] in ("0x", "0X") else int(value)
        except ValueError:
            found = None
    if isinstance(found, bool) or not isinstance(found, int):
        raise BadGenesis(key, f"is {shown(value)}: it must be a number, decimal or 0x hex")
    if not 0 <= found < 1 << bits:
        raise BadGenesis(key, f"is {shown(value)}: it must be at least 0 and fit in {bits} bits")
    return found


def read_schedule(config: Mapping[str, Any], difficulty: int) -> Schedule:
    """The forks of a chain whose block 0 has that difficulty; raises BadGenesis."""
    for key, value in config.items():
        _check_known(key, value)
    _check_blobs(config.get("blobSchedule"))
    by_block = _by_block(config)
    by_time = _by_time(config)
    terminal = _terminal(config, bool(by_time), difficulty)
    if terminal == 0:
        _check_merged(by_block)
    elif config.get("clique") is not None:
        raise BadGenesis("config.clique", "is there: blocks sealed by signers are not supported")
    dao = None
    if config.get("daoForkSupport") and config.get("daoForkBlock") is not None:
        dao = number(config["daoForkBlock"], "config.daoForkBlock", 64)
        by_block[Fork.DAO_FORK] = dao
    return Schedule(
        by_block=_normal(by_block),
        by_time=_normal(by_time),
        terminal_total_difficulty=terminal,
        dao_block=dao,
    )


def _check_known(key: str, value: object) -> None:
    """A fork by an unknown name would be a rule that is silently left out."""
    known = {name for names in BY_BLOCK.values() for name in names} | set(BY_TIME.values())
    if value is None or key in known or key in _NOT_A_FORK or not key.endswith(("Block", "Time")):
        return
    newest = max(BY_TIME).name.capitalize()
    raise BadGenesis(f"config.{key}", f"is {shown(value)}: there are rules up to {newest} only")


def _check_blobs(schedule: object) -> None:
    if not isinstance(schedule, Mapping) or schedule.get("cancun") is None:
        return
    found = schedule["cancun"]
    if not isinstance(found, Mapping) or any(found.get(k) != v for k, v in _CANCUN_BLOBS.items()):
        raise BadGenesis(
            "config.blobSchedule.cancun", f"is {shown(found)}: only {_CANCUN_BLOBS} is supported"
        )


def _by_block(config: Mapping[str, Any]) -> dict[Fork, int]:
    found: dict[Fork, int] = {}
    for fork, names in BY_BLOCK.items():
        said = {
            name: number(config[name], f"config.{name}", 64)
            for name in names
            if config.get(name) is not None
        }
        if len(set(said.values())) > 1:
            parts = " and ".join(f"{name} {value}" for name, value in said.items())
            raise BadGenesis(f"config.{names[0]}", f"differs: {parts} are one fork here")
        if said:
            found[fork] = next(iter(said.values()))
    _check_order([(fork, names[0], found.get(fork)) for fork, names in BY_BLOCK.items()])
    return found


def _by_time(config: Mapping[str, Any]) -> dict[Fork, int]:
    found = {
        fork: number(config[name], f"config.{name}", 64)
        for fork, name in BY_TIME.items()
        if config.get(name) is not None
    }
    _check_order([(fork, name, found.get(fork)) for fork, name in BY_TIME.items()])
    return found


def _check_order(listed: list[tuple[Fork, str, int | None]]) -> None:
    """Each fork builds on those before it."""
    before: tuple[str, int | None] | None = None
    for fork, name, place in listed:
        if place is None and fork in OPTIONAL:
            continue
        if before is not None and place is not None:
            last_name, last = before
            if last is None:
                raise BadGenesis(f"config.{name}", f"is {place}, but {last_name} is not there")
            if last > place:
                raise BadGenesis(f"config.{name}", f"is {place}, before {last_name} {last}")
        before = (name, place)


def _terminal(config: Mapping[str, Any], timed: bool, difficulty: int) -> int | None:
    """Where the chain merges; without a word about it, a chain with forks by time is merged from the start."""
    said = config.get("terminalTotalDifficulty")
    if said is None:
        return 0 if timed or config.get("terminalTotalDifficultyPassed") else None
    terminal = number(said, "config.terminalTotalDifficulty", 256)
    return 0 if terminal <= difficulty else terminal


def _check_merged(by_block: Mapping[Fork, int]) -> None:
    for fork, names in BY_BLOCK.items():
        place = by_block.get(fork)
        if place != 0 and not (place is None and fork in OPTIONAL):
            said = "not there" if place is None else str(place)
            raise BadGenesis(
                f"config.{names[0]}",
                f"is {said}: a chain that is merged from its first block on has this fork at 0",
            )


def _normal(begins: Mapping[Fork, int]) -> tuple[tuple[int, Fork], ...]:
    """Without the forks that never are the newest."""
    return tuple(
        (place, fork)
        for fork, place in sorted(begins.items())
        if not any(later > fork and first <= place for later, first in begins.items())
    )


def written(schedule: Schedule, chain_id: int) -> dict[str, Any]:
    """The ``config`` object of a schedule, with every fork that it has."""
    config: dict[str, Any] = {"chainId": chain_id}
    for fork, names in BY_BLOCK.items():
        place = _first(schedule.by_block, fork)
        if place is not None:
            config.update(dict.fromkeys(names, place))
            if fork is Fork.CONSTANTINOPLE:
                config["petersburgBlock"] = place
    if schedule.dao_block is not None:
        config.update(daoForkBlock=schedule.dao_block, daoForkSupport=True)
    if schedule.begins_merged:
        config["mergeNetsplitBlock"] = 0
    for fork, name in BY_TIME.items():
        place = _first(schedule.by_time, fork)
        if place is not None:
            config[name] = place
    if schedule.terminal_total_difficulty is None:
        config["ethash"] = {}
    else:
        config["terminalTotalDifficulty"] = schedule.terminal_total_difficulty
        config["terminalTotalDifficultyPassed"] = schedule.begins_merged
    return config


def _first(begins: tuple[tuple[int, Fork], ...], fork: Fork) -> int | None:
    """Where a fork or a later one begins."""
    return min((place for place, one in begins if one >= fork), default=None)
