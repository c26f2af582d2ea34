"""The queue in the annotation, and who in it is taken to be alive."""

import pytest

from alys.kube import client, waiting

A = waiting.Waiter(ticket=1, who="a", since="2026-01-01T00:00:00.000000Z")
B = waiting.Waiter(ticket=2, who="b", since="2026-01-01T00:00:01.000000Z")


def lease(*queue: waiting.Waiter, renewed: str = "x") -> client.Document:
    document: client.Document = {"metadata": {}, "spec": {"renewTime": renewed}}
    waiting.write(document, waiting.Line(next=9, queue=queue))
    return document


def beaten(waiter: waiting.Waiter, beat: int) -> waiting.Waiter:
    return waiting.Waiter(ticket=waiter.ticket, who=waiter.who, since=waiter.since, beat=beat)


def test_what_is_written_is_read_and_other_annotations_stay() -> None:
    document: client.Document = {"metadata": {"annotations": {"mine": "1"}}}
    line = waiting.Line(next=3, queue=(A, B))
    waiting.write(document, line)
    assert waiting.read(document) == line
    assert document["metadata"]["annotations"]["mine"] == "1"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"next": "x"}', '{"queue": [{}]}'])
def test_a_spoilt_annotation_is_an_empty_queue(text: str) -> None:
    document = {"metadata": {"annotations": {waiting.ANNOTATION: text}}}
    assert waiting.read(document) == waiting.Line()


def test_a_ticket_of_an_earlier_lease_is_not_ours() -> None:
    assert A.same(beaten(A, 7))
    assert not A.same(None)
    assert not A.same(waiting.Waiter(ticket=1, who="a", since="later"))


def test_a_waiter_is_gone_when_its_beat_stood_still_by_our_clock() -> None:
    watch = waiting.Watch()
    watch.note(lease(A, B), 100.0)
    assert watch.living(waiting.Line(queue=(A, B)), 119.0) == [A, B]
    moved = beaten(B, 1)
    watch.note(lease(A, moved), 119.0)
    assert watch.living(waiting.Line(queue=(A, moved)), 120.0) == [moved]


def test_a_holder_is_silent_since_its_record_last_changed() -> None:
    watch = waiting.Watch()
    assert watch.unchanged_s("holder", 5.0) == 0.0
    watch.note(lease(A), 10.0)
    watch.note(lease(A, B), 20.0)  # others join: that is no sign of the holder
    assert watch.unchanged_s("holder", 25.0) == 15.0
    watch.note(lease(A, B, renewed="y"), 25.0)
    assert watch.unchanged_s("holder", 25.0) == 0.0
