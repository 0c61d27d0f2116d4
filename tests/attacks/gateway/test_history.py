"""S5: whoever reads the sources, and all that ever was in them, for keys that work."""

import re
import secrets
import string
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from ...documents import REPO
from ..conftest import Attack

LETTERS = string.ascii_letters + string.digits
_MIXED = rb"(?=[^\"'@\s]*[0-9])(?=[^\"'@\s]*[a-z])(?=[^\"'@\s]*[A-Z])"
KINDS: Mapping[str, bytes] = {
    "a private key": rb"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----(?:\s|\\n|\")*[A-Za-z0-9+/]{40}",
    "a key of AWS": rb"(?:AKIA|ASIA)[0-9A-Z]{16}",
    "a token of the hub": rb"hf_[A-Za-z0-9]{30,}",
    "a token of GitHub": rb"gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60}",
    "a token of GitLab": rb"glpat-[A-Za-z0-9_-]{20}",
    "a token of Slack": rb"xox[abeprs]-[A-Za-z0-9-]{20}",
    "a key of Google": rb"AIza[0-9A-Za-z_-]{35}",
    "a token of a registry": rb"npm_[A-Za-z0-9]{36}|pypi-AgE[A-Za-z0-9_-]{50}|dckr_pat_[A-Za-z0-9_-]{20}",
    "a signed token": rb"eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20}",
    "an address with its password": rb"://[A-Za-z0-9._-]+:" + _MIXED + rb"[A-Za-z0-9+/_=-]{12,}@",
    "a value that no word is": rb"[=:]\s*[\"']" + _MIXED + rb"[A-Za-z0-9]{32,}[\"']",
}
"""What a key that works looks like. A word in place of one (`user:password@`) is no key."""

_LONGEST = 1_000_000
"""Bytes of a file that is read; weights and packed charts are longer, or are no text."""


def at_random(many: int) -> str:
    """Make letters and digits of which each kind is there."""
    return "".join(secrets.choice(LETTERS) for _ in range(many - 3)) + "aZ7"


def planted() -> dict[str, str]:
    """Make one of each kind, which nobody has ever seen; written so that this file has none."""
    word = at_random
    return {
        "a private key": "-----BEGIN EC " + f"PRIVATE KEY-----\n{word(64)}\n",
        "a key of AWS": "AK" + "IA" + word(16).upper(),
        "a token of the hub": "h" + f"f_{word(34)}",
        "a token of GitHub": "gh" + f"p_{word(36)}",
        "a token of GitLab": "glp" + f"at-{word(20)}",
        "a token of Slack": "xo" + f"xb-{word(24)}",
        "a key of Google": "AI" + f"za{word(35)}",
        "a token of a registry": "np" + f"m_{word(36)}",
        "a signed token": "ey" + f"J{word(20)}.ey" + f"J{word(40)}.{word(43)}",
        "an address with its password": f"postgresql://veriaidpo:{word(24)}@db.example:5432/companies",
        "a value that no word is": f'API_KEY = "{word(40)}"',
    }


def found_in(text: bytes) -> set[str]:
    """Name the kinds of keys that are in it."""
    return {kind for kind, pattern in KINDS.items() if re.search(pattern, text)}


def git(place: Path, *arguments: str, given: bytes = b"") -> bytes:
    known = ["-c", "user.name=a", "-c", "user.email=a@localhost", "-c", "commit.gpgSign=false"]
    done = subprocess.run(
        ["git", *known, *arguments], cwd=place, input=given, capture_output=True, check=True, timeout=120
    )
    return done.stdout


def ever_in(place: Path) -> Iterator[bytes]:
    """Give each text that a commit up to here had, and what each commit says."""
    names = b"\n".join(line.split()[0] for line in git(place, "rev-list", "--objects", "HEAD").splitlines())
    all_of_it, begin = git(place, "cat-file", "--batch", given=names), 0
    while begin < len(all_of_it):
        text_begins = all_of_it.index(b"\n", begin) + 1
        _, kind, size = all_of_it[begin:text_begins].split()
        text = all_of_it[text_begins : text_begins + int(size)]
        begin = text_begins + int(size) + 1
        if kind in {b"blob", b"commit", b"tag"} and len(text) < _LONGEST and b"\0" not in text[:8000]:
            yield text


def now_in(place: Path) -> Iterator[bytes]:
    """Give each file that is there, or would be with the next commit."""
    for name in git(place, "ls-files", "-co", "--exclude-standard", "-z").split(b"\0"):
        path = place / name.decode()
        if name and path.is_file() and path.stat().st_size < _LONGEST:
            yield path.read_bytes()


def kinds_of(texts: Iterator[bytes]) -> tuple[set[str], int]:
    """Name the kinds that are in any of them, and count the texts."""
    found = [found_in(text) for text in texts]
    return set().union(*found), len(found)


def test_s5_keys_in_the_sources_and_in_their_history(attack: Attack, tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    words = planted()
    for number, word in enumerate(words.values()):
        (tmp_path / f"{number}.py").write_text(f"# was here\n{word}\n")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "keys")
    for number in range(len(words)):
        (tmp_path / f"{number}.py").write_text("# was here\n")
    git(tmp_path, "commit", "--quiet", "--all", "--message", "without keys")
    with attack("S5", "a key that works, in the sources or in what they ever were") as row:
        control, _ = kinds_of(ever_in(tmp_path))
        assert control == words.keys(), "each that was planted and taken away again is seen"
        assert kinds_of(now_in(tmp_path))[0] == set()
        there, files = kinds_of(now_in(REPO))
        ever, texts = kinds_of(ever_in(REPO))
        row.tried = files + texts
        row.got_through = len(there | ever)
        row.figure = f"{files} files, {texts} texts and messages of the history, {len(KINDS)} kinds of keys"
        row.control = (
            f"planted and taken away again, {len(control)} of {len(words)} are seen in the history, "
            "none of them in the files"
        )
