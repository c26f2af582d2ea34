"""Health and GetCapabilities over a real port."""

import asyncio
from typing import Any

from alys.shells import governance_questions
from alys.shells.governance_server import serve_governance
from tests.models.governance.builders import make_node


def test_both_questions_are_answered_without_a_token() -> None:
    async def run() -> tuple[dict[str, Any], dict[str, Any]]:
        server = await serve_governance(make_node(bearer_token="secret"))
        try:
            return (
                await governance_questions.health(server.url),
                await governance_questions.capabilities(server.url, "alys"),
            )
        finally:
            await server.close()

    health, capabilities = asyncio.run(run())
    assert health["status"] == "HEALTH_STATUS_HEALTHY"
    assert health["info"]["node_id"] == "governance-1"
    assert capabilities["protocol_versions"] == ["v1.0.0"]
    assert capabilities["limits"]["signature_threshold"] == 2
