"""Counters in the Prometheus text format (version 0.0.4). Labels hold known repositories and files only."""

import threading
from collections import Counter

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """What was asked and how many bytes of files went out; safe to use from several threads."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[tuple[str, str], ...]] = Counter()
        self._bytes: Counter[tuple[tuple[str, str], ...]] = Counter()
        self._lock = threading.Lock()

    def request(self, *, repo: str, route: str, method: str, code: int) -> None:
        """Count an answer whose head is about to be sent."""
        labels = (("repo", repo), ("route", route), ("method", method), ("code", str(code)))
        with self._lock:
            self._requests[labels] += 1

    def sent(self, *, repo: str, path: str, count: int) -> None:
        """Count bytes of a file, as they are sent."""
        with self._lock:
            self._bytes[("repo", repo), ("path", path)] += count

    def text(self) -> str:
        """Write all of it down for a scrape."""
        with self._lock:
            lines = [
                *_counter("hub_requests_total", "Answers given.", self._requests),
                *_counter("hub_bytes_sent_total", "Bytes of files sent.", self._bytes),
            ]
        return "\n".join(lines) + "\n"


def _counter(name: str, meaning: str, values: Counter[tuple[tuple[str, str], ...]]) -> list[str]:
    lines = [f"# HELP {name} {meaning}", f"# TYPE {name} counter"]
    for labels, value in sorted(values.items()):
        inner = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
        lines.append(f"{name}{{{inner}}} {value}")
    return lines


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
