"""Log lines as JSON, one to a line, without anybody's text, name or token."""

import logging
import sys
import traceback
from datetime import UTC, datetime

import orjson


class JsonLines(logging.Formatter):
    """Fields come in `extra={"fields": {...}}`; of an exception only its kind and place are told."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record as one line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        fields = getattr(record, "fields", None)
        if isinstance(fields, dict):
            line.update(fields)
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = record.exc_info[0].__name__
            line["where"] = [
                f"{frame.filename.rsplit('/', 2)[-1]}:{frame.lineno} {frame.name}"
                for frame in traceback.extract_tb(record.exc_info[2])[-5:]
            ]
        return orjson.dumps(line, default=str).decode()


def set_up(level: str) -> None:
    """Send every logger's lines to stderr; libraries only speak up when something is wrong."""
    # No line tells where it was written or by which thread, so nobody needs to find out.
    logging._srcfile = None  # noqa: SLF001  as logging's own page says
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel("WARNING")
    logging.getLogger("veriaidpo_gateway").setLevel(level)
    logging.getLogger("uvicorn.error").setLevel("WARNING")
