"""How a node's actors are run and kept alive: one table per actor and one per supervisor, each figure of it a setting.

``alys.node.policies`` makes child specifications of it and says why the figures are these.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Priority = Literal["critical", "high", "normal", "background"]
Strategy = Literal["one_for_one", "rest_for_one", "one_for_all"]
Escalation = Literal["parent", "restart_tree", "continue_without"]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]
Wait = Annotated[float, Meta(ge=0, le=3600)]
Period = Annotated[float, Meta(gt=0, le=86_400)]
Factor = Annotated[float, Meta(ge=1, le=10)]


class ActorPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """One actor. Seconds are node time, but for the time-out of a health check."""

    mailbox: Count = 10_000
    """Messages that may wait for it."""
    priority: Priority = "normal"
    """How many messages above normal priority its mailbox still takes when it is full: ``alys.node.policies.RESERVES``."""
    backoff_min: Wait = 0.1
    """Before its first restart in a row."""
    backoff_max: Wait = 60.0
    """Before any restart."""
    backoff_factor: Factor = 2.0
    """By which the wait grows from one restart to the next."""
    health_interval: Wait = 10.0
    """Between two health checks; 0: it is never checked."""
    health_timeout: Annotated[float, Meta(gt=0, le=600)] = 5.0
    """For its answer to one, wall time."""
    health_failures: Annotated[int, Meta(ge=1, le=100)] = 3
    """Checks in a row without an answer, after which it is ended and started again."""


class SupervisorPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """One supervisor."""

    strategy: Strategy = "one_for_one"
    """Who is restarted with a child that failed."""
    restarts: Annotated[int, Meta(ge=0, le=10_000)] = 5
    """Restarts of its children that it allows in one period; one more and it gives up."""
    period: Period = 60.0
    """Node seconds."""
    escalation: Escalation = "parent"
    """What follows when it gives up: the node's supervisor restarts it, restarts the whole tree, or goes on without it."""
    shutdown: Wait = 10.0
    """Node seconds that each of its children has to end in good order; then it is killed."""


class ActorPolicies(msgspec.Struct, frozen=True, kw_only=True):
    """``[node.actors]``: every actor of a node."""

    chain: ActorPolicy = ActorPolicy(
        mailbox=100_000,
        priority="critical",
        backoff_max=30.0,
        health_interval=5.0,
        health_timeout=2.0,
    )
    """Consensus."""
    engine: ActorPolicy = ActorPolicy(
        mailbox=50_000,
        priority="critical",
        backoff_min=0.05,
        backoff_max=15.0,
        backoff_factor=1.5,
        health_interval=3.0,
        health_timeout=1.0,
        health_failures=5,
    )
    """The execution client."""
    bridge: ActorPolicy = ActorPolicy(
        mailbox=25_000,
        priority="high",
        backoff_min=1.0,
        backoff_max=1.0,
        backoff_factor=1.0,
        health_failures=2,
    )
    """Bitcoin and the pegs."""
    stream: ActorPolicy = ActorPolicy(
        mailbox=5_000, priority="high", health_interval=30.0, health_timeout=10.0
    )
    """Governance."""
    storage: ActorPolicy = ActorPolicy(priority="high")
    """The store."""
    network: ActorPolicy = ActorPolicy()
    """The other nodes."""
    peer: ActorPolicy = ActorPolicy()
    """What is thought of them."""
    sync: ActorPolicy = ActorPolicy()
    """Catching up."""
    health: ActorPolicy = ActorPolicy(mailbox=1_000, priority="background", health_interval=0.0)
    """Who checks all others."""


class SupervisorPolicies(msgspec.Struct, frozen=True, kw_only=True):
    """``[node.supervisors]``: the node's own, and that of each domain."""

    root: SupervisorPolicy = SupervisorPolicy()
    """Over the four domains."""
    storage: SupervisorPolicy = SupervisorPolicy(
        restarts=10, period=300.0, escalation="restart_tree", shutdown=20.0
    )
    """Over Storage."""
    network: SupervisorPolicy = SupervisorPolicy(
        restarts=20, period=600.0, escalation="continue_without"
    )
    """Over Network, Peer and Sync."""
    bridge: SupervisorPolicy = SupervisorPolicy(restarts=15, period=900.0, shutdown=30.0)
    """Over Stream and Bridge."""
    consensus: SupervisorPolicy = SupervisorPolicy(restarts=10, period=300.0, shutdown=15.0)
    """Over Engine and Chain."""


class Policies(msgspec.Struct, frozen=True, kw_only=True):
    """All of it."""

    actors: ActorPolicies = ActorPolicies()
    supervisors: SupervisorPolicies = SupervisorPolicies()
