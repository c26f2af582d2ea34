"""Sets logging up as the settings ask: levels by target, and one record on one line, as text or as a JSON object.

A JSON line has ``timestamp`` (UTC), ``level``, ``target``, ``message``, and ``fields`` where there are some: whatever the caller
passed as ``extra``. The standard library carries this; a logging library of its own would add a second way to log and
nothing that a reader of the lines could see.
"""

import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import msgspec
from typing_extensions import override

from alys.config import forms, loglevels
from alys.config.settings import LogFormat, TestEnvironment

TRACE = loglevels.LEVELS["trace"]

_NAMES = {40: "error", 30: "warn", 20: "info", 10: "debug", TRACE: "trace"}
_USUAL = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}


class TextLines(logging.Formatter):
    """``2026-01-31T09:00:00.000Z INFO  alys.node.chain: words key=value``; what an exception says follows indented."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        fields = "".join(f" {name}={value}" for name, value in _fields(record).items())
        line = f"{_timestamp(record)} {_level(record).upper():5} {record.name}: {record.getMessage()}{fields}"
        said = "\n".join([line, *filter(None, [_exception(self, record)])])
        return forms.without_password(said.replace("\n", "\n    "))


class JsonLines(logging.Formatter):
    """One JSON object per record, always on one line."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, object] = {
            "timestamp": _timestamp(record),
            "level": _level(record),
            "target": record.name,
            "message": record.getMessage(),
        }
        fields = _fields(record)
        if exception := _exception(self, record):
            fields["exception"] = exception
        if fields:
            told["fields"] = {name: _plain(value) for name, value in fields.items()}
        text = msgspec.json.encode(_plain(told), enc_hook=str).decode()
        return forms.without_password(text)


class Stderr(logging.Handler):
    """Writes to whatever standard error is at that moment; a reader that has gone away changes nothing."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception as error:
            line = f"{record.name}: a log record cannot be shown: {error!r}"
        try:
            self._stream().write(line + "\n")
            self._stream().flush()
        except (OSError, ValueError):
            return

    def _stream(self) -> TextIO:
        return sys.stderr


class Collected(logging.FileHandler):
    """The same records into a file, beside the results of the run that they tell of."""

    def __init__(self, path: Path, form: LogFormat) -> None:
        super().__init__(path, encoding="utf-8", errors="backslashreplace")
        self.setFormatter(FORMATS[form]())

    @override
    def handleError(self, record: logging.LogRecord) -> None:
        """A full disk is told by the results that cannot be written, not by every record."""

    def __enter__(self) -> "Collected":
        logging.getLogger().addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger().removeHandler(self)
        self.close()


FORMATS: dict[str, Callable[[], logging.Formatter]] = {"text": TextLines, "json": JsonLines}


def set_up(told: TestEnvironment) -> None:
    """From here on records go to standard error. May be called again: the last call counts."""
    logging.addLevelName(TRACE, "TRACE")
    root = logging.getLogger()
    for handler in [one for one in root.handlers if isinstance(one, Stderr)]:
        root.removeHandler(handler)
    for name in _SET:
        logging.getLogger(name).setLevel(logging.NOTSET)
    handler = Stderr()
    handler.setFormatter(FORMATS[told.log_format]())
    root.addHandler(handler)
    levels = loglevels.parse(told.log_level, "log level")
    levels = {name: max(levels.get("", logging.INFO), logging.INFO) for name in LIBRARIES} | levels
    for name, level in levels.items():
        logging.getLogger(name or None).setLevel(level)
    _SET[:] = [name for name in levels if name]


LIBRARIES = ("aiohttp", "asyncio", "grpc", "kubernetes", "urllib3")
"""Other people's targets: what they say below ``info`` is about themselves, and some of it shows what an answer held, a
Secret's values too. Who wants to hear it names the target in a directive."""

_SET: list[str] = []  # targets whose level an earlier call set


def _timestamp(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _level(record: logging.LogRecord) -> str:
    """The name of the level; of one in between, that of the next lower."""
    return next((name for number, name in _NAMES.items() if record.levelno >= number), "trace")


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _USUAL}


def _exception(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    if record.exc_info and record.exc_info[0] is not None:
        return formatter.formatException(record.exc_info)
    return record.exc_text or ""


def _plain(value: Any) -> Any:
    """A value that JSON has: texts without lone surrogates, keys as texts, strange things by their own words."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_plain(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return value.hex() if isinstance(value, bytes) else _plain(str(value))
