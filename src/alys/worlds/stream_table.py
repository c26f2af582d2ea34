"""The figures of the governance streams as an operator has set them."""

import msgspec

from alys.config.settings import StreamSettings
from alys.node.stream_figures import FIGURES, StreamFigures


def figures(settings: StreamSettings, time_scale: float = 1.0) -> StreamFigures:
    """The table of the protocol with what the settings say.

    How long an answer is waited for is a deadline of the wall's clock, as all calls to services are: it is stretched by as much as
    node time is hurried.
    """
    return msgspec.structs.replace(
        FIGURES,
        heartbeat_seconds=float(settings.heartbeat_interval),
        idle_seconds=float(settings.idle_timeout),
        request_seconds=settings.request_timeout * time_scale,
        signature_seconds=float(settings.signature_timeout),
        pending_max=settings.pending_requests,
        retry_max_seconds=float(settings.retry_max),
        attempts_max=settings.attempts_max,
        breaker_seconds=float(settings.breaker_timeout),
        unhealthy_seconds=float(settings.unhealthy_after),
        buffer_messages=settings.buffer_messages,
        buffer_messages_total=settings.buffer_messages_total,
        buffer_policy=settings.buffer_policy,
        message_ttl_seconds=float(settings.message_ttl),
        notice_ttl_seconds=float(settings.notice_ttl),
    )
