"""The admin client: typed answers, refusals with their reason, and an error at once where nobody is."""

import asyncio
from typing import Any

import pytest

from alys.base import faults
from alys.base.errors import EnvironmentFailure
from alys.base.misbehaviour import Noted
from alys.shells.admin_server import Verbs, serve_admin
from alys.shells.service_admin import AdminDown, AdminRefused, ServiceAdmin
from alys.shells.session import BitcoinSession, EthereumSession, Session
from tests.models.governance.builders import make_node


def with_admin(run: Any, token: str = "right") -> Any:
    async def life() -> Any:
        node = make_node()
        verbs = Verbs(
            state=node.state,
            faults=lambda: node.misbehaviour,
            switches=node.faults.change,
            session=lambda wanted: BitcoinSession(
                name=wanted.name, network="regtest", height=0, hash="ab"
            ),
        )
        server = await serve_admin(verbs, "127.0.0.1", 0, "right")
        try:
            return await run(ServiceAdmin(server.url, token))
        finally:
            await server.close()

    return asyncio.run(life())


def test_the_state_is_shown_and_faults_are_taken() -> None:
    async def run(admin: ServiceAdmin) -> None:
        assert (await admin.state())["node_id"] == "governance-1"
        assert (await admin.faults(refuse_signing=True))["refuse_signing"] is True
        assert (await admin.state())["faults"]["refuse_signing"] is True
        with pytest.raises(AdminRefused, match="no fault sleep_late") as refused:
            await admin.faults(sleep_late=True)
        assert refused.value.status == 400

    with_admin(run)


def test_faults_are_ordered_looked_at_and_taken_back() -> None:
    async def run(admin: ServiceAdmin) -> None:
        ids = await admin.inject(faults.Latency(ms=5, times=2), faults.WrongSignature())
        assert ids == (1, 2)
        with pytest.raises(AdminRefused, match="governance service has no fault reorg"):
            await admin.inject(faults.Hang(), faults.Reorg())
        first, second = await admin.injected()
        assert first == Noted(id=1, fault=faults.Latency(ms=5, times=2), touched=0, left=2)
        assert (await admin.lift(2)).ended == "removed"
        assert (await admin.state())["faults"]["wrong_signature"] is False
        assert [one.fault for one in await admin.clear_faults()] == [first.fault, second.fault]
        assert await admin.injected() == ()

    with_admin(run)


def test_a_session_is_answered_in_the_form_that_was_asked_for() -> None:
    async def run(admin: ServiceAdmin) -> None:
        told = await admin.session(Session(name="run 1"), BitcoinSession)
        assert told == BitcoinSession(name="run 1", network="regtest", height=0, hash="ab")
        with pytest.raises(AdminDown, match="another form"):
            await admin.session(Session(name="run 1"), EthereumSession)
        with pytest.raises(AdminRefused) as refused:
            await admin.listening(grpc=False)
        assert refused.value.status == 404

    with_admin(run)


def test_a_wrong_token_is_refused_and_shown_nowhere() -> None:
    async def run(admin: ServiceAdmin) -> str:
        with pytest.raises(AdminRefused) as refused:
            await admin.state()
        assert refused.value.status == 401
        return str(refused.value) + repr(admin)

    assert "wrong-token" not in with_admin(run, token="wrong-token")


def test_an_admin_port_without_a_server_is_the_environments_fault_at_once() -> None:
    with pytest.raises(EnvironmentFailure, match=r"http://127\.0\.0\.1:1/state"):
        asyncio.run(ServiceAdmin("http://127.0.0.1:1/", "any").state())
