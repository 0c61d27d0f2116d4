"""One JSON object a line on stderr, or plain lines for a person at a terminal."""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import TextIO

_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", "taskName"}


class _Json(logging.Formatter):
    """Names the exception and where it was raised, never what it says: that may be private."""

    def format(self, record: logging.LogRecord) -> str:
        body: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        body |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info and record.exc_info[0]:
            frames = traceback.extract_tb(record.exc_info[2])
            body["type"] = record.exc_info[0].__name__
            body["where"] = [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in frames[-6:]]
        return json.dumps(body, ensure_ascii=False, default=str)


class _Plain(_Json):
    def format(self, record: logging.LogRecord) -> str:
        extra = {key: value for key, value in vars(record).items() if key not in _STANDARD}
        tail = " ".join(f"{key}={value}" for key, value in extra.items())
        when = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        return f"{when} {record.levelname.lower():7} {record.getMessage()} {tail}".rstrip()


def configure(stream: TextIO | None = None, *, level: int = logging.INFO) -> None:
    """Send everything to one place. Libraries speak from WARNING on; they would log requests otherwise."""
    out = stream or sys.stderr
    handler = logging.StreamHandler(out)
    handler.setFormatter(_Plain() if out.isatty() else _Json())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("veriaidpo").setLevel(level)
