"""The faults of a seed, in two phases, as FoundationDB's simulation draws them: which sites are active, and when each of them fires.

A *site* is a kind of fault at a kind of target. In most seeds most sites are inactive; an active one fires at each of its chances
with its own rate. So some seeds are quiet, some have one kind of trouble many times, and combinations come about that a
constant share of everything would never show.

What is drawn is what the design must bear at three nodes, of which two must agree: crashes without lost acknowledgements of the disk;
clocks that are wrong by a few slots; any silence, refusal or loss; of the governance nodes at most one that lies at all; Bitcoin
reorganisations, mostly shallower than the confirmations that a deposit needs, sometimes deeper (then a credited deposit is
away for a while, which is a defined outcome). So at the end everything that was begun must have come to its end, whatever was drawn.
"""

from collections.abc import Callable, Mapping

import msgspec

from alys.base import faults, trouble
from alys.base.errors import UsageError
from alys.base.prng import Random
from alys.base.trouble import AnyTrouble
from alys.campaigns.plan import At, On, Order
from alys.config.policies import SupervisorPolicies

ACTIVE_IN = 4
"""A site is active in one seed of so many."""
STORM_MIN = 31
"""Orders of a storm, at least."""
GOVERNANCE_NODES = 3

When = At | On
Strike = tuple[str, AnyTrouble, When]
"""Whom, what, when."""


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """What a site may draw from."""

    chance: Random
    nodes: int
    weather_s: float
    liar: int
    """The governance node that may break rules in this seed; the others may only be silent."""

    def time(self) -> At:
        """Within the weather, to the millisecond."""
        return At(seconds=self.chance.below(max(1, round(self.weather_s * 1000))) / 1000)

    def seconds(self, most: float) -> float:
        """A duration, to the tenth of a second."""
        return (1 + self.chance.below(max(1, round(most * 10)))) / 10

    def node(self) -> int:
        """One of them."""
        return self.chance.below(self.nodes)

    def tree(self) -> str:
        """The path of one node's tree."""
        index = self.node()
        return f"/alys/node-{index}" if index else "/alys/node"


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """See the module's docstring."""

    name: str
    area: str
    """``nodes``, ``disk``, ``wires``, ``services`` or ``actors``."""
    draw: Callable[[Ground], list[Strike]]
    """What happens when it fires: one fault, or several that belong together."""
    chances: int = 3
    rate: float = 0.5


PROFILES: Mapping[str, str] = {
    "all": "faults of every area; each site is active in one seed of four",
    "none": "no faults: what goes wrong then goes wrong by itself",
    "nodes": "whole nodes: killed, stopped, with a wrong clock",
    "wires": "connections between nodes: cut, parted, late, lossy, doubling",
    "services": "Bitcoin, execution clients, governance: silent, refusing, garbled, lying; reorganisations",
    "actors": "single actors: crashes at every moment, also of gateways; pauses, slowness, full mailboxes",
    "disk": "stores: no room, errors, power cuts in the middle of a batch",
    "storm": "all areas at once, every site active: more than thirty faults",
}
"""By name, in a sentence each."""

AREAS = ("nodes", "wires", "services", "actors", "disk")


def orders(chance: Random, profile: str, weather_s: float, nodes: int) -> tuple[Order, ...]:
    """What a seed makes of a profile, by number. Raises UsageError for a profile that there is not."""
    if profile not in PROFILES:
        raise UsageError(f"no profile of faults {profile!r}: {', '.join(PROFILES)}")
    if profile == "none":
        return ()
    storm = profile == "storm"
    liar = chance.fork("liar").below(GOVERNANCE_NODES)
    strikes: list[Strike] = []
    rounds = 0
    while not rounds or (storm and len(strikes) < STORM_MIN):
        for site in SITES:
            if site.area != profile and profile in AREAS:
                continue
            own = chance.fork(f"{site.name} {rounds}")
            if storm or own.below(ACTIVE_IN) == 0:
                ground = Ground(chance=own, nodes=nodes, weather_s=weather_s, liar=liar)
                strikes += _fire(site, ground)
        rounds += 1
    return tuple(
        Order(number=number, target=target, fault=fault, when=when)
        for number, (target, fault, when) in enumerate(strikes, start=1)
    )


