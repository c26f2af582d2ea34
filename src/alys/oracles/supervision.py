"""What supervisors did about each end of a child, held against the rules.

The rules are written anew here from OTP's documentation (``supervisor``: restart types, strategies, intensity) and from what this runtime
adds to it (directives by type of error, as Pekko has them; a back-off per child). From the spec as data and the history of ends
follows one decision:

resume     the same instance goes on
restart    a new instance behind the same ref (a new actor in the same place, if the old one is gone); with ``one_for_all`` all of the
           team, with ``rest_for_one`` those that were started after it: torn down in reverse order of the start, started in order
stop       it ends
escalate   the supervisor itself fails
give up    one restart more than the intensity allows within its period (a restart exactly as old as the period still counts): the
           children are stopped, then the supervisor ends

A restart of a group counts once, each failed attempt to start during it counts once more. A back-off is waited out before the restart;
how long is least by the spec, and chance may add to it.

Fed with plain values: uids of actors, words, node seconds, and the error itself, whose type the directives are about.
"""

import msgspec

from alys.oracles.broken import Broken

ORACLE = "supervision"

RESUME, RESTART, STOP, ESCALATE, GIVE_UP = "resume", "restart", "stop", "escalate", "give up"

PATIENCE_S = 300.0
"""Within so much node time, its back-off aside, whatever was decided is done: longer than any stop may take."""
DUST_S = 1e-6
"""What is lost when seconds are rounded."""
DOUBLINGS_MAX = 64
"""From there on a back-off grows no more: it is at its maximum long before."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What a child's spec says."""

    key: str | int
    """Its name among its siblings, or its uid if it has none."""
    restart: str = "permanent"
    """permanent, transient or temporary."""
    directives: tuple[tuple[type[BaseException], str], ...] = ()
    """The first that the error is of decides; restart, if none does."""
    backoff: tuple[float, float, float] | None = None
    """Least and greatest wait, and the factor from one to the next."""
    kept: bool = False
    """Whether its place in the team is kept when it is stopped."""


class Team(msgspec.Struct, frozen=True, kw_only=True):
    """How a supervisor is set up."""

    strategy: str = "one_for_one"
    restarts: int | None = 1
    period_s: float = 5.0


class _Child:
    """One actor under another."""

    def __init__(self, parent: int, rule: Rule) -> None:
        self.parent = parent
        self.rule = rule
        #: What was decided and is not done, since when, and how long has to be waited first.
        self.decided = ""
        self.since = 0.0
        self.delay = 0.0
        self.failed_at: float | None = None
        self.alive = True


class _Group:
    """A restart of several, in the order of their start."""

    def __init__(self, members: list[str | int], rule: Rule, missing: set[str | int]) -> None:
        self.members = members
        #: Whose failure it is for: its back-off is waited for, from the moment when all are torn down.
        self.rule = rule
        self.before: tuple[int, float] | None = None
        self.due = 0.0
        #: Who has to come back.
        self.missing = missing
        #: Where the tearing down (which goes backwards) and the starting (forwards) have come to.
        self.torn = len(members)
        self.started = -1
        #: Who is to be torn down yet.
        self.standing: set[str | int] = set()


class _Parent:
    """One supervisor."""

    def __init__(self) -> None:
        #: Who stands in which place, in the order of the start.
        self.places: dict[str | int, int] = {}
        self.log: list[float] = []
        #: By place: restarts in a row, and when the last one was due.
        self.attempts: dict[str | int, tuple[int, float]] = {}
        self.group: _Group | None = None
        #: Whether a child's failure was handed upwards and came back: then restarts have their cause there.
        self.handed_back = False
        self.gives_up = False
        #: Since when it has to fail because of a child, and whether it can.
        self.escalates: tuple[float, bool] | None = None

    def goes_on(self) -> None:
        """After a failure of its own, with the children that it has."""
        self.handed_back = True
        self.gives_up = False
        self.group = None
        self.escalates = None


