"""How the node's actors are run: the table of ``alys.config.policies`` as child specifications.

The figures are those of the field's reference, which has three generations of them that do not agree. Of these the table of
supervisors (its ``crates/actor_system``) stands here for supervisors, and that of single actors (its ``foundation``) for actors: one
speaks of how often and what then, the other of how soon, so both can be kept. Where they still collide:

- An actor's own limit of restarts (10, 15, 20) is not kept: its supervisor's counts, as in OTP, or there would be two.
- "Restart always" without a wait (Stream) is read as the default wait: what fails at once again would spin.
- "Progressive" is exponential with its factor. Waits are not aligned to slots: upstream aligns them and then caps the result.
- Storage, Network, Peer and Sync have no row of their own; they have the default's, Storage with a higher priority.
- Of two orders in which domains start, ``tree`` says which and why.

What a supervisor's giving up leads to: ``parent`` lets the node's supervisor restart it, which counts there; ``restart_tree`` ends the
node's supervisor too, so that whoever runs the node starts all of it anew (a store that cannot be opened is no state to go on
from); ``continue_without`` leaves the domain away, which health and readiness then say.
"""

from collections.abc import Callable, Mapping

from alys.actors.actor import Actor
from alys.actors.supervision import (
    AutoShutdown,
    Backoff,
    ChildSpec,
    Intensity,
    Restart,
    Strategy,
)
from alys.actors.supervisor import Supervisor
from alys.config.policies import ActorPolicy, Policies, SupervisorPolicy

DEFAULT = Policies()

RESERVES: Mapping[str, int] = {"critical": 1_000, "high": 100, "normal": 8, "background": 0}
"""By an actor's priority: messages above normal priority that its full mailbox still takes."""


def actor_of(policies: Policies, name: str) -> ActorPolicy:
    """An actor's row; AttributeError for one that has none."""
    row: ActorPolicy = getattr(policies.actors, name)
    return row


def supervisor_of(policies: Policies, name: str) -> SupervisorPolicy:
    """A supervisor's row, likewise."""
    row: SupervisorPolicy = getattr(policies.supervisors, name)
    return row


def child(
    policies: Policies, tree: str, domain: str, name: str, factory: Callable[[], Actor]
) -> ChildSpec:
    """An actor under its domain's supervisor, registered as ``<tree>/<name>``."""
    row = actor_of(policies, name)
    return ChildSpec(
        name=name,
        factory=factory,
        register=f"{tree}/{name}",
        mailbox_messages_max=row.mailbox,
        mailbox_reserve=RESERVES[row.priority],
        shutdown_seconds=supervisor_of(policies, domain).shutdown,
        backoff=Backoff(
            min_seconds=row.backoff_min,
            max_seconds=max(row.backoff_min, row.backoff_max),
            factor=row.backoff_factor,
        ),
    )


def domain(policies: Policies, name: str, *children: ChildSpec) -> ChildSpec:
    """A domain's supervisor over these, under the node's."""
    row = supervisor_of(policies, name)
    restart, significant = {
        "parent": (Restart.PERMANENT, False),
        "restart_tree": (Restart.TEMPORARY, True),
        "continue_without": (Restart.TEMPORARY, False),
    }[row.escalation]
    return ChildSpec(
        name=name,
        factory=lambda: Supervisor(children, _intensity(row), Strategy(row.strategy)),
        supervisor=True,
        restart=restart,
        significant=significant,
    )


def root(policies: Policies, tree: str, *domains: ChildSpec) -> ChildSpec:
    """The node's supervisor over its domains."""
    row = policies.supervisors.root

    def make() -> Supervisor:
        return Supervisor(domains, _intensity(row), Strategy(row.strategy), AutoShutdown.ANY)

    return ChildSpec(name=tree, factory=make, supervisor=True)


def _intensity(row: SupervisorPolicy) -> Intensity:
    return Intensity(restarts=row.restarts, period_seconds=row.period)
