"""Planted bugs of the actor runtime: who is restarted with whom, when and in what state; deaths and timers."""

from alys.mutants.mutant import Edit, Mutant

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        name="timers-outlive-restart",
        story=(
            "A restart does not call off the timers of the old instance, so the new one is "
            "told things that only the old one had asked for: a deadline of a request that "
            "is no longer there."
        ),
        source=(
            "akka/akka-core pull request 22873 and akkadotnet/akka.net pull request 3313: "
            "a timer of a previous incarnation was let through after a restart"
        ),
        area="runtime",
        oracles=("storm/ticks", "leaks"),
        edits=(
            Edit(
                target="alys.actors.leftovers:Leftovers._forget_incarnation",
                old="self._forget_timers()",
                new="pass",
            ),
            Edit(
                target="alys.actors.lifecycle:Lifecycle._torn_down",
                old="self._forget_timers()  # the hook may have set some",
                new="pass",
            ),
        ),
    ),
    Mutant(
        name="queued-tick-is-not-looked-at-again",
        story=(
            "A tick that was in the mailbox already when its timer was called off, or its "
            "actor restarted, is handled all the same."
        ),
        source=(
            "akka/akka-core pull request 26650: ticks that were enqueued before a restart "
            "reached the behaviour after it"
        ),
        area="runtime",
        oracles=("storm/ticks", "leaks"),
        edits=(
            Edit(
                target="alys.actors.timers:Timers.taken",
                old="if not self.holds(timer):\n        return False",
                new="if False:\n        return False",
            ),
        ),
    ),
    Mutant(
        name="replaced-timer-ticks",
        story=(
            "A timer that another one with its key has replaced ticks too: deadlines fire twice."
        ),
        source=(
            "akka/akka-core pull request 1954 (ticket 3647): whether a timer that is set "
            "anew cancels the one before"
        ),
        area="runtime",
        oracles=("storm/ticks",),
        edits=(
            Edit(
                target="alys.actors.timers:Timers.start",
                old="self._timers[key].cancel()",
                new="timer.key = timer",
            ),
        ),
    ),
    Mutant(
        name="escalation-is-swallowed",
        story=(
            "A supervisor that gives up, or is handed a failure, reports it to nobody: its "
            "children stay down and nothing above them knows."
        ),
        source=(
            "akka/akka-core issue 20597 (2016-05-23): a supervisor with back-off did not "
            "pass on what its strategy said"
        ),
        area="runtime",
        oracles=("storm/climbing", "storm/intensity", "liveness"),
        edits=(
            Edit(
                target="alys.actors.lifecycle:Lifecycle._fail_for_child",
                old="self.fail(error, None, end)",
                new="pass",
            ),
        ),
    ),
    Mutant(
        name="intensity-per-child",
        story=(
            "Restarts are counted for each child, so a supervisor with many children "
            "endures many times what it should before it gives up."
        ),
        source=(
            "lunatic-solutions/lunatic-rs, gleam-lang/otp and others count per child "
            "first; OTP's supervisor documentation: the count is the supervisor's"
        ),
        area="runtime",
        oracles=("storm/intensity", "supervision"),
        edits=(
            Edit(
                target="alys.actors.family:Family.child_failed",
                old="decision, self.log = decide(child.spec, self.intensity, self.log, end, now)",
                new="logs = self._attempts\n    mine = logs.get((child.key, 'log'), ())\n    decision, mine = decide(child.spec, self.intensity, mine, end, now)\n    logs[(child.key, 'log')] = mine",
            ),
        ),
    ),
    Mutant(
        name="restart-window-never-slides",
        story=(
            "Restarts are never forgotten: after some days of rare failures a supervisor "
            "gives up over one."
        ),
        source=(
            "coreybutler/node-windows issue 149 (2016-12-14): restarts were counted once "
            "and for all, not per period"
        ),
        area="runtime",
        oracles=("storm/intensity", "supervision"),
        edits=(
            Edit(
                target="alys.actors.supervision:count_restart",
                old="bisect_left(history, now - intensity.period_seconds)",
                new="0",
            ),
        ),
    ),
    Mutant(
        name="restart-window-is-always-empty",
        story=(
            "Each restart throws the others out of the log, so a supervisor restarts a "
            "child that fails at once for ever."
        ),
        source=(
            "gleam-lang/otp pull request 55 (2024-02-10): the intensity tracker never held "
            "more than one event"
        ),
        area="runtime",
        oracles=("storm/intensity", "storm/climbing", "supervision", "progress"),
        edits=(
            Edit(
                target="alys.actors.supervision:count_restart",
                old="bisect_left(history, now - intensity.period_seconds)",
                new="len(history)",
            ),
        ),
    ),
    Mutant(
        name="intensity-off-by-one",
        story=(
            "One restart fewer than was allowed: a supervisor of critical actors gives up "
            "at the first failure."
        ),
        source=(
            "gleam-lang/otp pull request 55 (2024-02-10): the check of the maximum was off by one"
        ),
        area="runtime",
        oracles=("storm/intensity", "supervision", "storm/climbing"),
        edits=(
            Edit(
                target="alys.actors.supervision:count_restart",
                old="len(kept) > intensity.restarts",
                new="len(kept) >= intensity.restarts",
            ),
        ),
    ),
    Mutant(
        name="rest-for-one-takes-the-others",
        story=(
            "Those that were started before the failed child are restarted with it, and "
            "those that depend on it are not."
        ),
        source=(
            "elixirschool/elixirschool pull request 1776 (2019-04-04): which children "
            "rest_for_one takes along was told the wrong way round"
        ),
        area="runtime",
        oracles=("storm/strategy", "supervision"),
        edits=(
            Edit(
                target="alys.actors.groups:affected",
                old="keys[keys.index(failed.key) :]",
                new="keys[: keys.index(failed.key) + 1]",
            ),
        ),
    ),
    Mutant(
        name="one-for-all-is-one-for-one",
        story=(
            "Only the failed child is restarted; its siblings go on with what they know of "
            "the old one."
        ),
        source=(
            "elle-lisp/elle issue 1215 (2026-09-23): children were left out of a restart "
            "of the group"
        ),
        area="runtime",
        oracles=("storm/strategy", "supervision"),
        edits=(
            Edit(
                target="alys.actors.groups:affected",
                old="return keys\n",
                new="return [failed.key]\n",
            ),
        ),
    ),
    Mutant(
        name="group-goes-down-in-start-order",
        story=(
            "A group is torn down in the order of its start: for a moment the dependent "
            "ones run without what they need."
        ),
        source=(
            "rabbitmq/rabbitmq-common pull request 92 (2016-05-06): children of a "
            "supervisor in the wrong order"
        ),
        area="runtime",
        oracles=("storm/strategy", "supervision"),
        edits=(
            Edit(
                target="alys.actors.groups:restart_group",
                old="for key in reversed(keys):",
                new="for key in keys:",
            ),
        ),
    ),
    Mutant(
        name="stop-in-start-order",
        story=(
            "A supervisor stops its children in the order of their start: the store is "
            "closed before those who write to it."
        ),
        source=(
            "rabbitmq/rabbitmq-management issue 174: listeners were stopped and started in "
            "the wrong order"
        ),
        area="runtime",
        oracles=("storm/stopping", "supervision"),
        edits=(
            Edit(
                target="alys.actors.family:Family._stop_last",
                old="for child in reversed(self.cells.values()):",
                new="for child in list(self.cells.values()):",
            ),
        ),
    ),
    Mutant(
        name="stop-has-no-limit",
        story=(
            "An actor that hangs while it is told to stop is never killed, and nothing "
            "that waits for it goes on."
        ),
        source=(
            "kquick/Thespian issue 58: actors that did not take up their exit request lived on"
        ),
        area="runtime",
        oracles=("storm/stopping", "storm/settled"),
        edits=(
            Edit(
                target="alys.actors.lifecycle:Lifecycle._stop",
                old="if math.isfinite(limit):",
                new="if math.isfinite(limit) and self.activity is None:",
            ),
        ),
    ),
    Mutant(
        name="failed-message-is-handled-again",
        story=(
            "The message that an actor failed on is given to its next instance once more: "
            "what it had done before it failed is done twice."
        ),
        source=(
            "kquick/Thespian retries a failed message; for a mint or a payout that is the "
            "replay of bridges (Qubit, 2022-01-27)"
        ),
        area="runtime",
        oracles=(
            "storm/in-hand",
            "conservation",
            "order",
            "storm/ticks",
            "storm/deaths",
            "storm/aside",
            "storm/strategy",
            "storm/intensity",
        ),
        edits=(
            Edit(
                target="alys.actors.lifecycle:Lifecycle.fail",
                old='system.dead_letter(envelope, self, "failed")',
                new='if envelope.taken or envelope.reply is not None:\n            system.dead_letter(envelope, self, "failed")\n        else:\n            envelope.taken = True\n            self.mailbox.put_back([envelope], self.origin)',
            ),
        ),
    ),
    Mutant(
        name="watch-lost-by-restart",
        story=(
            "When a watched actor is restarted its watchers are forgotten; of its death "
            "they hear nothing."
        ),
        source=(
            "akka/akka-core issue 16616 (2015-01-06): Terminated was never received, since "
            "the watch had been lost"
        ),
        area="runtime",
        oracles=("storm/deaths",),
        edits=(
            Edit(
                target="alys.actors.lifecycle:Lifecycle._torn_down",
                old="more.receive_timeout = None",
                new="more.receive_timeout = None\n        more.watchers.clear()",
            ),
        ),
    ),
    Mutant(
        name="death-not-told-to-the-busy",
        story="News of a death is dropped when its watcher has messages waiting.",
        source=(
            "pathosDev/actor-ts issue 729: news of a death was evicted from a full queue, "
            "and the watcher was blind for ever"
        ),
        area="runtime",
        oracles=("storm/deaths",),
        edits=(
            Edit(
                target="alys.actors.lifecycle:Lifecycle._finish",
                old="watcher.hear_of_death(self, str(end), message)",
                new="if not watcher.mailbox.count:\n            watcher.hear_of_death(self, str(end), message)",
            ),
        ),
    ),
    Mutant(
        name="death-overtakes-last-words",
        story=(
            "News of a death comes before what the dead actor had sent, so its last "
            "results are thrown away as those of nobody."
        ),
        source=(
            "Erlang/OTP's signal order (signal_SUITE monitor_order), which Akka does not promise"
        ),
        area="runtime",
        oracles=("storm/deaths", "order"),
        edits=(
            Edit(
                target="alys.actors.services:Services.hear_of_death",
                old="lane = self.box().put_behind(envelope, dead, self.origin)",
                new="lane = Priority.NORMAL\n    self.box().put_back([envelope], self.origin)",
            ),
        ),
    ),
    Mutant(
        name="unwatch-leaves-the-news",
        story=(
            "News of a death that was queued before its watcher lost interest is handed to "
            "it all the same."
        ),
        source=(
            "akkadotnet/akka.net pull request 514 (2014-11-26): notices of deaths that "
            "nobody watched any more"
        ),
        area="runtime",
        oracles=("storm/deaths",),
        edits=(
            Edit(
                target="alys.actors.lifecycle:Lifecycle.unwatch",
                old="self.mailbox.discard(called_off, self.origin)",
                new="()",
            ),
            Edit(
                target="alys.actors.services:Services.is_wanted",
                old="if self.more.watching.pop(envelope.sender, self) is not self:",
                new="self.more.watching.pop(envelope.sender, self)\n        if True:",
            ),
        ),
    ),
    Mutant(
        name="back-off-is-not-applied",
        story=(
            "A child that fails is restarted at once, over and over, instead of with "
            "growing pauses: a service that is down is hammered until the supervisor gives "
            "up."
        ),
        source=(
            "akka/akka-core issue 27590 (2019-08-29) and pull request 27719: the counter "
            "of a back-off was used before it was counted up"
        ),
        area="runtime",
        oracles=("storm/backoff", "supervision"),
        edits=(
            Edit(
                target="alys.actors.family:Family.backoff_delay",
                old="return delay",
                new="return 0.0 * delay",
            ),
        ),
    ),
    Mutant(
        name="back-off-does-not-grow",
        story="Each pause is as long as the first.",
        source=(
            "akka/akka-core pull request 27719 (2019-09-16): the restart count that was "
            "sent along was the old one"
        ),
        area="runtime",
        oracles=("storm/backoff", "supervision"),
        edits=(
            Edit(
                target="alys.actors.family:Family.backoff_delay",
                old="(attempt + 1, now + delay)",
                new="(attempt, now + delay)",
            ),
        ),
    ),
    Mutant(
        name="mail-is-lost-during-back-off",
        story="What arrives while an actor waits to be restarted is thrown away.",
        source="akka/akka-core issue 31814 (2023-01-11): messages were lost during a back-off",
        area="runtime",
        oracles=("storm/backoff",),
        edits=(
            Edit(
                target="alys.actors.cell:Cell._is_open_for",
                old="if more.held >= self.spec.restart_messages_max:",
                new="if more.held >= 0:",
            ),
        ),
    ),
    Mutant(
        name="resume-starts-anew",
        story="A failure that the instance was to survive costs it its state.",
        source=(
            "akka/akka-core: Resume and Restart directives, told apart by "
            "SupervisorHierarchySpec's stress test"
        ),
        area="runtime",
        oracles=("storm/directive", "supervision"),
        edits=(
            Edit(
                target="alys.actors.supervision:decide",
                old="if directive is not Directive.RESTART:",
                new="if directive is Directive.STOP or directive is Directive.ESCALATE:",
            ),
        ),
    ),
    Mutant(
        name="temporary-child-comes-back",
        story="A child that was to be started once is started again after a failure.",
        source=(
            "Erlang/OTP supervisor_SUITE temporary_abnormal; AtomVM pull request 1958 "
            "(2025-11-15) corrected its like"
        ),
        area="runtime",
        oracles=("storm/directive", "supervision", "storm/intensity"),
        edits=(
            Edit(
                target="alys.actors.supervision:decide",
                old="spec.restart is Restart.TEMPORARY or (",
                new="(",
            ),
        ),
    ),
)