def _fire(site: Site, ground: Ground) -> list[Strike]:
    fired: list[Strike] = []
    for _ in range(site.chances):
        if ground.chance.random() < site.rate:
            fired += site.draw(ground)
    return fired


# Nodes and disks


def _kill(ground: Ground) -> list[Strike]:
    return [(f"node-{ground.node()}", trouble.Kill(down_s=ground.seconds(15)), _moment(ground))]


def _stop(ground: Ground) -> list[Strike]:
    return [(f"node-{ground.node()}", trouble.Stop(down_s=ground.seconds(15)), ground.time())]


def _blackout(ground: Ground) -> list[Strike]:
    """All of them, one after the other or nearly at once."""
    first = ground.time().seconds
    return [
        (
            f"node-{index}",
            trouble.Kill(down_s=ground.seconds(8)),
            At(seconds=first + ground.chance.below(500) / 1000),
        )
        for index in range(ground.nodes)
    ]


def _skew(ground: Ground) -> list[Strike]:
    seconds = ground.chance.choice((-6.0, -2.5, -0.7, 0.7, 2.5, 6.0))
    fault = trouble.Skew(seconds=seconds, duration_s=ground.seconds(15))
    return [(f"node-{ground.node()}", fault, ground.time())]


def _power(disk: str) -> Callable[[Ground], list[Strike]]:
    def draw(ground: Ground) -> list[Strike]:
        fault = trouble.Kill(down_s=ground.seconds(10), disk=disk)
        return [(f"node-{ground.node()}", fault, _moment(ground))]

    return draw


def _refuses(error: str) -> Callable[[Ground], list[Strike]]:
    def draw(ground: Ground) -> list[Strike]:
        fault = trouble.DiskRefuses(error=error, duration_s=ground.seconds(12))
        return [(f"disk-{ground.node()}", fault, ground.time())]

    return draw


# Wires


def _wire(ground: Ground) -> str:
    one = ground.node()
    other = (one + 1 + ground.chance.below(ground.nodes - 1)) % ground.nodes
    return f"wire-{one}-{other}"


def _cut(one_way: bool) -> Callable[[Ground], list[Strike]]:
    def draw(ground: Ground) -> list[Strike]:
        fault = trouble.Cut(one_way=one_way, duration_s=ground.seconds(20))
        return [(_wire(ground), fault, ground.time())]

    return draw


def _partition(ground: Ground) -> list[Strike]:
    alone = ground.node()
    rest = tuple(index for index in range(ground.nodes) if index != alone)
    groups = ground.chance.choice(((rest,), (rest,), ((alone,),)))
    fault = trouble.Partition(groups=groups, duration_s=ground.seconds(20))
    return [("wires", fault, ground.time())]


def _late(ground: Ground) -> list[Strike]:
    ms = float(ground.chance.choice((50, 300, 1500, 4000)))
    fault = trouble.Late(ms=ms, duration_s=ground.seconds(20))
    return [(_some_wires(ground), fault, ground.time())]


def _lose(ground: Ground) -> list[Strike]:
    rate = ground.chance.choice((0.05, 0.3, 0.8))
    fault = trouble.Lose(rate=rate, duration_s=ground.seconds(20))
    return [(_some_wires(ground), fault, ground.time())]


def _double(ground: Ground) -> list[Strike]:
    fault = trouble.Duplicate(
        rate=ground.chance.choice((0.1, 0.5, 1.0)), duration_s=ground.seconds(20)
    )
    return [(_some_wires(ground), fault, ground.time())]


def _some_wires(ground: Ground) -> str:
    return "wires" if ground.chance.below(2) else _wire(ground)


# Services


def _service(ground: Ground) -> str:
    return ground.chance.choice(
        (
            "bitcoin",
            f"ethereum-{ground.node()}",
            f"governance-{ground.chance.below(GOVERNANCE_NODES)}",
        )
    )


