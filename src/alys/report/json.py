"""The record as JSON: ``report.json``, and the one object that ``-o json`` prints."""

import msgspec

from alys.report import record


def render(run: record.RunRecord) -> str:
    """One JSON object over several lines, ending with a newline; keys in the order of the record."""
    return msgspec.json.format(msgspec.json.encode(run), indent=2).decode() + "\n"


def parse(text: str) -> record.RunRecord:
    """The record behind such a text; raises msgspec.ValidationError for anything else."""
    return msgspec.json.decode(text, type=record.RunRecord)
