"""The durable store behind its port."""

import asyncio
from pathlib import Path
from typing import Any

from alys.actors.loop import wait
from alys.actors.message import Request
from alys.actors.ref import Ref
from alys.actors.system import System
from alys.base.errors import EnvironmentFailure
from alys.node.ports import StoreGet, StoreScan, StoreWrite
from alys.shells.store_gateway import StoreGateway
from tests.shells.systems import with_actor


def asked(path: Path, *requests: Request[Any]) -> list[Any]:
    """The answers of a gateway that is opened for these requests and closed after them."""

    async def run(system: System, ref: Ref) -> list[Any]:
        return [await wait(system.ask(ref, request)) for request in requests]

    answers: list[Any] = asyncio.run(with_actor(lambda: StoreGateway(path), run))
    return answers


def test_what_was_written_is_there_after_the_store_was_closed(tmp_path: Path) -> None:
    path = tmp_path / "not yet" / "store"
    asked(path, StoreWrite(puts=((b"a", b"1"), (b"b", b"2"))))
    assert asked(path, StoreGet(key=b"a"), StoreGet(key=b"c")) == [b"1", None]


def test_a_batch_replaces_and_deletes_together(tmp_path: Path) -> None:
    asked(tmp_path, StoreWrite(puts=((b"a", b"1"), (b"b", b"2"))))
    asked(tmp_path, StoreWrite(puts=((b"a", b"3"),), deletes=(b"b", b"never there")))
    assert asked(tmp_path, StoreScan(prefix=b"")) == [((b"a", b"3"),)]


def test_a_scan_gives_its_prefix_alone_in_the_order_of_the_keys(tmp_path: Path) -> None:
    keys = (b"height/2", b"block/1", b"height/10", b"heights", b"height/1")
    asked(tmp_path, StoreWrite(puts=tuple((key, b"") for key in keys)))
    (found,) = asked(tmp_path, StoreScan(prefix=b"height/"))
    assert [key for key, _ in found] == [b"height/1", b"height/10", b"height/2"]


def test_a_folder_that_cannot_be_made_is_named_with_the_fix(tmp_path: Path) -> None:
    file = tmp_path / "a file"
    file.write_text("in the way")
    failures: list[BaseException] = []

    async def run(system: System, ref: Ref) -> None:
        failed = asyncio.Event()

        def note(actor: Ref, error: BaseException, envelope: object) -> None:
            failures.append(error)
            failed.set()

        system.observer.failed = note  # type: ignore[method-assign]
        await asyncio.wait_for(failed.wait(), 10)

    asyncio.run(with_actor(lambda: StoreGateway(file / "store"), run))
    assert isinstance(failures[0], EnvironmentFailure)
    assert str(file) in str(failures[0])
    assert "can be written" in str(failures[0])
