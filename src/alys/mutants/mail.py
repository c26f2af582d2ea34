"""Planted bugs of the actor runtime: mailboxes, order, the stash, asks and dead letters."""

from alys.mutants.mutant import Edit, Mutant

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        name="answers-owed-by-a-restarted-actor",
        story=(
            "Who waits for an answer of an instance that is gone is not told; the slot "
            "stays open until its time is over, and with a long time for ever."
        ),
        source=(
            "akkadotnet/akka.net issue 2380 (2016-11-17): the temporary actor of an ask "
            "was never removed"
        ),
        area="runtime",
        oracles=("storm/refusals", "storm/slots", "storm/settled", "leaks"),
        edits=(
            Edit(
                target="alys.actors.leftovers:Leftovers._forget_incarnation",
                old="promise.fail(ActorStopped(self.path))",
                new="continue",
            ),
        ),
    ),
    Mutant(
        name="ask-to-the-dead-hangs",
        story=(
            "An ask that reaches an actor which is gone is dropped without a word, and the "
            "asker waits for all of its time."
        ),
        source=(
            "ray-project/ray issue 6612 (2019-12-26): calls of an actor that had died hung for ever"
        ),
        area="runtime",
        oracles=("storm/refusals", "liveness"),
        edits=(
            Edit(
                target="alys.actors.system:System.refused",
                old="if envelope.reply is not None:",
                new="if envelope.reply is not None and target.cell is None:",
            ),
        ),
    ),
    Mutant(
        name="ask-in-the-mailbox-of-the-dead-hangs",
        story=(
            "Asks that wait in the mailbox of an actor that ends are thrown away, and "
            "their askers are not told."
        ),
        source=(
            "ray-project/ray issue 15045 (2021-03-31): a task of an actor that had crashed hung"
        ),
        area="runtime",
        oracles=("storm/refusals", "liveness"),
        edits=(
            Edit(
                target="alys.actors.leftovers:Leftovers.lose",
                old="reply.fail(ActorStopped(self.path, type(message_of(entry)).__name__))",
                new="pass",
            ),
        ),
    ),
    Mutant(
        name="failed-ask-is-not-answered",
        story=("When a handler raises, the actor is restarted and whoever asked is left waiting."),
        source=(
            "pykka issue 83: what becomes of the caller when an actor fails differs "
            "between tell and ask"
        ),
        area="runtime",
        oracles=("storm/refusals", "liveness"),
        edits=(
            Edit(
                target="alys.actors.lifecycle:Lifecycle.fail",
                old="envelope.reply.fail(AskFailed(self.path, name, error))",
                new="pass",
            ),
        ),
    ),
    Mutant(
        name="ask-never-times-out",
        story=(
            "The deadline of an ask fires and nobody is told; one answer that is lost "
            "holds its asker for ever."
        ),
        source=(
            "ray-project/ray issue 1036 (2017-09-29): tasks stayed pending for ever after "
            "a node was lost"
        ),
        area="runtime",
        oracles=("storm/answers", "storm/timeouts", "liveness", "storm/settled"),
        edits=(
            Edit(
                target="alys.actors.reply:Reply._expire",
                old="self.fail(AskTimeout(self._target_path, self.request, self.seconds or 0.0))",
                new="self.timer = None",
            ),
        ),
    ),
    Mutant(
        name="answer-to-the-wrong-asker",
        story=(
            "An answer that was put off goes to whoever has waited longest, not to whoever "
            "asked for it."
        ),
        source=(
            "modelcontextprotocol/python-sdk issue 3137 (2026-07-19): concurrent requests "
            "got each other's responses"
        ),
        area="runtime",
        oracles=("storm/answers", "clients/calls"),
        edits=(
            Edit(
                target="alys.actors.promise:Promise.complete",
                old="self._cell.answer(self._entry, value)",
                new="self._cell.answer(next(iter(self._cell.more.promises), self)._entry, value)",
            ),
        ),
    ),
    Mutant(
        name="ask-cycle-is-not-seen",
        story="An actor that asks itself waits for its own answer, until the time is over.",
        source=(
            "xorbitsai/xoscar pull request 57: an actor that called itself through its "
            "lock stood still"
        ),
        area="runtime",
        oracles=("storm/circles", "storm/settled"),
        edits=(
            Edit(
                target="alys.actors.activity:ask_cycle",
                old="if cell is asker:",
                new="if cell is asker and len(chain) > 99:",
            ),
        ),
    ),
    Mutant(
        name="full-mailbox-drops-silently",
        story=(
            "A message that finds a mailbox full is dropped, and its sender believes that "
            "it is on its way."
        ),
        source=(
            "pathosDev/actor-ts issue 773: messages that a bounded mailbox discarded were "
            "told to nobody"
        ),
        area="runtime",
        oracles=("storm/bound", "conservation"),
        edits=(
            Edit(
                target="alys.actors.cell:Cell._put",
                old="raise MailboxFull(self.path, box.capacity)",
                new="return",
            ),
        ),
    ),
    Mutant(
        name="mailbox-bound-off-by-one",
        story="One message more than its bound stands in a mailbox.",
        source=(
            "akka/akka-core issue 27265 and its kin: bounded mailboxes and what becomes of "
            "the message that is one too many"
        ),
        area="runtime",
        oracles=("storm/bound", "mailbox"),
        edits=(
            Edit(
                target="alys.actors.mailbox:Mailbox.is_full",
                old="return self.count >= self.capacity or bool(self.line)",
                new="return self.count > self.capacity or bool(self.line)",
            ),
        ),
    ),
    Mutant(
        name="reserve-does-not-count",
        story="Messages of high priority are let into a mailbox without any bound.",
        source=(
            "pathosDev/actor-ts issue 647: to choose a priority mailbox silently took its "
            "bound away"
        ),
        area="runtime",
        oracles=("storm/bound", "mailbox"),
        edits=(
            Edit(
                target="alys.actors.mailbox:Mailbox.is_full",
                old="return self.count >= self.capacity + self.reserve",
                new="return False",
            ),
        ),
    ),
    Mutant(
        name="urgent-messages-wait",
        story=(
            "Ordinary messages are handled before urgent ones, as long as there are any: a "
            "flood of them holds up what should stop it."
        ),
        source="kquick/Thespian issue 58: a flood of wake-ups kept an exit request waiting",
        area="runtime",
        oracles=("storm/lanes", "storm/bound", "order"),
        edits=(
            Edit(
                target="alys.actors.cell:Cell._run_on",
                old="if box.queue and not box.urgent:",
                new="if box.queue:",
            ),
        ),
    ),
    Mutant(
        name="stash-comes-back-reversed",
        story="What was put aside comes back last first: a sender's messages change places.",
        source=(
            "akka/akka-core pull request 26011 (2018-11-30): the order of stashed commands "
            "was messed up"
        ),
        area="runtime",
        oracles=("storm/aside", "order"),
        edits=(
            Edit(
                target="alys.actors.mailbox:Mailbox.put_back",
                old="self.queue.extendleft(reversed(entries))",
                new="self.queue.extendleft(entries)",
            ),
        ),
    ),
    Mutant(
        name="stash-comes-back-behind",
        story="What was put aside comes back behind what came later.",
        source=(
            "akka/akka-core issue 25717 (2018-10-02): commands did not come back from the "
            "stash as they should"
        ),
        area="runtime",
        oracles=("storm/aside", "order"),
        edits=(
            Edit(
                target="alys.actors.mailbox:Mailbox.put_back",
                old="self.queue.extendleft(reversed(entries))",
                new="self.queue.extend(entries)",
            ),
        ),
    ),
    Mutant(
        name="stash-lost-by-restart",
        story="A restart throws away what was put aside, and nobody is told.",
        source=(
            "pathosDev/actor-ts issue 518 (2026-07-31) and apache/pekko issue 669 "
            "(2023-09-21): stashed messages were lost by a restart"
        ),
        area="runtime",
        oracles=("storm/aside", "conservation"),
        edits=(
            Edit(
                target="alys.actors.leftovers:Leftovers._replay_stash",
                old="self.box().put_back(stashed, self.origin)",
                new="self.box()",
            ),
        ),
    ),
    Mutant(
        name="operation-leaks-to-the-next-message",
        story=(
            "A message that is about nothing is handled as part of the operation before "
            "it; the trail of a payout leads through strangers."
        ),
        source=(
            "akka/akka-core: the logging context (MDC) of one message seen by the next, "
            "the trap that its documentation of loggers warns of"
        ),
        area="runtime",
        oracles=("storm/about",),
        edits=(
            Edit(
                target="alys.actors.tables:_take_envelope",
                old="if context.about is not about:",
                new="if about is not None:",
            ),
        ),
    ),
    Mutant(
        name="operation-lost-at-a-timer",
        story="What a timer brings has forgotten what it is about.",
        source=(
            "open-telemetry/opentelemetry-java-instrumentation: contexts that are lost "
            "when work is scheduled for later"
        ),
        area="runtime",
        oracles=("storm/about", "storm/senders"),
        edits=(
            Edit(
                target="alys.actors.services:Services.start_timer",
                old="about = context.about",
                new="about = ''",
            ),
        ),
    ),
    Mutant(
        name="suspended-actor-goes-on",
        story="An actor that was suspended handles messages all the same.",
        source=(
            "Pekko's ActorModelSpec (suspend and resume), and Coyote's samples of actors "
            "that run while they are paused"
        ),
        area="runtime",
        oracles=(
            "storm/suspended",
            "storm/bound",
            "storm/lanes",
            "storm/aside",
            "storm/ticks",
            "storm/deaths",
            "storm/late-mail",
        ),
        edits=(
            Edit(
                target="alys.actors.services:Services._set_suspended",
                old="self.able = self.idle = False",
                new="self.idle = False",
            ),
        ),
    ),
    Mutant(
        name="turn-is-not-asked-for-again",
        story=("An actor with several messages handles one and sleeps until another one comes."),
        source=(
            "anthdm/hollywood pull request 181 (2025-01-25) and the lost wake-ups of every "
            "scheduler: messages left in the box with nobody to run them"
        ),
        area="runtime",
        oracles=("storm/settled", "storm/", "liveness", "progress"),
        edits=(
            Edit(
                target="alys.actors.cell:Cell._end_turn",
                old="self.system.dispatcher.schedule(self)",
                new="self.queued = False",
            ),
        ),
    ),
    Mutant(
        name="dead-letters-are-not-told",
        story=(
            "Messages that nobody will handle vanish: no observer, no log and no metric shows them."
        ),
        source=(
            "akka/akka-core pull request 527 (ticket 2203, 2012-06-08): deliveries that "
            "failed were not published to the dead letters"
        ),
        area="runtime",
        oracles=("conservation", "storm/late-mail"),
        edits=(
            Edit(
                target="alys.actors.system:System.dead_letter",
                old="self.observer.dead_letter(envelope, target, reason)",
                new="return",
            ),
        ),
    ),
)
