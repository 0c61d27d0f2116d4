"""What a person would type, and waiting for what it shows."""

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


def kubectl(*arguments: str, stdin: str | None = None) -> str:
    """Run kubectl and return what it prints; CalledProcessError when it fails."""
    command = ["kubectl", *arguments]
    return subprocess.run(
        command, input=stdin, capture_output=True, text=True, check=True, timeout=120
    ).stdout


def eventually(what: str, check: Callable[[], Any], seconds: float = 60) -> Any:
    """Return what check returns once that is true; fail with a sentence when the time is over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = check()
        if found:
            return found
        time.sleep(0.3)
    raise AssertionError(f"not within {seconds:g} s: {what}")


@dataclass(frozen=True)
class Namespace:
    """One namespace."""

    name: str

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        return kubectl("-n", self.name, *arguments, stdin=stdin)

    def get(self, kind: str, name: str = "", *arguments: str) -> Json:
        """Return an object, or a list of them; {} when it is not there."""
        text = self.kubectl(
            "get", kind, *([name] if name else []), *arguments, "--ignore-not-found", "-o", "json"
        )
        return json.loads(text) if text.strip() else {}

    def items(self, kind: str, *arguments: str) -> list[Json]:
        return list(self.get(kind, "", *arguments).get("items", []))

    def comes_back(self, kind: str, name: str, seconds: float = 60) -> None:
        """Delete an object and wait until there is another of its name.

        kubectl would wait for a name that nothing has, and misses that moment where the operator is quick.
        """
        old = self.get(kind, name)["metadata"]["uid"]
        self.kubectl("delete", kind, name, "--wait=false")

        def is_another() -> bool:
            found = self.get(kind, name)
            return bool(found) and found["metadata"]["uid"] != old

        eventually(f"{kind}/{name} is made again", is_another, seconds)

    def apply(self, body: Json) -> None:
        self.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(body))

    def condition(self, model: str, kind: str = "Ready") -> tuple[str, str]:
        conditions = self.get("model", model).get("status", {}).get("conditions", [])
        return next(((c["status"], c["reason"]) for c in conditions if c["type"] == kind), ("", ""))

    def reaches(self, model: str, reason: str, kind: str = "Ready", seconds: float = 60) -> None:
        """Wait until a condition of a Model has the reason."""
        last = ("", "")

        def check() -> bool:
            nonlocal last
            last = self.condition(model, kind)
            return last[1] == reason

        try:
            eventually(reason, check, seconds)
        except AssertionError:
            raise AssertionError(f"{model}: {kind} is {last} and not {reason} after {seconds:g} s") from None

    def serves(self, model: str, seconds: float = 90) -> Json:
        """Wait until a Model is Ready the way people do; return its status."""
        self.kubectl("wait", "--for=condition=Ready", f"model/{model}", f"--timeout={seconds:g}s")
        status: Json = self.get("model", model)["status"]
        return status


def model(name: str = "principles-vi", **spec: Any) -> Json:
    """Return a Model resource; what is given replaces fields of its spec."""
    body: Json = {
        "modelType": "principles",
        "language": "vi",
        "labels": [{"id": "a", "en": "A", "vi": "Á"}, {"id": "b", "en": "B", "vi": "B"}],
        "source": {"uri": f"hf://owner/{name}"},
    }
    return {
        "apiVersion": "veriaidpo.verisyntra.vn/v1alpha1",
        "kind": "Model",
        "metadata": {"name": name},
        "spec": {**body, **spec},
    }


def at(revision: str, name: str = "principles-vi", **spec: Any) -> Json:
    """Return a Model that wants a revision."""
    return model(name, source={"uri": f"hf://owner/{name}", "revision": revision}, **spec)
