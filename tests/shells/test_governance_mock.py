"""A governance node as a service: the development federation before any session, one of its own in each."""

import asyncio
from typing import Any

import grpc
import pytest

from alys.config.services import LOCAL_SECRETS, GovernanceService
from alys.shells import mock_service
from alys.shells.generated import governance_pb2_grpc as rpc
from alys.shells.governance_mock import GovernanceMock
from alys.shells.service_admin import AdminRefused
from alys.shells.session import Federation, GovernanceSession, Session
from alys.wire import bitcoin
from alys.wire.generated import governance_pb2 as pb
from tests.models.governance.builders import (
    DEPOSIT_SATS,
    DEPOSIT_TXID,
    KEYS,
    ask,
    payout,
    pegin,
    registration,
)
from tests.shells.mocks import Opened, settings, with_open

TOKEN = (("authorization", f"Bearer {LOCAL_SECRETS['GOVERNANCE_TOKEN']}"),)
SECONDS = 20.0


def opened(run: Any, **environment: str) -> Any:
    told = settings(GovernanceService, **environment)
    return with_open(GovernanceMock(told), told, run)


async def read(call: Any) -> pb.StreamResponse:
    answer = await call.read()
    assert isinstance(answer, pb.StreamResponse)
    return answer


async def witness(service: Opened, script: bytes) -> tuple[bytes, bytes, bytes]:
    """The key and signature that the node gives for a payout of a federation's coin, and the message that is signed."""
    tx = payout(federation_script=script)
    async with grpc.aio.insecure_channel(service.doors["grpc"]) as channel:
        call = rpc.GovernanceStreamStub(channel).Stream(metadata=TOKEN, timeout=SECONDS)
        for request in (registration(), pegin(), ask(tx)):
            await call.write(request)
        assert (await read(call)).registration_ack.accepted
        signed = (await read(call)).signature_response
    (given,) = signed.signatures
    return given.public_key, given.signature, tx.serialize()


def test_before_any_session_three_nodes_are_the_development_federation() -> None:
    async def state(service: Opened) -> Any:
        return await service.admin.state()

    states = [opened(state, GOVERNANCE_NODE_ID=f"governance-node-{n}") for n in (1, 2, 3)]
    assert [one["public_key"] for one in states] == [key.hex() for key in KEYS]
    assert len({one["federation"]["address"] for one in states}) == 1
    assert states[0]["federation"]["threshold"] == 2
    assert [one["node_id"] for one in states] == [f"governance-node-{n}" for n in (1, 2, 3)]


def test_a_session_makes_a_key_and_signs_for_the_federation_it_is_told() -> None:
    async def run(service: Opened) -> None:
        told = await service.admin.session(Session(name="run 1"), GovernanceSession)
        again = await service.admin.session(Session(name="run 2"), GovernanceSession)
        assert len({told.public_key, again.public_key, *(key.hex() for key in KEYS)}) == 5
        others = (KEYS[0].hex(), KEYS[1].hex())
        with pytest.raises(AdminRefused, match="is not in the federation"):
            await service.admin.federation(Federation(keys=others, threshold=2))
        keys = (again.public_key, *others)
        joined = await service.admin.federation(Federation(keys=keys, threshold=2))
        assert (joined.name, joined.public_key) == ("run 2", again.public_key)
        state = await service.admin.state()
        assert state["federation"]["keys"] == list(keys)
        assert state["federation"]["address"] == joined.address
        script = bytes.fromhex(state["federation"]["script"])
        key, signature, raw = await witness(service, script)
        leaf = b"".join(
            b"\x20" + bytes.fromhex(one) + (b"\xba" if n else b"\xac") for n, one in enumerate(keys)
        )
        digest = bitcoin.taproot_script_path_sighash(
            bitcoin.parse_tx(raw),
            0,
            (bitcoin.TxOut(value=DEPOSIT_SATS, script=script),),
            leaf + b"\x52\xa2",
        )
        assert key.hex() == again.public_key
        assert bitcoin.schnorr_verify(key, digest, signature)
        assert DEPOSIT_TXID in str((await service.admin.state())["coins"])

    opened(run)


def test_a_new_session_ends_open_streams_and_forgets_what_was_heard() -> None:
    async def run(service: Opened) -> None:
        async with grpc.aio.insecure_channel(service.doors["grpc"]) as channel:
            call = rpc.GovernanceStreamStub(channel).Stream(metadata=TOKEN, timeout=SECONDS)
            await call.write(registration())
            assert (await read(call)).registration_ack.accepted
            assert len((await service.admin.state())["connections"]) == 1
            await service.admin.session(Session(name="run 1"), GovernanceSession)
            with pytest.raises(grpc.aio.AioRpcError) as ended:
                await call.read()
        assert ended.value.code() is grpc.StatusCode.UNAVAILABLE
        state = await service.admin.state()
        assert (state["connections"], state["received"]["node_registration"]) == ([], 0)

    opened(run)


