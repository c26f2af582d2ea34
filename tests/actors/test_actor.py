"""Handlers are found by annotation, and a wrong class is told before anything runs."""

from typing import Any

import pytest
from typing_extensions import override

from alys.actors.actor import Actor, handlers_of
from alys.actors.context import Context
from alys.actors.errors import ActorDefinitionError
from alys.actors.message import Message, Request
from alys.actors.supervision import Restart
from tests.actors.stage import Boom, Puppet, Stage, everywhere


class Red(Message, frozen=True, kw_only=True):
    """A message."""


class Ask(Request[str], frozen=True, kw_only=True):
    """A question."""


class Blue(Message, frozen=True, kw_only=True):
    """Another."""


def test_a_handler_is_found_by_the_type_of_its_first_parameter() -> None:
    class Painter(Actor):
        def on_colour(self, message: Red, ctx: Context) -> None: ...

    assert list(handlers_of(Painter)) == [Red]


def test_one_handler_may_take_several_types() -> None:
    class Painter(Actor):
        def on_colour(self, message: Red | Blue, ctx: Context) -> None: ...

    table = handlers_of(Painter)
    assert table[Red] is table[Blue] is Painter.on_colour


def test_a_subclass_inherits_handlers_and_replaces_them_by_name() -> None:
    class Painter(Actor):
        def on_red(self, message: Red, ctx: Context) -> None: ...
        def on_blue(self, message: Blue, ctx: Context) -> None: ...

    class Careful(Painter):
        @override
        def on_red(self, message: Red, ctx: Context) -> None: ...

    table = handlers_of(Careful)
    assert table == {Red: Careful.on_red, Blue: Painter.on_blue}
    assert handlers_of(Painter)[Red] is Painter.on_red


def test_two_handlers_for_one_type_are_an_error_that_names_both() -> None:
    class Twice(Actor):
        def on_first(self, message: Red, ctx: Context) -> None: ...
        def on_second(self, message: Red, ctx: Context) -> None: ...

    with pytest.raises(ActorDefinitionError, match="Twice: on_second and on_first both handle Red"):
        handlers_of(Twice)


def test_a_handler_without_a_message_type_is_an_error_that_names_it() -> None:
    class Bare(Actor):
        def on_red(self, message: Any, ctx: Context) -> None: ...

    class Wrong(Actor):
        def on_red(self, message: int, ctx: Context) -> None: ...

    for actor in (Bare, Wrong):
        with pytest.raises(ActorDefinitionError, match=rf"{actor.__name__}\.on_red"):
            handlers_of(actor)


class Sink(Puppet):
    """Takes everything."""

    def on_anything(self, message: Message, ctx: Context) -> str:
        self.note(f"any {type(message).__name__}")
        return "taken"


@everywhere
def test_a_handler_for_message_itself_takes_what_no_other_takes(run: Any) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn(factory=lambda: Sink(stage))
        stage.tell(a, Red())
        stage.say(a, "own handler")
        assert await stage.system.ask(a, Ask()) == "taken"
        assert stage.notes("a") == ["start", "any Red", "own handler", "any Ask"]
        assert stage.log.dead == []

    run(scenario)


@everywhere
def test_a_key_error_in_a_handler_for_message_is_a_failure_and_no_unknown_message(run: Any) -> None:
    class Careless(Puppet):
        def on_anything(self, message: Message, ctx: Context) -> None:
            raise KeyError(message)

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(factory=lambda: Careless(stage))
        stage.tell(a, Red())
        await stage.do(a, lambda puppet, ctx: None)
        assert stage.log.dead == [("a", "Red", "failed")]
        assert stage.log.restarts == [("a", 1)]

    run(scenario)


@everywhere
def test_by_default_a_new_instance_runs_the_start_hook_again(run: Any) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        stage.crash(a)
        await stage.do(a, lambda puppet, ctx: None)
        assert stage.notes("a") == ["start", "pre_restart", "start"]

    run(scenario)


@everywhere
def test_the_hook_after_a_restart_learns_the_cause(run: Any) -> None:
    class Curious(Puppet):
        @override
        def post_restart(self, error: BaseException, ctx: Context) -> None:
            self.name = "curious"
            self.note(f"reborn after {type(error).__name__}")

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(factory=lambda: Curious(stage))
        stage.crash(a)
        await stage.do(a, lambda puppet, ctx: None)
        assert ("curious", f"reborn after {Boom.__name__}") in stage.journal

    run(scenario)


@everywhere
def test_an_actor_whose_class_is_wrong_fails_when_it_starts(run: Any) -> None:
    class Bare(Actor):
        def on_red(self, message: int, ctx: Context) -> None: ...

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(factory=Bare, restart=Restart.TEMPORARY)
        while a.cell.status.value != "stopped":
            await stage.system.sleep(1.0)
        [(_, error)] = stage.log.failures
        assert isinstance(error, ActorDefinitionError)

    run(scenario)
