"""Whoever subscribes to a type of event is told what of it is published, until it is gone or says otherwise."""

from typing import Any

from alys.actors.events import DeadLetter
from alys.actors.message import Message
from alys.actors.ref import Ref
from tests.actors.stage import Puppet, Run, Say, Shout, Stage, everywhere, in_simulation


class News(Message, frozen=True, kw_only=True):
    """Something happened."""

    what: str


class Weather(News, frozen=True, kw_only=True):
    """Something happened above."""


class Reader(Puppet):
    """Notes the news and the dead letters."""

    def on_news(self, message: News | Weather, ctx: Any) -> None:
        """Note it."""
        self.note(f"{type(message).__name__}: {message.what}")

    def on_dead_letter(self, message: DeadLetter, ctx: Any) -> None:
        """Note it."""
        letter = message.message
        text = letter.text if isinstance(letter, Say) else type(letter).__name__
        self.note(
            f"{text} from {message.sender.name} to {message.recipient.name}: {message.reason}"
        )


def reader(stage: Stage, name: str, *kinds: type[Message], **more: Any) -> Ref:
    ref = stage.spawn(name, lambda: Reader(stage), **more)
    for kind in kinds:
        stage.system.events.subscribe(ref, kind)
    return ref


async def heard(stage: Stage, ref: Ref) -> list[str]:
    await stage.do(ref, lambda p, ctx: None)
    return stage.notes(ref.name)[1:]


@everywhere
def test_a_subscriber_hears_of_its_type_and_of_subtypes_and_of_nothing_else(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        all_news = reader(stage, "a", News)
        weather = reader(stage, "b", Weather)
        for event in (News(what="war"), Weather(what="rain"), Say(text="nothing")):
            stage.system.events.publish(event)
        assert await heard(stage, all_news) == ["News: war", "Weather: rain"]
        assert await heard(stage, weather) == ["Weather: rain"]

    run(scenario)


@everywhere
def test_who_subscribes_twice_or_to_two_types_hears_once(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = reader(stage, "a", News, News, Weather)
        stage.system.events.publish(Weather(what="rain"))
        assert await heard(stage, a) == ["Weather: rain"]

    run(scenario)


@everywhere
def test_who_unsubscribes_from_one_type_or_from_all_hears_no_more_of_it(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        events = stage.system.events
        a, b = reader(stage, "a", News, Say), reader(stage, "b", News, Say)
        events.unsubscribe(a, News)
        events.unsubscribe(b)
        events.unsubscribe(b, Weather)
        events.publish(News(what="war"))
        events.publish(Say(text="peace"))
        assert (await heard(stage, a), await heard(stage, b)) == (["peace"], [])
        assert (events.wants(News), events.wants(Shout)) == (False, True)

    run(scenario)


@everywhere
def test_nobody_wants_what_nobody_subscribed_to(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        events = stage.system.events
        assert not events.subscribed
        reader(stage, "a", News)
        assert (events.subscribed, events.wants(Weather), events.wants(Say)) == (True, True, False)

    run(scenario)


@in_simulation
def test_the_dead_are_forgotten_when_something_is_published(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = reader(stage, "a", News)
        stage.system.events.subscribe(Ref("/nobody", 0), News)
        await stage.system.stop(a)
        stage.system.events.publish(News(what="war"))
        assert not stage.system.events.subscribed
        assert stage.log.dead == []

    run(scenario)


@in_simulation
def test_a_subscriber_without_room_misses_an_event_and_the_others_do_not(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        full = reader(stage, "full", News, mailbox_messages_max=1)
        other = reader(stage, "other", News)
        await stage.settle()
        stage.say(full, "fills it")
        stage.system.events.publish(News(what="war"))
        await stage.settle()
        assert await heard(stage, full) == ["fills it"]
        assert await heard(stage, other) == ["News: war"]
        assert stage.log.dead == [("full", "News", "mailbox full")]

    run(scenario)


@everywhere
def test_a_dead_letter_is_an_event_but_not_one_about_another(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a, gone = reader(stage, "a", DeadLetter), stage.spawn("gone")
        deaf = stage.spawn("deaf")
        stage.system.events.subscribe(deaf, DeadLetter)  # it has no handler: another dead letter
        await stage.system.stop(gone)
        stage.say(gone, "hello?")
        assert await heard(stage, a) == ["hello? from alys to gone: stopped"]
        await stage.do(deaf, lambda p, ctx: None)
        assert ("deaf", "DeadLetter", "unhandled") in stage.log.dead

    run(scenario)