def test_faults_live_until_the_next_session_and_through_the_federation() -> None:
    async def run(service: Opened) -> None:
        told = await service.admin.session(Session(name="run 1"), GovernanceSession)
        assert (await service.admin.faults(refuse_signing=True))["name"] == "run 1"
        keys = (told.public_key, KEYS[0].hex())
        await service.admin.federation(Federation(keys=keys, threshold=1))
        assert (await service.admin.faults())["refuse_signing"] is True
        await service.admin.session(Session(name="run 2"), GovernanceSession)
        assert (await service.admin.faults())["refuse_signing"] is False

    opened(run)


def test_off_the_network_and_back_on_the_same_port() -> None:
    async def run(service: Opened) -> None:
        host, _, port = service.doors["grpc"].partition(":")
        for _ in range(2):
            told = await service.admin.listening(grpc=False)
            assert not told.grpc
            assert await service.probe("/ready") == (
                503,
                "Health: taken off the network by the admin port\n",
            )
            assert (await service.probe("/health"))[0] == 200
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(host, int(port))
            assert (await service.admin.state())["listening"] == {"grpc": False}
            assert (await service.admin.listening(grpc=True)).grpc
            assert await service.probe("/ready") == (200, "ready\n")

    opened(run)


def test_ready_follows_the_nodes_own_answer() -> None:
    async def run(service: Opened) -> None:
        await service.admin.faults(unhealthy=True)
        assert await service.probe("/ready") == (503, "Health: HEALTH_STATUS_UNHEALTHY\n")
        await service.admin.faults(unhealthy=False)
        assert await service.probe("/ready") == (200, "ready\n")

    opened(run)


def test_a_node_too_slow_for_the_probe_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mock_service, "READY_SECONDS", 0.05)

    async def run(service: Opened) -> Any:
        return await service.probe("/ready")

    assert opened(run, MOCK_DELAY_MS="20000") == (503, "Health: DEADLINE_EXCEEDED\n")


def test_a_stream_without_the_token_is_not_opened() -> None:
    async def run(service: Opened) -> grpc.StatusCode:
        async with grpc.aio.insecure_channel(service.doors["grpc"]) as channel:
            call = rpc.GovernanceStreamStub(channel).Stream(timeout=SECONDS)
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await call.read()
        return refused.value.code()

    assert opened(run) is grpc.StatusCode.UNAUTHENTICATED


def test_an_announcement_is_ordered_over_the_admin_port_and_a_bad_one_goes_nowhere() -> None:
    async def run(service: Opened) -> None:
        async with grpc.aio.insecure_channel(service.doors["grpc"]) as channel:
            call = rpc.GovernanceStreamStub(channel).Stream(metadata=TOKEN, timeout=SECONDS)
            await call.write(registration())
            assert (await read(call)).registration_ack.accepted
            with pytest.raises(AdminRefused, match="nothing is halted") as refused:
                await service.admin.push("resume")
            assert refused.value.status == 400
            told = await service.admin.push("emergency_halt", reason="a key is lost")
            assert told == {"name": "", "request_id": "push:1:emergency_halt", "streams": 1}
            said = await read(call)
            assert said.metadata.request_id == "push:1:emergency_halt"
            state = await service.admin.state()
            assert state["announcements"]["halted"] is True
            assert state["announcements"]["sent"][0]["pushed"] == 1

    opened(run)


def test_an_api_key_opens_a_stream_and_a_new_session_keeps_it() -> None:
    async def run(service: Opened) -> list[bool]:
        found = []
        for name in ("", "run 1"):
            if name:
                await service.admin.session(Session(name=name), GovernanceSession)
            async with grpc.aio.insecure_channel(service.doors["grpc"]) as channel:
                key = (("x-api-key", "a-key-of-sixteen-letters"),)
                call = rpc.GovernanceStreamStub(channel).Stream(metadata=key, timeout=SECONDS)
                await call.write(registration())
                found.append((await read(call)).registration_ack.accepted)
        return found

    assert opened(run, GOVERNANCE_API_KEY="a-key-of-sixteen-letters") == [True, True]


def test_a_degraded_node_is_ready() -> None:
    """It answers; that a peer is missing is no reason to take it off the network too."""

    async def run(service: Opened) -> Any:
        return await service.probe("/ready")

    assert opened(run, GOVERNANCE_PEERS="127.0.0.1:1") == (200, "ready\n")
