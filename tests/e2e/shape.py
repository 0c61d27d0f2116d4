"""One of the supported shapes (ci/*-values.yaml), installed for real, less what the test cluster lacks."""

from pathlib import Path
from typing import Any

import yaml

from .cluster import CATALOGUE, CHART, HOST, eventually, helm, ingress, run
from .page import typed

LEFT_OFF = Path(__file__).parent / "shapes"
GATEWAY = "deployment/veriaidpo-gateway"


class Shape:
    """One of ci/*-values.yaml in a namespace of its own."""

    def __init__(self, name: str) -> None:
        self.namespace = f"e2e-{name}"
        self.files = (CHART / f"ci/{name}-values.yaml", LEFT_OFF / f"{name}.yaml")
        self.values = [yaml.safe_load(path.read_text()) or {} for path in self.files]

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl in its namespace."""
        return run("kubectl", "--namespace", self.namespace, *arguments, stdin=stdin, timeout=430)

    def helm(self, command: str, *more: str) -> str:
        """Install or upgrade it with its values."""
        files = (flag for path in self.files for flag in ("--values", str(path)))
        chart = (command, "veriaidpo", str(CHART), *files, *more)
        return helm(*chart, namespace=self.namespace, timeout=360)

    def typed(self, folder: Path, *lines: str, more: str = "") -> str:
        """Type commands of docs/install.md; one that installs leaves off what the test cluster lacks."""
        left_off = f" --values {self.files[-1]} {more}"
        return typed(
            folder,
            *(line + left_off if line.startswith("helm install ") else line for line in lines),
            namespace=self.namespace,
        )

    def given(self, *path: str) -> Any:
        """Return a value that it is installed with; KeyError where it leaves the default."""
        for values in reversed(self.values):
            found: Any = values
            for key in path:
                found = found.get(key, {}) if isinstance(found, dict) else {}
            if found != {}:
                return found
        raise KeyError(path)

    def secret(self, name: str, **data: str) -> None:
        """Make a Secret that its values name."""
        literals = (f"--from-literal={key.replace('_', '-')}={value}" for key, value in data.items())
        self.kubectl("create", "secret", "generic", name, *literals)

    def answers(self, token: str, host: str = HOST, authority: Path | None = None) -> None:
        """Wait for its Models, run `helm test`, and ask for a golden sentence through the ingress.

        By TLS where the authority of its certificate is given.
        """
        self.kubectl("wait", "--for=condition=Ready", "models", "--all", "--timeout=420s")
        self.kubectl("rollout", "status", GATEWAY, "--timeout=120s")
        helm("test", "veriaidpo", namespace=self.namespace)
        golden = CATALOGUE["legal-basis-vi"]["goldenSentences"][0]
        body = {"text": golden["text"], "model_type": "legal_basis", "language": "vi"}
        headers = {"Authorization": f"Bearer {token}"}
        path = "/api/v1/veriaidpo/classify"

        def answered() -> bool:
            answer = ingress(path, json=body, headers=headers, host=host, authority=authority)
            assert answer.status_code == 200, answer.text
            labels = [label["id"] for label in CATALOGUE["legal-basis-vi"]["labels"]]
            assert labels[answer.json()["category_id"]] == golden["label"]
            return True

        eventually(answered, "the ingress leads there", 30)

    def token(self) -> str:
        """Return a token that its gateway signs, once there is one."""
        self.kubectl("rollout", "status", GATEWAY, "--timeout=120s")
        gateway = ("exec", GATEWAY, "--", "veriaidpo-gateway", "token", "--role", "staff")
        return self.kubectl(*gateway).strip()
