"""S3: whoever has the signed file for a cluster without a way out in hand, before it is loaded."""

import random
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest

from ...documents import REPO
from ..conftest import Attack

FLIPS = 60
"""Single bits that are changed, anywhere in the file."""

Forge = Callable[[tarfile.TarFile, Path], None]
"""Adds members to an archive; what it is after lies at the path."""


def file(archive: tarfile.TarFile, name: str) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(b"evil")
    archive.addfile(member, BytesIO(b"evil"))


def link(archive: tarfile.TarFile, name: str, to: str, *, kind: bytes = tarfile.SYMTYPE) -> None:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, to
    archive.addfile(member)


def climbing(archive: tarfile.TarFile, outside: Path) -> None:
    file(archive, f"veriaidpo/{'../' * 12}{outside}")


def absolute(archive: tarfile.TarFile, outside: Path) -> None:
    file(archive, str(outside))


def through_a_folder(archive: tarfile.TarFile, outside: Path) -> None:
    link(archive, "veriaidpo/folder", str(outside.parent))
    file(archive, f"veriaidpo/folder/{outside.name}")


def over_a_link(archive: tarfile.TarFile, outside: Path) -> None:
    link(archive, "veriaidpo/values.yaml", str(outside))
    file(archive, "veriaidpo/values.yaml")


def over_a_hard_link(archive: tarfile.TarFile, outside: Path) -> None:
    link(archive, "veriaidpo/values.yaml", str(outside), kind=tarfile.LNKTYPE)
    file(archive, "veriaidpo/values.yaml")


def links_up(archive: tarfile.TarFile, outside: Path) -> None:
    link(archive, "veriaidpo/up", "../../../../../../../../..")
    file(archive, f"veriaidpo/up{outside}")


def twice(archive: tarfile.TarFile, outside: Path) -> None:
    """A second one of the same name, which is the one that stays."""
    file(archive, "veriaidpo/images/veriaidpo-gateway.tar")


def beside(archive: tarfile.TarFile, outside: Path) -> None:
    file(archive, "veriaidpo/images/evil.tar")


def checksums_of_its_own(archive: tarfile.TarFile, outside: Path) -> None:
    file(archive, "veriaidpo/SHA256SUMS")


def a_pipe(archive: tarfile.TarFile, outside: Path) -> None:
    member = tarfile.TarInfo("veriaidpo/images/evil.tar")
    member.type = tarfile.FIFOTYPE
    archive.addfile(member)


FORGED: tuple[Forge, ...] = (
    climbing, absolute, through_a_folder, over_a_link, over_a_hard_link, links_up, twice, beside,
    checksums_of_its_own, a_pipe,
)  # fmt: skip


def offline(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    known = {"PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": str(Path.home())}
    command = [str(REPO / "hack/offline"), *arguments]
    return subprocess.run(
        command, env=known | environment, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture
def key(tmp_path: Path) -> str:
    private, public = str(tmp_path / "key.pem"), str(tmp_path / "key.pub")
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", private], check=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True)
    return public


@pytest.fixture
def signed(tmp_path: Path, key: str) -> Path:
    images, made = tmp_path / "images", tmp_path / "veriaidpo.tar"
    images.mkdir()
    (images / "veriaidpo-gateway.tar").write_bytes(random.Random(3).randbytes(20_000))
    done = offline("make", str(made), key.replace(".pub", ".pem"), IMAGES=str(images))
    assert done.returncode == 0, done.stderr
    return made


def held(archive: Path) -> dict[str, bytes]:
    """Give the files of the product's folder in an archive; the last of a name is what stays."""
    with tarfile.open(archive) as opened:
        members = [(one.name, opened.extractfile(one)) for one in opened.getmembers() if one.isfile()]
        found = {name: content.read() for name, content in members if content is not None}
    return {name: text for name, text in found.items() if name.startswith("veriaidpo/") and ".." not in name}


def verified(archive: Path, key: str) -> bool:
    return offline("verify", str(archive), key).returncode == 0


def changes(signed: Path, to: Path, outside: Path) -> Iterator[None]:
    """Write one changed file after the other."""
    chance, text = random.Random(11), signed.read_bytes()
    for _ in range(FLIPS):
        changed = bytearray(text)
        changed[chance.randrange(len(text))] ^= 1 << chance.randrange(8)
        to.write_bytes(changed)
        yield
    for forge in FORGED:
        to.write_bytes(text)
        with tarfile.open(to, "a") as archive:
            forge(archive, outside)
        yield


def differs(changed: Path, good: dict[str, bytes]) -> bool:
    """Whether something else would be unpacked of it."""
    try:
        return held(changed) != good
    except (tarfile.TarError, KeyError):
        return False


def test_s3_a_file_that_is_not_the_signers(attack: Attack, signed: Path, key: str, tmp_path: Path) -> None:
    good, changed, outside = held(signed), tmp_path / "changed.tar", tmp_path / "outside" / "victim"
    outside.parent.mkdir()
    outside.write_text("as it was")
    assert verified(signed, key)
    harmless = others = 0
    with attack("S3", "changes to the signed file for a cluster without a way out") as row:
        for _ in changes(signed, changed, outside):
            row.tried += 1
            other, taken = differs(changed, good), verified(changed, key)
            row.got_through += (other and taken) or outside.read_text() != "as it was"
            harmless += taken
            others += other
        row.figure = (
            f"{FLIPS} bits, {len(FORGED)} forged members; {harmless} changed nothing that is unpacked"
        )
        row.control = f"unpacked as they are, {others} of them bring something else"
