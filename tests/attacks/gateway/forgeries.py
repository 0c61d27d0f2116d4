"""T: tokens that are forged, stretched, stale or somebody else's, by the id of the attack."""

import hashlib
import json
import time
from collections.abc import Mapping
from typing import Any

from ...forging import forged as signed_with
from ...forging import part, twin
from ...integration.gateway_process import SECRET
from .conftest import AUDIENCE, HEADER, ISSUER, claims, token


def forged(header: Any, claims: Any, key: bytes = SECRET.encode(), digest: Any = hashlib.sha256) -> str:
    """Sign with the gateway's own secret, unless told another."""
    return signed_with(header, claims, key, digest)


NOW = int(time.time())
GOOD = claims()
RAW = json.dumps(GOOD)


def headed(**changes: Any) -> str:
    """Sign good claims under another header."""
    return forged({**HEADER, **changes}, claims())


def odd(*values: Any) -> tuple[Any, ...]:
    """Values of types that a careless reader does not expect."""
    return values


def unsigned(alg: Any) -> str:
    header = {"typ": "JWT"} if alg is ... else {"alg": alg}
    return f"{part(header)}.{part(claims())}."


ATTACKS: Mapping[str, tuple[str, list[str]]] = {
    "T1a": (
        "tokens that say they need no signature",
        [unsigned(alg) for alg in odd("none", "None", "NONE", "nOnE", "", None, ..., ["none"])],
    ),
    "T1c": (
        "algorithms that were not agreed on",
        [
            *(
                forged({"alg": name}, claims(), digest=digest)
                for name, digest in (
                    ("HS384", hashlib.sha384),
                    ("HS512", hashlib.sha512),
                    ("hs256", hashlib.sha256),
                )
            ),
            *(headed(alg=name) for name in odd("RS256", "ES256", "PS256", "EdDSA", "HS256 ", ["HS256"], {})),
        ],
    ),
    "T2a": (
        "names of keys that are paths, queries, addresses, or no names",
        [
            headed(kid=kid)
            for kid in odd(
                "../../../../dev/null",
                "/etc/hostname",
                "' OR 1=1 --",
                "http://evil.example/k",
                "",
                "nobody",
                "k" * 5_000,
                "\x00",
                None,
                1,
                [],
                {},
                ["idp"],
            )
        ],
    ),
    "T2b": (
        "the name of another key than the one that signed",
        [forged({"alg": alg, "kid": "idp"}, claims()) for alg in odd("HS256", "RS256", "ES256")],
    ),
    "T3a": (
        "keys that a token brings along, or says where to get",
        [
            headed(**{name: value})
            for name, value in (
                ("jku", "https://evil.example/keys"),
                ("x5u", "https://evil.example/c"),
                ("x5c", ["MIIB"]),
                ("jwk", {"kty": "oct", "k": part(SECRET.encode())}),
                ("x5t", "aaaa"),
                ("crit", ["exp"]),
                ("zip", "DEF"),
                ("b64", False),
                ("enc", "A256GCM"),
            )
        ]
        + [forged({"alg": "HS256", "jwk": {"kty": "oct", "k": part(b"mine" * 8)}}, claims(), b"mine" * 8)],
    ),
    "T4a": (
        "tokens of another time",
        [
            token(exp=NOW - 1),
            token(exp=NOW - 86_400),
            token(exp=...),
            token(exp=NOW + 172_800),
            token(exp=0),
            token(iat=NOW + 600),
            token(nbf=NOW + 600),
            token(exp=NOW),
        ],
    ),
    "T4b": (
        "times that are no times",
        [
            token(**{claim: value})
            for claim in ("exp", "iat", "nbf")
            for value in odd(None, [NOW + 60], {}, str(NOW + 60), NOW + 60.5, True, 1e300, -1)
            if not (claim != "exp" and value in (True, -1))
        ],
    ),
    "T4c": (
        "issuers that are nearly the right one",
        [
            token(iss=iss)
            for iss in odd(..., "", [ISSUER], ISSUER + "/", ISSUER.upper(), ISSUER[:-1], None, 1, {})
        ],
    ),
    "T4d": (
        "tokens for another service",
        [
            token(aud=aud)
            for aud in odd(..., "", "other", [], ["other"], AUDIENCE.upper(), AUDIENCE + " ", None, 1)
        ],
    ),
    "T4e": (
        "nobody in particular",
        [token(sub=sub) for sub in odd(..., "", None, 7, [], ["anna"], {"a": 1}, "a\nb", "a" * 300)],
    ),
    "T5a": (
        "tokens as large or as deep as they come",
        [
            headed(kid="k" * 1_000_000),
            token(x="y" * 20_000),
            "a" * 9_000,
            ".".join(["a" * 4_000] * 3),
            f"{part(b'[' * 1_500 + b']' * 1_500)}.{part(claims())}.x",
            forged(b'{"alg":"HS256","kid":' + b"[" * 900 + b"]" * 900 + b"}", claims()),
            forged(HEADER, b'{"a":' * 900 + b"1" + b"}" * 900),
        ],
    ),
    "T5b": (
        "a name said twice, the second time otherwise",
        [
            forged(b'{"alg":"none","alg":"HS256"}', claims()),
            *(
                forged(HEADER, (RAW[:-1] + f', "{name}": {value}}}').encode())
                for name, value in (
                    ("tenant_id", '"t2"'),
                    ("role", '"admin"'),
                    ("sub", '"root"'),
                    ("exp", NOW + 900),
                )
            ),
        ],
    ),
    "T5c": (
        "claims that are not JSON, or not in UTF-8",
        [
            forged(HEADER, (RAW[:-1] + f', "x": {value}}}').encode())
            for value in odd("NaN", "Infinity", "-Infinity")
        ]
        + [
            forged(HEADER, (RAW[:-1] + ', "jti": "\\ud800"}').encode()),
            forged(HEADER, RAW.encode("utf-16")),
            forged(HEADER, b"\xef\xbb\xbf" + RAW.encode()),
            forged(HEADER, b"sub=anna"),
            forged(HEADER, ["anna"]),
            forged(HEADER, b"\xff" + RAW.encode()),
        ],
    ),
    "T7a": (
        "roles and tenants that are patterns, lists, or nearly a name there is",
        [
            *(
                token(role=role)
                for role in odd(
                    "*",
                    "Admin",
                    "ADMIN",
                    "admin ",
                    " admin",
                    "аdmin",
                    ["admin"],
                    {},
                    None,
                    "superuser",
                    "",
                    1,
                    "admin\x00",
                )
            ),
            *(
                token(tenant_id=tenant)
                for tenant in odd("", "*", "t1/t2", "t1 ", "T1\n", "../t2", ["t1"], None, 1, "т1", "t" * 65)
            ),
        ],
    ),
    "T7c": (
        "a good token's signature, written another way",
        [
            twin(token()),
            token() + "=",
            token() + "==",
            token()[:-1],
            token().replace(".", "..", 1),
        ],
    ),
}
