"""The run behind the commands: real lives, short ones."""

import hashlib

import pytest

from alys.campaigns import life
from alys.campaigns.plan import Deposit, Plan

SHORT = Plan(seed=3, weather_s=1.0, work=(Deposit(number=1, at=0.5, sats=2_000_000, user=0),))


def test_a_seed_has_a_plan_of_the_profile_that_is_asked_for() -> None:
    assert life.plan_of(3, "all", "full").profile == "full"
    profiles = [life.plan_of(seed, "all", "mixed").profile for seed in range(200)]
    assert 5 <= profiles.count("full") <= 40


def test_the_records_of_a_life_are_what_its_hash_is_of() -> None:
    """Whether or not somebody wants them, and whatever was lived before in this process."""
    outcome, records = life.traced(SHORT)
    digest = hashlib.blake2b(digest_size=32)
    for record in records:
        digest.update(f"{record}\n".encode())
    assert outcome.trace_hash == digest.hexdigest()
    assert life.run(SHORT).trace_hash == outcome.trace_hash


def test_every_oracle_that_must_look_looks_in_a_life() -> None:
    outcome = life.run(SHORT)
    assert [name for name in life.ORACLES if not outcome.samples.get(name)] == []


@pytest.mark.parametrize("faults", life.FAULT_PROFILES)
def test_every_profile_of_faults_can_be_drawn(faults: str) -> None:
    assert life.plan_of(1, faults, "light").faults == faults
