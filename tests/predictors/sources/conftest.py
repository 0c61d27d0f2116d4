"""Servers over TLS with a CA of their own, and a fetch that is told by its environment what it may ask."""

import datetime as dt
import hashlib
import ipaddress
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask, Response, abort, redirect, request, send_from_directory
from werkzeug.serving import make_server

from veriaidpo_predictor.fetching import fetch as fetching

from ..conftest import LABELS, free_port

INSIDE = {"SOURCE_HOSTS_INSIDE": "localhost"}


@dataclass(frozen=True)
class Authority:
    """A CA that nobody knows, and what it signed for localhost."""

    ca: Path
    certificate: Path
    key: Path

    @property
    def context(self) -> ssl.SSLContext:
        found = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        found.load_cert_chain(self.certificate, self.key)
        return found


def signed(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: str, by: ec.EllipticCurvePrivateKey, *extensions: Any
) -> bytes:
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=9))
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(by, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder = tmp_path_factory.mktemp("tls")
    root, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    names: list[x509.GeneralName] = [
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.IPv4Address("127.0.0.1")),
    ]
    found = Authority(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    found.ca.write_bytes(
        signed("test CA", root, "test CA", root, x509.BasicConstraints(ca=True, path_length=None))
    )
    found.certificate.write_bytes(
        signed("localhost", key, "test CA", root, x509.SubjectAlternativeName(names))
    )
    found.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return found


@dataclass
class FileServer:
    """A web server with a folder; `asked` is every request's line and Authorization header."""

    folder: Path
    url: str = ""
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    token: str | None = None
    moved: str = ""
    """Where /moved/... redirects to."""
    cut: int = 0
    """After so many bytes the next answer breaks off, once."""


@pytest.fixture
def web(tmp_path: Path, authority: Authority) -> Iterator[FileServer]:
    served = FileServer(tmp_path / "www")
    served.folder.mkdir()
    app = Flask("files")

    @app.get("/moved/<path:path>")
    def moved(path: str) -> Any:
        served.asked.append((request.path, request.headers.get("authorization")))
        return redirect(f"{served.moved}/{path}")

    @app.get("/<path:path>")
    def file(path: str) -> Any:
        served.asked.append((request.path, request.headers.get("authorization")))
        if served.token and request.headers.get("authorization") != f"Bearer {served.token}":
            abort(401)
        answer = send_from_directory(served.folder, path)
        if served.cut and request.method == "GET" and answer.content_length > served.cut:
            served.cut, first = 0, (served.folder / path).read_bytes()[: served.cut]
            answer.close()
            return Response(first, headers={"content-length": str(answer.content_length)})
        return answer

    server = make_server("127.0.0.1", 0, app, threaded=True, ssl_context=authority.context)
    served.url = f"https://localhost:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield served
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def pins(web: FileServer, repository: Callable[..., dict[str, bytes]]) -> list[dict[str, str]]:
    """Lay the tiny model below /tiny, with a list as sha256sum makes it; gives the digests."""
    found = []
    for path, data in repository().items():
        file = web.folder / "tiny" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        found.append({"path": path, "sha256": hashlib.sha256(data).hexdigest()})
    lines = [f"{pin['sha256']}  ./{pin['path']}\n" for pin in found]
    (web.folder / "tiny" / "SHA256SUMS").write_text("".join(lines))
    return found


@dataclass(frozen=True)
class Store:
    """An S3 store that checks signatures; `admin` is a client with the key that is in `secret`."""

    url: str
    admin: Any
    secret: Path


@pytest.fixture(scope="session")
def store(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-p", str(port)]
    process = subprocess.Popen(
        [*command, "-c", str(authority.certificate), "-k", str(authority.key)],
        env=os.environ | {"INITIAL_NO_AUTH_ACTION_COUNT": "3"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield filled(port, authority, tmp_path_factory.mktemp("secret"))
    finally:
        process.terminate()
        process.wait()


def filled(port: int, authority: Authority, secret: Path) -> Store:
    """Make the user whose key the fetch has; the first few calls may be anybody's."""
    import boto3  # type: ignore[import-untyped]  # noqa: PLC0415  as slow as it is large

    url = f"https://localhost:{port}"
    until_it_answers(port)

    def client(service: str, key: str, secret: str) -> Any:
        keys = {"aws_access_key_id": key, "aws_secret_access_key": secret, "region_name": "us-east-1"}
        return boto3.client(service, endpoint_url=url, verify=str(authority.ca), **keys)

    iam = client("iam", "first", "first")
    iam.create_user(UserName="fetch")
    allowed = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName="fetch", PolicyName="all", PolicyDocument=policy)
    key = iam.create_access_key(UserName="fetch")["AccessKey"]
    (secret / "access-key-id").write_text(key["AccessKeyId"])
    (secret / "secret-access-key").write_text(key["SecretAccessKey"])
    return Store(url, client("s3", key["AccessKeyId"], key["SecretAccessKey"]), secret)


def until_it_answers(port: int) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError("the store does not answer")


Ended = tuple[int, dict[str, Any]]


@pytest.fixture
def fetch(
    volume: Path,
    tmp_path: Path,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
    caplog: Any,
    capsys: Any,
) -> Callable[..., Ended]:
    """Run a fetch of a source; nothing that it says may hold a secret."""

    def run(
        source: dict[str, Any], *, attempts: int = 2, spec: dict[str, Any] | None = None, **environment: str
    ) -> Ended:
        said = tmp_path / "said.json"
        asked = tmp_path / "spec.json"
        body = {"name": "tiny-en", "modelType": "tiny", "language": "en", "labels": LABELS, "source": source}
        asked.write_text(json.dumps(body | (spec or {})))
        settings = {
            "SOURCE_CA_FILE": str(authority.ca),
            "TERMINATION_LOG": str(said),
            **INSIDE,
            **environment,
        }
        with monkeypatch.context() as patch:
            for name, value in settings.items():
                patch.setenv(name, value)
            code = fetching.run(str(asked), root=volume, progress_port=None, attempts=attempts)
        everything = caplog.text + capsys.readouterr().out + said.read_text()
        secrets = Path(environment.get("SOURCE_SECRET_DIR", tmp_path / "none")).glob("*")
        assert not [file for file in secrets if file.is_file() and file.read_text() in everything]
        return code, json.loads(said.read_text())

    return run
