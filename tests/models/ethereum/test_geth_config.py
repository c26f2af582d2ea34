"""Fork schedules as geth's genesis.json has them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alys.models.ethereum import geth_config
from alys.models.ethereum.forks import Fork, Schedule
from alys.models.ethereum.geth_config import BadGenesis, read_schedule, written

MERGED: dict[str, Any] = {
    **{name: 0 for names in geth_config.BY_BLOCK.values() for name in names},
    "terminalTotalDifficulty": 0,
}
MAINNET: dict[str, Any] = {
    "chainId": 1,
    "homesteadBlock": 1150000,
    "daoForkBlock": 1920000,
    "daoForkSupport": True,
    "eip150Block": 2463000,
    "eip155Block": 2675000,
    "eip158Block": 2675000,
    "byzantiumBlock": 4370000,
    "constantinopleBlock": 7280000,
    "petersburgBlock": 7280000,
    "istanbulBlock": 9069000,
    "muirGlacierBlock": 9200000,
    "berlinBlock": 12244000,
    "londonBlock": 12965000,
    "arrowGlacierBlock": 13773000,
    "grayGlacierBlock": 15050000,
    "terminalTotalDifficulty": 58750000000000000000000,
    "shanghaiTime": 1681338455,
    "cancunTime": 1710338135,
    "ethash": {},
    "depositContractAddress": "0x00000000219ab540356cbb839cbe05303d7705fa",
}


def refusal(config: dict[str, Any], difficulty: int = 0) -> str:
    with pytest.raises(BadGenesis) as refused:
        read_schedule(config, difficulty)
    return str(refused.value)


@pytest.mark.parametrize(
    ("number", "timestamp", "merged", "fork"),
    [
        (1149999, 0, False, Fork.FRONTIER),
        (1919999, 0, False, Fork.HOMESTEAD),
        (1920000, 0, False, Fork.DAO_FORK),
        (2463000, 0, False, Fork.TANGERINE_WHISTLE),
        (7280000, 0, False, Fork.CONSTANTINOPLE),
        (15050000, 0, False, Fork.GRAY_GLACIER),
        (15537394, 1663224179, True, Fork.PARIS),
        (17034870, 1681338455, True, Fork.SHANGHAI),
        (19426587, 1710338135, True, Fork.CANCUN),
    ],
)
def test_the_main_networks_forks_are_where_they_were(
    number: int, timestamp: int, merged: bool, fork: Fork
) -> None:
    schedule = read_schedule(MAINNET, 17179869184)
    total = 58750003716598352816469 if merged else 58750000000000000000000 - 1
    assert schedule.fork_at(number, timestamp, total) is fork


def test_the_main_networks_schedule_survives_the_way_back() -> None:
    schedule = read_schedule(MAINNET, 17179869184)
    back = written(schedule, 1)
    assert {name: back[name] for name in MAINNET if name in back} == {
        name: value for name, value in MAINNET.items() if name in back
    }
    assert read_schedule(back, 17179869184) == schedule


@given(
    st.sampled_from([fork for fork in Fork if fork <= Fork.GRAY_GLACIER]),
    st.integers(0, 5),
    st.one_of(st.none(), st.just(10**20)),
    st.lists(st.integers(0, 100), max_size=2),
)
def test_every_schedule_survives_the_way_back(
    fork: Fork, begins: int, terminal: int | None, times: list[int]
) -> None:
    if terminal is None and times:
        terminal = 10**20
    schedule = Schedule(
        by_block=((begins, fork),) if fork not in (Fork.FRONTIER, Fork.DAO_FORK) else (),
        by_time=tuple(zip(sorted(set(times)), (Fork.SHANGHAI, Fork.CANCUN), strict=False)),
        terminal_total_difficulty=terminal,
    )
    assert read_schedule(written(schedule, 5), 0) == schedule


def test_the_development_schedule_survives_the_way_back() -> None:
    assert read_schedule(written(Schedule(), 5), 0) == Schedule()


def test_a_terminal_difficulty_that_block_0_reaches_is_a_merge_from_the_start() -> None:
    assert read_schedule({**MERGED, "terminalTotalDifficulty": 7}, 7).begins_merged
    assert not read_schedule({**MERGED, "terminalTotalDifficulty": 8}, 7).begins_merged


def test_without_a_word_about_the_merge_forks_by_time_say_it() -> None:
    silent = {name: value for name, value in MERGED.items() if name != "terminalTotalDifficulty"}
    assert read_schedule(silent, 0).terminal_total_difficulty is None
    assert read_schedule({**silent, "shanghaiTime": 5}, 0).begins_merged
    assert read_schedule({**silent, "terminalTotalDifficultyPassed": True}, 0).begins_merged


def test_glaciers_may_be_left_out_and_keys_for_geth_alone_are_passed_over() -> None:
    kept = {name: value for name, value in MERGED.items() if "Glacier" not in name}
    more: dict[str, Any] = {
        "enableVerkleAtGenesis": False,
        "isDev": True,
        "pragueTime": None,
        "clique": {},
    }
    schedule = read_schedule({**kept, **more}, 0)
    assert schedule.fork_at(1, 0, 0) is Fork.PARIS


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pragueTime": 5}, "config.pragueTime is 5: there are rules up to Cancun only"),
        ({"shangaiTime": 5}, "config.shangaiTime is 5"),
        (
            {"grayGlacierBlock": 5},
            "config.grayGlacierBlock is 5: a chain that is merged from its first",
        ),
        ({"londonBlock": None}, "config.arrowGlacierBlock is 0, but londonBlock is not there"),
        ({"berlinBlock": "x"}, "config.berlinBlock is 'x': it must be a number"),
        ({"berlinBlock": True}, "config.berlinBlock is True: it must be a number"),
        ({"berlinBlock": -1}, "config.berlinBlock is -1: it must be at least 0"),
        ({"istanbulBlock": 3}, "config.muirGlacierBlock is 0, before istanbulBlock 3"),
        ({"eip158Block": 1}, "config.eip155Block differs: eip155Block 0 and eip158Block 1"),
        ({"cancunTime": 5}, "config.cancunTime is 5, but shanghaiTime is not there"),
        ({"shanghaiTime": 6, "cancunTime": 5}, "config.cancunTime is 5, before shanghaiTime 6"),
        (
            {"blobSchedule": {"cancun": {"target": 6}}},
            "config.blobSchedule.cancun is {'target': 6}",
        ),
        ({"clique": {"period": 5}, "terminalTotalDifficulty": 9}, "config.clique is there"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_name(changes: dict[str, Any], words: str) -> None:
    assert words in refusal({**MERGED, **changes})
