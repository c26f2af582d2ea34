"""Ten ways to break the runtime, and the tests that must notice.

Each takes one promise away with a change that a tired person could make. ``caught_by`` names checks of
``tests/actors/conformance`` that go red for it; ``test_runtime.py`` runs them.
"""

import msgspec


class Mutant(msgspec.Struct, frozen=True, kw_only=True):
    """One breakage."""

    name: str
    promise: str
    """What no longer holds."""
    module: str
    old: str
    new: str
    caught_by: tuple[str, ...]
    """Beginnings of the names of tests."""


MUTANTS = (
    Mutant(
        name="lost-wake-up",
        promise="an actor with messages left gets another turn",
        module="alys.actors.cell",
        old="        if self.control or (able and (box.queue or box.others)):\n            self.system.dispatcher.schedule(self)\n",
        new="        if self.control or (able and (box.queue or box.others)):\n            pass\n",
        caught_by=("test_01_",),
    ),
    Mutant(
        name="double-post-stop",
        promise="post_stop runs once",
        module="alys.actors.lifecycle",
        old="            return instance.post_stop(context)\n",
        new="            return (instance.post_stop(context), instance.post_stop(context))[0]\n",
        caught_by=("test_63_",),
    ),
    Mutant(
        name="reorder",
        promise="messages of one sender keep their order",
        module="alys.actors.mailbox",
        old="            self.queue.append(entry)\n            self.last",
        new="            self.queue.insert(max(0, len(self.queue) - 1), entry)\n            self.last",
        caught_by=("test_01_",),
    ),
    Mutant(
        name="off-by-one-intensity",
        promise="exactly so many restarts are allowed in the period",
        module="alys.actors.supervision",
        old="if len(kept) > intensity.restarts",
        new="if len(kept) >= intensity.restarts",
        caught_by=("test_18_", "test_19_"),
    ),
    Mutant(
        name="stale-timer",
        promise="no tick of an old incarnation arrives",
        module="alys.actors.timers",
        old="        if not self.holds(timer):\n            return False\n        if timer.period is None:",
        new="        if timer.period is None:",
        caught_by=("test_45_",),
    ),
    Mutant(
        name="leaked-reply-slot",
        promise="an ask fails at once when its target ends before it answers",
        module="alys.actors.leftovers",
        old="        reply = reply_of(entry)\n        if reply is not None:\n            reply.fail(ActorStopped(self.path, type(message_of(entry)).__name__))",
        new="        reply = reply_of(entry)",
        caught_by=("test_56_",),
    ),
    Mutant(
        name="bound-ignored-by-priorities",
        promise="the bound holds for all priorities together",
        module="alys.actors.mailbox",
        old="            return self.count >= self.capacity + self.reserve",
        new="            return False",
        caught_by=("test_61_",),
    ),
    Mutant(
        name="watcher-told-on-restart",
        promise="a restart is no news to whoever watches",
        module="alys.actors.lifecycle",
        old="        self.incarnation += 1\n        self.instance = None\n",
        new="        self.incarnation += 1\n        self.instance = None\n        for watcher, message in list(self.more.watchers.items()):\n            watcher.hear_of_death(self, 'restarted', message)\n",
        caught_by=("test_49_",),
    ),
    Mutant(
        name="order-of-stop-reversed",
        promise="children are stopped in reverse order of their start",
        module="alys.actors.family",
        old="for child in reversed(self.cells.values()):",
        new="for child in list(self.cells.values()):",
        caught_by=("test_26_", "test_63_"),
    ),
    Mutant(
        name="swallowed-escalation",
        promise="a failure that climbs is heard above",
        module="alys.actors.lifecycle",
        old='        self._fail_for_child(error, Exit(kind=Kind.SHUTDOWN, detail="intensity", error=error))',
        new="        return",
        caught_by=("test_22_",),
    ),
)
