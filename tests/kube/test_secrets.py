"""Secrets are made once, are fit for their purpose, are never changed and never shown."""

import base64
import itertools

import coincurve
import pytest

from alys.base import errors, prng
from alys.config import secrets as config_secrets
from alys.kube import client, secrets
from tests.kube.conftest import NAMESPACE
from tests.kube.standin.server import StandIn


def values(standin: StandIn, name: str) -> dict[str, str]:
    data = standin.get("Secret", name, NAMESPACE)["data"]
    return {key: base64.b64decode(text).decode() for key, text in data.items()}


def fill(cluster: client.Cluster, seed: int = 1) -> list[str]:
    told: list[str] = []
    secrets.fill(cluster, prng.SeededRandom(seed).randbytes, told.append)
    return told


def test_absent_secrets_are_made_with_every_key(cluster: client.Cluster, standin: StandIn) -> None:
    told = fill(cluster)
    assert sorted(values(standin, "test-secrets")) == [
        "admin_token",
        "bitcoin_rpc_password",
        "bitcoin_rpc_user",
        "engine_jwt_secret",
        "governance_token",
        "test_bitcoin_private_key",
        "test_ethereum_private_key",
        "upload_token",
    ]
    assert sorted(values(standin, "grafana-admin")) == ["admin-password", "admin-user"]
    assert told[0].startswith("Secret test-secrets: made, with test_bitcoin_private_key, ")
    assert told[1] == "Secret grafana-admin: made, with admin-user, admin-password"


def test_the_values_are_what_their_readers_take(cluster: client.Cluster, standin: StandIn) -> None:
    fill(cluster)
    made = values(standin, "test-secrets")
    for chain in ("bitcoin", "ethereum"):
        coincurve.PrivateKey.from_hex(made[f"test_{chain}_private_key"])
    read = config_secrets.read(
        {
            variable: made[f"test_{chain}_private_key"]
            for chain, variable in config_secrets.VARIABLES.items()
        }
    )
    assert sorted(read) == ["bitcoin", "ethereum"]
    assert len(bytes.fromhex(made["engine_jwt_secret"])) == 32
    random = [made[key] for key in made if key != "bitcoin_rpc_user"]
    assert len({*random}) == len(random)


def test_a_number_that_is_no_key_of_the_curve_is_drawn_again() -> None:
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    drawn = iter([0, order, order - 1])
    made = secrets._curve_key(lambda count: next(drawn).to_bytes(count, "big"))
    assert int(made, 16) == order - 1


def test_running_it_again_changes_nothing_and_says_so(
    cluster: client.Cluster, standin: StandIn
) -> None:
    fill(cluster)
    before = [standin.get("Secret", name, NAMESPACE) for name in secrets.SECRETS]
    assert fill(cluster, seed=2) == [
        "Secret test-secrets: there already, nothing to do",
        "Secret grafana-admin: there already, nothing to do",
    ]
    assert [standin.get("Secret", name, NAMESPACE) for name in secrets.SECRETS] == before


def test_only_the_two_verbs_of_its_role_are_used(cluster: client.Cluster, standin: StandIn) -> None:
    del standin.requests[:]
    fill(cluster)
    fill(cluster)
    place = f"/api/v1/namespaces/{NAMESPACE}/secrets"
    assert {*standin.requests} == {
        f"POST {place}",
        f"GET {place}/test-secrets",
        f"GET {place}/grafana-admin",
    }


def test_no_value_is_told(cluster: client.Cluster, standin: StandIn) -> None:
    told = "\n".join(fill(cluster))
    made = itertools.chain(*(values(standin, name).values() for name in secrets.SECRETS))
    assert not [value for value in made if len(value) > 8 and value in told]


def secret(name: str, **data: str) -> client.Document:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}


def test_a_secret_that_lacks_a_key_is_left_and_named_and_the_other_is_made(
    cluster: client.Cluster, standin: StandIn
) -> None:
    made = {
        key: how.make(prng.SeededRandom(3).randbytes)
        for key, how in secrets.SECRETS["test-secrets"].items()
    }
    del made["engine_jwt_secret"]
    cluster.create(client.SECRETS, secret("test-secrets", **made))
    told: list[str] = []
    with pytest.raises(errors.EnvironmentFailure) as caught:
        secrets.fill(cluster, prng.SeededRandom(1).randbytes, told.append)
    assert (
        f"namespace {NAMESPACE}: Secret test-secrets lacks engine_jwt_secret; this command never"
        in str(caught.value)
    )
    assert told[0] == "Secret test-secrets: there already, left as it is"
    assert values(standin, "test-secrets") == made
    assert values(standin, "grafana-admin")["admin-user"] == "admin"


def test_a_placeholder_is_no_key_and_is_not_shown(cluster: client.Cluster) -> None:
    made = {
        key: how.make(prng.SeededRandom(3).randbytes)
        for key, how in secrets.SECRETS["test-secrets"].items()
    }
    made["test_bitcoin_private_key"] = "placeholder-key"
    cluster.create(client.SECRETS, secret("test-secrets", **made))
    with pytest.raises(
        errors.EnvironmentFailure, match="no usable test_bitcoin_private_key"
    ) as caught:
        fill(cluster)
    assert "placeholder-key" not in str(caught.value)


def test_a_secret_that_appears_meanwhile_is_taken_as_it_is(
    cluster: client.Cluster, standin: StandIn
) -> None:
    standin.refuse_next(
        "POST", 0, done=True
    )  # the answer is lost, and the Job's second pod finds it
    with pytest.raises(client.Unreachable):
        fill(cluster)
    assert fill(cluster, seed=2)[0] == "Secret test-secrets: there already, nothing to do"
    assert secrets._make(cluster, "grafana-admin", secrets.SECRETS["grafana-admin"], bytes) is False


def test_a_missing_namespace_is_the_environment_s_fault(
    standin: StandIn, cluster: client.Cluster
) -> None:
    cluster.namespace = "nowhere"
    with pytest.raises(errors.EnvironmentFailure, match='namespaces "nowhere" not found'):
        fill(cluster)
