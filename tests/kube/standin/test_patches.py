"""The three patches, by the examples of their specifications."""

import pytest

from tests.kube.standin import patches
from tests.kube.standin.errors import Refused

POD = "io.k8s.api.core.v1.PodSpec"


def container(name: str, **more: object) -> dict[str, object]:
    return {"name": name} | more


def test_merge_is_rfc_7386() -> None:
    assert patches.merge({"a": "b", "c": {"d": "e", "f": "g"}}, {"a": "z", "c": {"f": None}}) == {
        "a": "z",
        "c": {"d": "e"},
    }
    assert patches.merge({"a": [1, 2]}, {"a": [3]}) == {"a": [3]}


def test_operations_are_rfc_6902() -> None:
    document = {"a": {"b": [1, 2]}, "c/d": 1}
    steps: list[dict[str, object]] = [
        {"op": "test", "path": "/c~1d", "value": 1},
        {"op": "add", "path": "/a/b/-", "value": 3},
        {"op": "remove", "path": "/a/b/0"},
        {"op": "replace", "path": "/c~1d", "value": 2},
    ]
    assert patches.operations(document, steps) == {"a": {"b": [2, 3]}, "c/d": 2}
    with pytest.raises(Refused):
        patches.operations(document, [{"op": "test", "path": "/c~1d", "value": 9}])
    with pytest.raises(Refused):
        patches.operations(document, [{"op": "remove", "path": "/x"}])


def test_a_list_is_merged_by_its_key_in_the_order_of_the_patch() -> None:
    before = {"containers": [container("a", image="1", args=["x"]), container("b")]}
    patch = {
        "$setElementOrder/containers": [{"name": "c"}, {"name": "a"}],
        "containers": [
            container("a", image="2"),
            container("c"),
            {"name": "b", "$patch": "delete"},
        ],
    }
    assert patches.strategic(POD, before, patch) == {
        "containers": [container("c"), container("a", image="2", args=["x"])]
    }


def test_a_list_without_a_key_is_replaced() -> None:
    before = {"containers": [container("a", args=["x", "y"])]}
    after = patches.strategic(POD, before, {"containers": [container("a", args=["z"])]})
    assert after == {"containers": [container("a", args=["z"])]}


def test_a_volume_keeps_only_the_source_that_the_patch_retains() -> None:
    before = {"volumes": [{"name": "v", "emptyDir": {}}]}
    change = {"name": "v", "$retainKeys": ["name", "secret"], "secret": {"secretName": "s"}}
    assert patches.strategic(POD, before, {"volumes": [change]}) == {
        "volumes": [{"name": "v", "secret": {"secretName": "s"}}]
    }


def test_nothing_takes_a_field_away() -> None:
    before = {"nodeName": "n", "containers": [container("a")]}
    assert patches.strategic(POD, before, {"nodeName": None}) == {"containers": [container("a")]}
