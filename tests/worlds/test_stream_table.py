"""What an operator sets reaches the streams, and what nobody set is the protocol's."""

from alys.config.settings import StreamSettings
from alys.node.stream_figures import FIGURES
from alys.worlds.stream_table import figures


def test_the_defaults_of_the_settings_are_the_table() -> None:
    assert figures(StreamSettings()) == FIGURES


def test_an_answer_is_waited_for_by_the_walls_clock() -> None:
    told = figures(StreamSettings(), time_scale=10.0)
    assert told.request_seconds == 10 * FIGURES.request_seconds
    assert told.heartbeat_seconds == FIGURES.heartbeat_seconds


def test_every_setting_changes_its_figure() -> None:
    names = StreamSettings.__struct_fields__
    changed = {name: 7 for name in names if name != "buffer_policy"}
    told = figures(StreamSettings(**changed, buffer_policy="reject_new"))
    differs = [
        name for name in FIGURES.__struct_fields__ if getattr(told, name) != getattr(FIGURES, name)
    ]
    assert len(differs) == len(names)
