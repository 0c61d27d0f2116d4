"""What the operator may do to the cluster: the words that plan.py decides in and cluster/ acts on."""

from dataclasses import dataclass

from veriaidpo_operator.api import Json


@dataclass(frozen=True, slots=True)
class Create:
    """Make an object; one of that name that is there already counts as made."""

    object: Json

    def __str__(self) -> str:
        return f"create {self.object['kind']} {self.object['metadata']['name']}"


@dataclass(frozen=True, slots=True)
class Apply:
    """Make an object so, by server-side apply."""

    object: Json

    def __str__(self) -> str:
        return f"apply {self.object['kind']} {self.object['metadata']['name']}"


@dataclass(frozen=True, slots=True)
class Patch:
    """Change a few fields of the very object that was seen (its UID is a precondition)."""

    kind: str
    name: str
    uid: str
    body: Json

    def __str__(self) -> str:
        return f"patch {self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove the very object that was seen, and in the foreground: it stays until what it owns has gone."""

    kind: str
    name: str
    uid: str

    def __str__(self) -> str:
        return f"delete {self.kind} {self.name}"


Action = Create | Apply | Patch | Delete