def _call(make: Callable[[Ground], AnyTrouble]) -> Callable[[Ground], list[Strike]]:
    return lambda ground: [(_service(ground), make(ground), ground.time())]


def _rate(ground: Ground) -> float:
    return ground.chance.choice((0.1, 0.5, 1.0))


def _latency(ground: Ground) -> AnyTrouble:
    ms = float(ground.chance.choice((20, 200, 1500)))
    return faults.Latency(ms=ms, jitter_ms=ms, duration_s=ground.seconds(15))


def _error(ground: Ground) -> AnyTrouble:
    return faults.Error(duration_s=ground.seconds(15), rate=_rate(ground))


def _refuse(ground: Ground) -> AnyTrouble:
    return faults.Refuse(duration_s=ground.seconds(15), rate=_rate(ground))


def _hang(ground: Ground) -> AnyTrouble:
    return faults.Hang(duration_s=ground.seconds(10), rate=_rate(ground))


def _drop(ground: Ground) -> AnyTrouble:
    return faults.Drop(duration_s=ground.seconds(15), rate=_rate(ground))


def _malformed(ground: Ground) -> AnyTrouble:
    form = ground.chance.choice(("text", "truncated", "empty"))
    return faults.Malformed(form=form, duration_s=ground.seconds(15), rate=_rate(ground))


def _stale(ground: Ground) -> list[Strike]:
    target = ground.chance.choice(("bitcoin", f"ethereum-{ground.node()}"))
    fault = faults.Stale(duration_s=ground.seconds(8), rate=_rate(ground))
    return [(target, fault, ground.time())]


def _service_clock(ground: Ground) -> list[Strike]:
    seconds = ground.chance.choice((-60.0, -3.0, 3.0, 60.0))
    target = ground.chance.choice(("bitcoin", f"ethereum-{ground.node()}", "governance-0"))
    fault = faults.ClockSkew(seconds=seconds, duration_s=ground.seconds(15))
    return [(target, fault, ground.time())]


def _reorg(*depths: int) -> Callable[[Ground], list[Strike]]:
    def draw(ground: Ground) -> list[Strike]:
        fault = faults.Reorg(depth=ground.chance.choice(depths), empty=bool(ground.chance.below(2)))
        return [("bitcoin", fault, ground.time())]

    return draw


def _fork(ground: Ground) -> list[Strike]:
    fault = faults.Reorg(depth=1 + ground.chance.below(2))
    return [(f"ethereum-{ground.node()}", fault, ground.time())]


_LIES: tuple[type[faults.Governed], ...] = (
    faults.WrongSignature,
    faults.Equivocate,
    faults.ShortSignatures,
    faults.ForeignAnswers,
)
_SULKS: tuple[type[faults.Governed], ...] = (
    faults.RefuseRegistration,
    faults.RefuseToken,
    faults.IgnoreHeartbeats,
    faults.RefuseSigning,
    faults.IgnoreSigning,
    faults.ReverseAnswers,
)


def _signing(ground: Ground) -> When:
    """Mostly when signatures are asked for: at any other time there is little for a governance node to lie about."""
    if ground.chance.below(4) == 0:
        return ground.time()
    stream = f"{ground.tree()}/bridge/stream"
    return On(actor=stream, message="RequestSignatures")


def _lie(ground: Ground) -> list[Strike]:
    fault = ground.chance.choice(_LIES)(duration_s=ground.seconds(25))
    return [(f"governance-{ground.liar}", fault, _signing(ground))]  # type: ignore[list-item]  # they are of the union


def _sulk(ground: Ground) -> list[Strike]:
    fault = ground.chance.choice(_SULKS)(duration_s=ground.seconds(20))
    target = f"governance-{ground.chance.below(GOVERNANCE_NODES)}"
    signs = isinstance(fault, faults.RefuseSigning | faults.IgnoreSigning | faults.ReverseAnswers)
    return [(target, fault, _signing(ground) if signs else ground.time())]  # type: ignore[list-item]  # they are of the union


# Actors

