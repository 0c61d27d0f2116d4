"""`veriaidpo-gateway serve` runs the gateway, `token` makes a token to try it, `records` proves records."""

import argparse
import os
import sys
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jose import jwt

from veriaidpo_gateway import __version__, environment, logs, token_settings
from veriaidpo_gateway.environment import InvalidSettingsError
from veriaidpo_gateway.identity import access
from veriaidpo_gateway.identity.keys import ALGORITHM, secrets_from
from veriaidpo_gateway.settings import from_environment


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when all went well, 2 when a setting is wrong, 1 when records are."""
    chosen = _parser().parse_args(arguments)
    try:
        if chosen.command == "token":
            print(_token(chosen))
        elif chosen.command == "records":
            return _records(chosen)
        else:
            _serve()
    except InvalidSettingsError as error:
        print(f"veriaidpo-gateway: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="veriaidpo-gateway",
        description="The only door to the models: tokens, rights, limits, names, cache and routes.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("serve", help="run the gateway (the default); settings come from the environment")
    token = commands.add_parser(
        "token", help="print a token signed with JWT_SECRET_KEY, for trying the API out"
    )
    token.add_argument("--role", required=True, choices=access.ROLES, help="what its owner may do")
    token.add_argument("--tenant", default="demo", help="whose data it is for (%(default)s)")
    token.add_argument("--sub", default="try-out", help="who its owner is (%(default)s)")
    token.add_argument("--hours", type=float, default=24.0, help="hours until it expires (%(default)g)")
    token.add_argument("--kid", default="", help="name of the secret, when JWT_SECRET_KEY holds several")
    _add_records(commands)
    return parser


def _add_records(commands: Any) -> None:
    records = commands.add_parser("records", help="export decision records, and verify them")
    forms = records.add_subparsers(dest="form", metavar="FORM", required=True)
    export = forms.add_parser("export", help="write all records and what proves them, as lines")
    export.add_argument("--tenant", help="leave out what others' records say; the proof still holds")
    export.add_argument("--out", type=Path, help="a file; without it, the standard output")
    verify = forms.add_parser("verify", help="say which records were removed, changed, added, moved or cut")
    verify.add_argument("file", nargs="?", type=Path, help="an export; without it, the database is verified")
    verify.add_argument(
        "--key", type=Path, required=True, help="public keys or certificates (PEM) that heads are signed with"
    )
    verify.add_argument(
        "--jobs", type=int, help="processes that read a database at once; by default one a core, at most four"
    )
    find = forms.add_parser("find", help="print the records that a text is the one of; it takes the hash key")
    find.add_argument("--tenant", required=True, help="whose records are looked through")
    find.add_argument(
        "--text-file",
        type=Path,
        required=True,
        help="the text, as sent or as normalised; -: standard input",
    )


def _records(chosen: argparse.Namespace) -> int:
    from veriaidpo_gateway.records import command  # noqa: PLC0415  making a token needs no database

    own = environment.secret(os.environ, "RECORDS_DATABASE_URL")
    return command.run(chosen, own or environment.secret(os.environ, "DATABASE_URL"))


def _serve() -> None:
    from veriaidpo_gateway.server import serve  # noqa: PLC0415  making a token needs no server

    settings = from_environment()
    logs.set_up(settings.log_level)
    serve(settings)


def _secret(kid: str) -> tuple[str, str]:
    """Find the secret that a token is signed with, and its name: the only one needs not be named."""
    if ALGORITHM not in token_settings.accepted(os.environ):
        raise InvalidSettingsError(
            "JWT_ALGORITHM: no token that is made here is believed; ask your identity provider for one"
            " / token tạo ở đây không được chấp nhận; hãy lấy token từ nhà cung cấp danh tính"
        )
    try:
        file = os.environ.get("JWT_SECRET_KEY_FILE")
        data = Path(file).read_bytes() if file else os.environ.get("JWT_SECRET_KEY", "").encode()
        secrets = secrets_from(data)
    except (OSError, ValueError) as error:
        raise InvalidSettingsError(
            "JWT_SECRET_KEY or JWT_SECRET_KEY_FILE: no usable secret / không có khóa bí mật nào dùng được"
        ) from error
    if not kid and len(secrets) == 1:
        kid = next(iter(secrets))
    if kid not in secrets:
        names = ", ".join(name for name in secrets if name)
        raise InvalidSettingsError(
            f"JWT_SECRET_KEY: name one of its secrets by --kid: {names}"
            f" / hãy nêu tên một khóa bí mật bằng --kid: {names}"
        )
    return kid, secrets[kid]


def _token(chosen: argparse.Namespace) -> str:
    kid, secret = _secret(chosen.kid)
    now = int(time.time())
    claims = {
        "sub": chosen.sub,
        "role": chosen.role,
        "tenant_id": chosen.tenant,
        "iat": now,
        "exp": now + int(chosen.hours * 3600),
        "jti": str(uuid.uuid4()),
    }
    for claim, setting in (("iss", "JWT_ISSUER"), ("aud", "JWT_AUDIENCE")):
        if os.environ.get(setting):
            claims[claim] = os.environ[setting]
    return jwt.encode(claims, secret, ALGORITHM, headers={"kid": kid} if kid else None)


if __name__ == "__main__":
    sys.exit(main())