class Supervision:
    """Feed it as things happen; it raises Broken. ``samples`` counts decisions and ends in order."""

    def __init__(self) -> None:
        self.samples = 0
        self.decisions: dict[str, int] = {}
        self._children: dict[int, _Child] = {}
        self._parents: dict[int, _Parent] = {}

    def _parent(self, uid: int) -> _Parent:
        return self._parents.setdefault(uid, _Parent())

    # Children come and go

    def spawned(self, child: int, parent: int, rule: Rule, now: float, *, unasked: bool) -> None:
        """A new actor. ``unasked``: not by a handler or hook of its parent, so by the parent's own rules."""
        team = self._parent(parent)
        before = self._children.pop(team.places.get(rule.key, 0), None)
        team.places[rule.key] = child
        self._children[child] = _Child(parent, rule)
        if before is None or before.decided != RESTART:
            team.attempts.pop(rule.key, None)
        if team.gives_up:
            raise self._wrong("a child was started by a supervisor that has to give up", child)
        if not unasked or before is None:
            return
        if team.group is not None and rule.key in team.group.members:
            self._in_group(team.group, rule.key, child, now)
        elif before.decided == STOP:
            raise self._wrong("a child was started again that has to stay away", child)
        elif before.decided == RESTART:
            self._waited(before, child, now)

    def stopped(self, child: int, reason: str, now: float, *, closing: bool) -> None:
        """An actor is gone. ``closing``: its parent stops its children one after the other, and has told no other one so yet."""
        own = self._parents.pop(child, None)
        known = self._children.get(child)
        if known is None:
            return
        known.alive = False
        if own is not None:
            self._upwards(own, child, now)
        team = self._parent(known.parent)
        self._overdue(child, known, now)
        if known.decided == RESTART and reason.startswith("failed"):
            raise self._wrong("a child was stopped that has to be restarted", child, reason=reason)
        if known.decided != STOP:
            known.decided = ""
        known.failed_at = None
        key = known.rule.key
        if team.group is not None and key in team.group.members:
            team.group.missing.discard(key)
            self._is_down(team, team.group, key, now)
        if closing and reason.endswith("parent"):
            self._in_reverse(team, key, child)
        if not known.rule.kept and team.places.get(key) == child:
            del team.places[key]

    def _in_reverse(self, team: _Parent, key: str | int, child: int) -> None:
        self.samples += 1
        places = list(team.places)
        later = places[places.index(key) + 1 :] if team.places.get(key) == child else []
        if any(self._lives(team.places[place]) for place in later):
            raise self._wrong("a child was stopped before one that was started later", child)

    # Failures, and what is decided about them

    def failed(self, child: int, now: float) -> None:
        """A handler or a hook raised."""
        known = self._children.get(child)
        if known is not None and known.failed_at is None:
            known.failed_at = now

    def judged(
        self,
        child: int,
        team: Team,
        end: str,
        error: BaseException | None,
        now: float,
        *,
        again: bool = False,
        standing: bool = True,
        resumable: bool = True,
        may_escalate: bool = True,
    ) -> str:
        """Its parent takes up its end now. Returns what the rules say.

        ``end``: normal, shutdown, failed or killed; ``again``: it did not start while it was to be restarted; ``standing``: it is there
        and waits for the decision; ``resumable``: it has an instance that can go on; ``may_escalate``: the parent runs, so it can fail.
        """
        known = self._children.get(child)
        if known is None:
            return ""
        parent = self._parent(known.parent)
        self.samples += 1
        self._upwards(parent, known.parent, now)
        parent.escalates = None
        if not again:
            self._group_is_over(parent, child)
        if known.decided == RESUME:
            raise self._wrong("a child was to be resumed, and never was", child)
        known.failed_at = None
        decision = self._rule(parent, known.rule, team, end, error, now, again=again)
        if decision == RESUME and not resumable:
            decision = ESCALATE
        if not standing and decision in (RESUME, ESCALATE):
            decision = STOP
        self.decisions[decision] = self.decisions.get(decision, 0) + 1
        known.decided, known.since, known.delay = decision, now, 0.0
        if decision == RESTART:
            self._to_restart(parent, child, known, team, now, again=again)
        elif decision == GIVE_UP:
            parent.gives_up = True
            parent.group = None
        elif decision == ESCALATE:
            parent.escalates = (now, may_escalate)
        return decision

    def _rule(
        self,
        parent: _Parent,
        rule: Rule,
        team: Team,
        end: str,
        error: BaseException | None,
        now: float,
        *,
        again: bool,
    ) -> str:
        if not again:
            if end == "failed":
                for kind, directive in rule.directives:
                    if isinstance(error, kind):
                        if directive != RESTART:
                            return directive
                        break
            normal = end in ("normal", "shutdown")
            if rule.restart == "temporary" or (rule.restart == "transient" and normal):
                return STOP
        if team.restarts is None:
            endless = again and (rule.backoff is None or team.strategy == "one_for_one")
            return GIVE_UP if endless else RESTART
        parent.log = [at for at in parent.log if now - at <= team.period_s]
        parent.log.append(now)
        return GIVE_UP if len(parent.log) > team.restarts else RESTART

    def _to_restart(
        self, parent: _Parent, child: int, known: _Child, team: Team, now: float, *, again: bool
    ) -> None:
        if team.strategy == "one_for_one":
            known.delay = 0.0 if again else self._backoff(parent, known.rule, now)
            return
        if again and parent.group is not None:
            members = parent.group.members
        else:
            members = list(parent.places)
            if team.strategy == "rest_for_one" and known.rule.key in members:
                members = members[members.index(known.rule.key) :]
        missing = {key for key in members if self._comes_back(parent.places.get(key, 0))}
        group = parent.group = _Group(members, known.rule, missing | {known.rule.key})
        group.before = parent.attempts.get(known.rule.key)
        if not again:
            alive = (key for key in members if self._lives(parent.places.get(key, 0)))
            group.standing.update(alive)
        self._from_now(parent, group, now)
        known.decided = ""  # its group is

    def _is_down(self, parent: _Parent, group: _Group, key: str | int, now: float) -> None:
        if key in group.standing:
            group.standing.discard(key)
            self._from_now(parent, group, now)

    def _from_now(self, parent: _Parent, group: _Group, now: float) -> None:
        """The last of a group is down, so far: its wait begins."""
        if group.before is None:
            parent.attempts.pop(group.rule.key, None)
        else:
            parent.attempts[group.rule.key] = group.before
        group.due = now + self._backoff(parent, group.rule, now)

    def _comes_back(self, uid: int) -> bool:
        known = self._children.get(uid)
        if known is None or not known.alive:
            return False
        return known.rule.restart != "temporary" and known.decided != STOP

    def _backoff(self, parent: _Parent, rule: Rule, now: float) -> float:
        """The least that has to be waited; a child that was quiet for the mean of least and greatest begins anew."""
        if rule.backoff is None:
            return 0.0
        least, greatest, factor = rule.backoff
        count, due = parent.attempts.get(rule.key, (0, now))
        if now - due >= (least + greatest) / 2:
            count = 0
        delay = min(greatest, least * factor ** min(count, DOUBLINGS_MAX))
        parent.attempts[rule.key] = (count + 1, now + delay)
        return delay

    # What was done

    def resumed(self, child: int, now: float) -> None:
        """It goes on with the same instance."""
        known = self._children.get(child)
        if known is None:
            return
        handed_back = known.decided == ESCALATE and self._parent(known.parent).handed_back
        if known.decided != RESUME and not handed_back:
            raise self._not(known, child, "resumed")
        known.decided = ""
        known.failed_at = None
        if child in self._parents:
            self._parents[child].goes_on()

    def torn_down(self, child: int, now: float) -> None:
        """Its incarnation is over; a new one is to come."""
        known = self._children.get(child)
        if known is None:
            return
        parent = self._parent(known.parent)
        group = parent.group
        if group is None or known.rule.key not in group.members:
            return
        index = group.members.index(known.rule.key)
        if group.started >= 0:  # an attempt that failed is torn down, and another one follows
            group.torn, group.started = len(group.members), -1
        if index > group.torn:
            raise self._wrong(
                "a group was not torn down in the reverse order of its start",
                child,
                after=group.members[group.torn],
            )
        group.torn = index
        self._is_down(parent, group, known.rule.key, now)

    def restarted(self, child: int, now: float, *, keeps_children: bool = False) -> None:
        """A new instance stands behind it; its children are gone, unless it keeps them."""
        known = self._children.get(child)
        own = self._parents.get(child)
        if own is not None:
            if keeps_children:
                own.goes_on()
            else:
                self._parents.pop(child)
        if known is None:
            return
        parent = self._parent(known.parent)
        known.failed_at = None
        if known.decided == GIVE_UP:
            raise self._wrong("a child was restarted by a supervisor that has to give up", child)
        if parent.group is not None and known.decided in ("", ESCALATE):
            if known.rule.key not in parent.group.members:
                raise self._wrong("a sibling was restarted that the strategy leaves alone", child)
            self._in_group(parent.group, known.rule.key, child, now)
        elif known.decided == RESTART:
            self._waited(known, child, now)
        elif not parent.handed_back:
            raise self._not(known, child, "restarted")
        known.decided = ""

    def _in_group(self, group: _Group, key: str | int, child: int, now: float) -> None:
        index = group.members.index(key)
        if index <= group.started:
            raise self._wrong(
                "a group was not started in order, or one of it twice",
                child,
                after=group.members[group.started],
            )
        if now < group.due - DUST_S:
            raise self._too_soon(child, group.due - now)
        group.started = index
        group.missing.discard(key)

    def _waited(self, known: _Child, child: int, now: float) -> None:
        due = known.since + known.delay
        if now < due - DUST_S:
            raise self._too_soon(child, due - now)

    def escalated(self, parent: int, why: str, now: float) -> None:
        """A supervisor failed because of a child: ``child`` (a failure that it passes on) or ``intensity``."""
        team = self._parent(parent)
        if why == "child":
            if team.escalates is None:
                raise self._wrong("a failure was escalated that is the supervisor's own", parent)
            team.escalates = None
            return
        if not team.gives_up and not team.handed_back:
            raise self._wrong("a supervisor gave up before its intensity was exceeded", parent)
        team.gives_up = False
        left = [key for key, uid in team.places.items() if self._lives(uid)]
        if left:
            raise self._wrong(
                "a supervisor gave up before its children were gone", parent, left=left
            )

    def _lives(self, uid: int) -> bool:
        known = self._children.get(uid)
        return known is not None and known.alive

    # What never came

    def _upwards(self, parent: _Parent, uid: int, now: float) -> None:
        if parent.escalates is not None and parent.escalates[1] and now > parent.escalates[0]:
            raise self._wrong("a failure was to be escalated, and nobody heard of it", uid)

    def _group_is_over(self, parent: _Parent, child: int) -> None:
        group, parent.group = parent.group, None
        if group is not None and group.missing:
            missing = ", ".join(sorted(map(str, group.missing)))
            raise self._wrong("a group was restarted without one of it", child, missing=missing)

    def _overdue(self, child: int, known: _Child, now: float) -> None:
        if known.failed_at is not None and now - known.failed_at > PATIENCE_S:
            raise self._wrong("a child failed, and nobody decided about it", child)
        if known.decided == RESTART and now - known.since - 2 * known.delay > PATIENCE_S:
            raise self._wrong("a child was to be restarted, and never was", child)

    def close(self, now: float) -> None:
        """The end. Raises Broken for what was decided long ago and never done."""
        for uid, parent in self._parents.items():
            self._upwards(parent, uid, now)
        for uid, known in self._children.items():
            self._overdue(uid, known, now)

    # Sentences

    def _wrong(self, sentence: str, actor: int, **facts: object) -> Broken:
        return Broken(ORACLE, sentence, actor=actor, **facts)

    def _not(self, known: _Child, child: int, what: str) -> Broken:
        rule = known.decided or "nothing was to be decided"
        return self._wrong(f"a child was {what} against the rules", child, rules=rule)

    def _too_soon(self, child: int, seconds: float) -> Broken:
        return self._wrong("a back-off was cut short", child, by_seconds=round(seconds, 6))