MESSAGES: Mapping[str, tuple[str, ...]] = {
    "storage/storage": ("StoreBlocks", "ChangeRecords", "SaveRecords", "LoadBlock"),
    "network/network": ("WireReceived", "Publish", "SendTo", "WireUp"),
    "network/peer": ("PeerConnected", "Dial", "PeerDid"),
    "network/sync": ("StatusHeard", "HeadChanged", "BlocksAnswered", "Beat"),
    "bridge/stream": ("FrameReceived", "RequestSignatures", "NotifyPegin", "StreamOpened"),
    "bridge/bridge": (
        "Poll",
        "BlockImported",
        "BurnDetected",
        "SignaturesCollected",
        "PayoutsFinalised",
    ),
    "consensus/engine": ("BuildPayload", "ExecutePayload", "SetHead", "GetPayloadFacts"),
    "consensus/chain": (
        "SlotTick",
        "BlockProposed",
        "BlockApproved",
        "BlockSealed",
        "PeginReady",
        "PayoutSigned",
        "PowQueued",
        "SubmitAuxBlock",
    ),
    "health": ("Due",),
}
"""The actors of a node, and what they take up that matters."""
NTH_MAX = 8


def _somebody(ground: Ground) -> str:
    return f"{ground.tree()}/{ground.chance.choice(tuple(MESSAGES))}"


def _on(ground: Ground, path: str) -> On:
    kind = path.split("/", 3)[3]
    message = ground.chance.choice(MESSAGES[kind])
    return On(actor=path, message=message, nth=1 + ground.chance.below(NTH_MAX))


def _moment(ground: Ground) -> When:
    """A time, or the middle of something."""
    return ground.time() if ground.chance.below(2) else _on(ground, _somebody(ground))


def _crash(moment: str) -> Callable[[Ground], list[Strike]]:
    def draw(ground: Ground) -> list[Strike]:
        path = _somebody(ground)
        return [(f"actor:{path}", trouble.Crash(moment=moment), _on(ground, path))]

    return draw


def _crash_again(ground: Ground) -> list[Strike]:
    """Fails, and then on coming back."""
    path = _somebody(ground)
    when = _on(ground, path)
    return [
        (f"actor:{path}", trouble.Crash(moment=moment), when)
        for moment in ("before", "post_restart", "post_restart")
    ]


def _crash_until_given_up(ground: Ground) -> list[Strike]:
    """Fails, and on each coming back, more often than its supervisor bears: Bridge, as its pauses do not grow."""
    path = f"{ground.tree()}/bridge/bridge"
    again = ["post_restart"] * (SupervisorPolicies().bridge.restarts + 1)
    when = _on(ground, path)
    return [(f"actor:{path}", trouble.Crash(moment=m), when) for m in ("before", *again)]


def _crash_at_start(ground: Ground) -> list[Strike]:
    index, actor = ground.node(), ground.chance.choice(tuple(MESSAGES))
    tree = f"/alys/node-{index}" if index else "/alys/node"
    when = ground.time()
    return [
        (f"node-{index}", trouble.Kill(down_s=ground.seconds(5)), when),
        (f"actor:{tree}/{actor}", trouble.Crash(moment="on_start"), when),
    ]


def _crash_at_stop(ground: Ground) -> list[Strike]:
    index = ground.node()
    tree = f"/alys/node-{index}" if index else "/alys/node"
    when = ground.time()
    return [
        (f"actor:{tree}/bridge/stream", trouble.Crash(moment="post_stop"), when),
        (f"node-{index}", trouble.Stop(down_s=ground.seconds(5)), when),
    ]


GATEWAYS: Mapping[str, tuple[str, ...]] = {
    "bitcoin": ("JsonRpcCall", "Arrived"),
    "engine": ("JsonRpcCall", "Arrived"),
    "store": ("StoreWrite", "StoreGet"),
    "governance": ("SendFrame", "Delivery", "OpenStream"),
    "wire": ("WireSend", "Arrives", "WireDial", "Heard"),
}
"""What stands between a node and the world, and what it takes up that matters."""
GATEWAY_NTH_MAX = 60
"""Gateways take up far more than actors do."""


