"""The catalogue of metrics: one name, one meaning, one label set."""

import re

import pytest

from alys.monitoring import catalogue
from alys.monitoring.catalogue import FAMILIES, Family, Kind

BY_NAME = {family.name: family for family in FAMILIES}


def test_the_five_names_of_the_document_are_there_with_their_labels() -> None:
    assert {family.name: family.labels for family in catalogue.DOCUMENTED} == {
        "alys_active_actors": (),
        "alys_messages_processed_total": (),
        "alys_system_health_score": (),
        "alys_actor_restarts_total": ("actor_type", "actor_id"),
        "alys_memory_usage_bytes": ("actor_type", "actor_id"),
    }
    assert FAMILIES[:5] == catalogue.DOCUMENTED


def test_no_name_and_no_series_stands_for_two_things() -> None:
    assert len(BY_NAME) == len(FAMILIES)
    stored = [name for family in FAMILIES for name in family.series]
    assert len(set(stored)) == len(stored)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_name_follows_the_rules_of_prometheus(family: Family) -> None:
    assert re.fullmatch(r"(alys|process)_[a-z_]+[a-z]", family.name)
    assert family.name.endswith("_total") == (family.kind is Kind.COUNTER)
    assert bool(family.buckets) == (family.kind is Kind.HISTOGRAM)
    assert family.help.endswith(".")
    assert not {"job", "instance", "le"} & set(family.labels)  # Prometheus's own


def test_every_family_is_declared_in_the_list() -> None:
    declared = [thing for thing in vars(catalogue).values() if isinstance(thing, Family)]
    assert [family.name for family in declared if family.name not in BY_NAME] == []


def test_a_histogram_has_three_series_and_only_its_buckets_have_a_bound() -> None:
    known = catalogue.series()
    name = catalogue.PROCESSING_DURATION.name
    assert known[f"{name}_bucket"] == {"le", "job", "instance"}
    assert known[f"{name}_sum"] == known[f"{name}_count"] == {"job", "instance"}
    assert name not in known
