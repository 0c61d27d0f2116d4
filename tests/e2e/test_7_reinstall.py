"""The release goes and comes back: volumes and keys stayed, no byte is fetched, all records are proven."""

from pathlib import Path

from ..documents import commands
from .cluster import DEMO_MODELS, get, hub_bytes, kubectl
from .conftest import Installation, readme_install
from .page import typed
from .proofs import certificates, exported, records_of, verified_inside
from .traffic import Traffic

UNINSTALL = commands("docs/install.md", "Removing it")[0]


def claims() -> dict[str, str]:
    """UIDs of the catalogue's volumes; other tests' may still be on their way out."""
    names = {f"{name}-model" for name in DEMO_MODELS}
    found = {claim["metadata"]["name"]: claim["metadata"]["uid"] for claim in get("pvc")["items"]}
    return {name: uid for name, uid in found.items() if name in names}


def test_uninstall_and_install_adopt_the_volumes(
    installation: Installation, traffic: Traffic, tmp_path: Path
) -> None:
    before = claims()
    assert len(before) == len(DEMO_MODELS)
    keys, recorded = certificates(), {one["row_hash"] for one in records_of(exported())}
    with traffic:
        traffic.more()
        gone = traffic.now()
        typed(tmp_path, *UNINSTALL)
        assert claims() == before, "every volume is kept"
        assert get("models")["items"] == []

        readme_install()
        kubectl("wait", "--for=condition=Ready", "models", "--all", "--timeout=300s", timeout=310)
        traffic.more(20)
        back = traffic.now()
        traffic.more(200)
    assert [a for a in traffic.failed() if not gone <= a.at <= back] == []
    assert claims() == before
    # Whoever had a token still has one, and what was recorded before is as proven as what came since.
    assert certificates() == keys
    assert recorded < {one["row_hash"] for one in records_of(exported())}
    verdict = verified_inside(keys)
    assert verdict.code == 0, verdict.said
    assert sum(hub_bytes(f"veriaidpo-demo/{name}") for name in DEMO_MODELS) == 0