def _crash_gateway(ground: Ground) -> list[Strike]:
    gateway = ground.chance.choice(tuple(GATEWAYS))
    path = f"{ground.tree()}-{gateway}"
    moment = ground.chance.choice(("before", "in", "after"))
    message = ground.chance.choice(GATEWAYS[gateway])
    when = On(actor=path, message=message, nth=1 + ground.chance.below(GATEWAY_NTH_MAX))
    return [(f"actor:{path}", trouble.Crash(moment=moment), when)]


def _pause(ground: Ground) -> list[Strike]:
    return [
        (f"actor:{_somebody(ground)}", trouble.Pause(duration_s=ground.seconds(15)), ground.time())
    ]


def _slow(ground: Ground) -> list[Strike]:
    ms = float(ground.chance.choice((5, 50, 400)))
    fault = trouble.Slow(ms=ms, duration_s=ground.seconds(12))
    return [(f"actor:{_somebody(ground)}", fault, ground.time())]


def _full(ground: Ground) -> list[Strike]:
    return [
        (f"actor:{_somebody(ground)}", trouble.Full(duration_s=ground.seconds(6)), ground.time())
    ]


SITES: tuple[Site, ...] = (
    Site(name="kill", area="nodes", draw=_kill),
    Site(name="stop", area="nodes", draw=_stop),
    Site(name="blackout", area="nodes", draw=_blackout, chances=1),
    Site(name="skew", area="nodes", draw=_skew),
    Site(name="power cut, batch lost", area="disk", draw=_power("lost")),
    Site(name="power cut, batch torn", area="disk", draw=_power("torn"), chances=2),
    Site(name="no room", area="disk", draw=_refuses("ENOSPC")),
    Site(name="I/O error", area="disk", draw=_refuses("EIO")),
    Site(name="cut", area="wires", draw=_cut(one_way=False)),
    Site(name="one-way cut", area="wires", draw=_cut(one_way=True)),
    Site(name="partition", area="wires", draw=_partition),
    Site(name="late frames", area="wires", draw=_late),
    Site(name="lost frames", area="wires", draw=_lose),
    Site(name="doubled frames", area="wires", draw=_double),
    Site(name="latency", area="services", draw=_call(_latency)),
    Site(name="error", area="services", draw=_call(_error)),
    Site(name="refuse", area="services", draw=_call(_refuse)),
    Site(name="hang", area="services", draw=_call(_hang), chances=2),
    Site(name="drop", area="services", draw=_call(_drop)),
    Site(name="malformed", area="services", draw=_call(_malformed)),
    Site(name="stale", area="services", draw=_stale),
    Site(name="service clock", area="services", draw=_service_clock),
    Site(name="shallow reorganisation", area="services", draw=_reorg(1, 2, 3, 4, 5)),
    Site(name="deep reorganisation", area="services", draw=_reorg(6, 7, 9), chances=1, rate=0.3),
    Site(name="client's branch", area="services", draw=_fork, chances=2),
    Site(name="lie", area="services", draw=_lie),
    Site(name="sulk", area="services", draw=_sulk),
    Site(name="crash before", area="actors", draw=_crash("before")),
    Site(name="crash in", area="actors", draw=_crash("in")),
    Site(name="crash after", area="actors", draw=_crash("after")),
    Site(name="crash again", area="actors", draw=_crash_again, chances=2),
    Site(name="crash for good", area="actors", draw=_crash_until_given_up, chances=1),
    Site(name="crash at start", area="actors", draw=_crash_at_start, chances=2),
    Site(name="crash at stop", area="actors", draw=_crash_at_stop, chances=1),
    Site(name="crash of a gateway", area="actors", draw=_crash_gateway),
    Site(name="pause", area="actors", draw=_pause),
    Site(name="slow", area="actors", draw=_slow),
    Site(name="full", area="actors", draw=_full, chances=2),
)
"""All of them. Adding one changes no other: each draws from chance of its own, by its name."""
