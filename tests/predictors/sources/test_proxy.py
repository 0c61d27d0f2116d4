"""Where the only way out is a proxy: all but NO_PROXY's hosts go by it, and who may be asked stays so."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ..conftest import free_port
from .conftest import Ended, FileServer, until_it_answers

Fetch = Callable[..., Ended]


@dataclass(frozen=True)
class Proxy:
    """A proxy that knows CONNECT, and what it noted of each connection."""

    url: str
    log: Path

    @property
    def connected(self) -> list[str]:
        """Name the servers that it was asked to connect to."""
        return [
            line.partition("CONNECT ")[2].split(" ")[0]
            for line in self.log.read_text().splitlines()
            if "CONNECT " in line
        ]


@pytest.fixture
def proxy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Proxy]:
    """Run a proxy; a parameter is who may use it, as NAME:PASSWORD."""
    port, log = free_port(), tmp_path / "proxy.log"
    command = [sys.executable, "-m", "proxy", "--hostname", "127.0.0.1", "--port", str(port)]
    who = getattr(request, "param", "")
    command += ["--log-file", str(log), "--num-workers", "1", *(["--basic-auth", who] if who else [])]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp_path)
    try:
        until_it_answers(port)
        yield Proxy(f"http://127.0.0.1:{port}", log)
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def source(web: FileServer, pins: list[dict[str, str]]) -> dict[str, object]:
    return {"uri": f"{web.url}/tiny/", "files": pins}


def server_of(web: FileServer) -> str:
    return web.url.removeprefix("https://")


def test_every_connection_goes_by_the_proxy_and_the_certificate_is_the_servers_own(
    web: FileServer, source: dict[str, object], fetch: Fetch, proxy: Proxy
) -> None:
    code, said = fetch(source, HTTPS_PROXY=proxy.url)
    assert (code, said["reason"]) == (0, "Published"), said
    assert set(proxy.connected) == {server_of(web)}


def test_who_is_named_in_no_proxy_is_asked_directly(
    source: dict[str, object], fetch: Fetch, proxy: Proxy
) -> None:
    code, said = fetch(source, HTTPS_PROXY=proxy.url, NO_PROXY="other.example,localhost")
    assert (code, said["reason"]) == (0, "Published"), said
    assert proxy.connected == []


def test_a_token_goes_through_the_proxy_and_not_to_it(
    web: FileServer, source: dict[str, object], fetch: Fetch, proxy: Proxy, tmp_path: Path
) -> None:
    web.token = "secret-of-the-server"
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "token").write_text(web.token)
    _, said = fetch(source, HTTPS_PROXY=proxy.url, SOURCE_SECRET_DIR=str(tmp_path / "secret"))
    assert said["reason"] == "Published", said
    assert proxy.connected
    assert web.token not in proxy.log.read_text()


@pytest.mark.parametrize(
    "uri", ["https://169.254.169.254/tiny/", "https://10.0.0.1/tiny/", "https://[::1]/tiny/"]
)
def test_an_address_inside_is_refused_before_the_proxy_hears_of_it(
    pins: list[dict[str, str]], fetch: Fetch, proxy: Proxy, uri: str
) -> None:
    code, said = fetch({"uri": uri, "files": pins}, HTTPS_PROXY=proxy.url)
    assert (code, said["reason"]) == (19, "SourceRefused"), said
    assert proxy.connected == []


def test_a_host_that_is_not_on_the_list_is_refused_before_the_proxy_hears_of_it(
    pins: list[dict[str, str]], fetch: Fetch, proxy: Proxy
) -> None:
    elsewhere = {"uri": "https://elsewhere.example/tiny/", "files": pins}
    code, said = fetch(elsewhere, HTTPS_PROXY=proxy.url, SOURCE_HOSTS="models.example")
    assert (code, said["reason"]) == (19, "SourceRefused"), said
    assert proxy.connected == []


@pytest.mark.parametrize("proxy", ["somebody:else"], indirect=True)
def test_a_proxy_that_does_not_let_it_through_is_a_source_that_cannot_be_reached(
    web: FileServer, source: dict[str, object], fetch: Fetch, proxy: Proxy
) -> None:
    code, said = fetch(source, HTTPS_PROXY=proxy.url)
    assert (code, said["reason"]) == (13, "SourceUnreachable"), said
    assert web.asked == []


def test_a_proxy_that_is_away_is_a_source_that_cannot_be_reached(
    web: FileServer, source: dict[str, object], fetch: Fetch
) -> None:
    code, said = fetch(source, HTTPS_PROXY=f"http://127.0.0.1:{free_port()}")
    assert (code, said["reason"]) == (13, "SourceUnreachable"), said
    assert web.asked == []
