"""Tokens of shared secrets that have to be refused, and such that have to be believed."""

import hashlib
import json
from typing import Any

from veriaidpo_gateway.identity.keys import keys_from
from veriaidpo_gateway.token_settings import TokenSettings

from ..forging import forged, part, twin

NOW = 1_800_000_000
SECRET = "the first secret, of 32 bytes or more"
SECOND = "the second secret, also long enough"
KEYS = keys_from(json.dumps({"": SECRET, "2026-b": SECOND}).encode())
SETTINGS = TokenSettings()
CLAIMS = {"sub": "u1", "role": "staff", "tenant_id": "t1", "iat": NOW - 5, "exp": NOW + 600}
HEADER = {"alg": "HS256", "typ": "JWT"}


def signed(
    header: Any = HEADER, claims: Any = CLAIMS, secret: Any = SECRET, digest: Any = hashlib.sha256
) -> str:
    return forged(header, claims, secret.encode(), digest)


def with_claims(**changes: Any) -> Any:
    return signed(claims={k: v for k, v in {**CLAIMS, **changes}.items() if v is not ...})


def with_header(**changes: Any) -> Any:
    return signed(header={k: v for k, v in {**HEADER, **changes}.items() if v is not ...})


GOOD = signed()
RAW = json.dumps(CLAIMS)
TWIN = twin(GOOD)

REFUSED = {
    "empty": "",
    "one part": "abc",
    "two parts": ".".join(GOOD.split(".")[:2]),
    "four parts": GOOD + ".x",
    "five parts, an encrypted one": "a.b.c.d.e",
    "alg none": f"{part({'alg': 'none'})}.{part(CLAIMS)}.",
    "alg none with a signature": with_header(alg="none"),
    "alg NONE": with_header(alg="NONE"),
    "alg nOnE": with_header(alg="nOnE"),
    "alg missing": with_header(alg=...),
    "alg empty": with_header(alg=""),
    "alg null": with_header(alg=None),
    "alg a list": with_header(alg=["HS256"]),
    "alg lower case": with_header(alg="hs256"),
    "alg HS384": signed({**HEADER, "alg": "HS384"}, digest=hashlib.sha384),
    "alg HS512": signed({**HEADER, "alg": "HS512"}, digest=hashlib.sha512),
    "alg RS256": with_header(alg="RS256"),
    "alg ES256": with_header(alg="ES256"),
    "another secret": signed(secret="x" * 32),
    "empty secret": signed(secret=""),
    "unknown kid": with_header(kid="nobody"),
    "empty kid": with_header(kid=""),
    "kid of the other secret": with_header(kid="2026-b"),
    "kid traversal": with_header(kid="../../../../dev/null"),
    "kid injection": with_header(kid="' OR 1=1 --"),
    "kid a number": with_header(kid=1),
    "kid null": with_header(kid=None),
    "kid a list": with_header(kid=[""]),
    "kid an object": with_header(kid={}),
    "crit": with_header(crit=["exp"]),
    "jku": with_header(jku="https://evil.example/keys"),
    "x5u": with_header(x5u="https://evil.example/cert"),
    "jwk": with_header(jwk={"kty": "oct", "k": part(SECRET.encode())}),
    "b64 false": with_header(b64=False),
    "zip": with_header(zip="DEF"),
    "typ a JWE": with_header(typ="JWE"),
    "a header twice": signed(header=b'{"alg":"none","alg":"HS256"}'),
    "header not an object": signed(header=[1]),
    "header not JSON": signed(header=b"{"),
    "header nested 1,500 deep": signed(header=b'{"alg":"HS256","kid":' + b"[" * 700 + b"]" * 700 + b"}"),
    "header with NaN": signed(header=b'{"alg":"HS256","typ":NaN}'),
    "header in UTF-16": signed(header=json.dumps(HEADER).encode("utf-16")),
    "header with a BOM": signed(header=b"\xef\xbb\xbf" + json.dumps(HEADER).encode()),
    "a claim twice": signed(claims=(RAW[:-1] + ', "role": "admin"}').encode()),
    "tenant twice": signed(claims=(RAW[:-1] + ', "tenant_id": "t2"}').encode()),
    "claims not an object": signed(claims=["sub"]),
    "claims not JSON": signed(claims=b"sub=u1"),
    "claims nested deep": signed(claims=b'{"a":' * 500 + b"1" + b"}" * 500),
    "a claim is NaN": signed(claims=(RAW[:-1] + ', "x": NaN}').encode()),
    "a claim is Infinity": signed(claims=(RAW[:-1] + ', "x": Infinity}').encode()),
    "a lone surrogate": signed(claims=(RAW[:-1] + ', "jti": "\\ud800"}').encode()),
    "exp missing": with_claims(exp=...),
    "exp null": with_claims(exp=None),
    "exp a list": with_claims(exp=[NOW + 60]),
    "exp an object": with_claims(exp={}),
    "exp a string": with_claims(exp=str(NOW + 60)),
    "exp a fraction": with_claims(exp=NOW + 60.5),
    "exp true": with_claims(exp=True),
    "exp 1e300": with_claims(exp=1e300),
    "exp negative": with_claims(exp=-1),
    "exp is now": with_claims(exp=NOW),
    "exp a second ago": with_claims(exp=NOW - 1),
    "exp two days ahead": with_claims(exp=NOW + 172_800),
    "iat in the future": with_claims(iat=NOW + 61),
    "iat a string": with_claims(iat=str(NOW)),
    "iat a fraction": with_claims(iat=NOW - 0.5),
    "nbf in the future": with_claims(nbf=NOW + 61),
    "nbf null": with_claims(nbf=None),
    "sub missing": with_claims(sub=...),
    "sub empty": with_claims(sub=""),
    "sub a number": with_claims(sub=7),
    "sub null": with_claims(sub=None),
    "sub with a line break": with_claims(sub="u1\nu2"),
    "sub too long": with_claims(sub="u" * 257),
    "role missing": with_claims(role=...),
    "role a list": with_claims(role=["admin"]),
    "role null": with_claims(role=None),
    "role a wildcard": with_claims(role="*"),
    "role empty": with_claims(role=""),
    "tenant missing": with_claims(tenant_id=...),
    "tenant a list": with_claims(tenant_id=["t1"]),
    "tenant with a slash": with_claims(tenant_id="t1/t2"),
    "tenant with a colon": with_claims(tenant_id="t1:t2"),
    "tenant with a line break at its end": with_claims(tenant_id="t1\n"),
    "tenant too long": with_claims(tenant_id="t" * 65),
    "tenant in full-width letters": with_claims(tenant_id="ｔ１"),
    "permissions a string": with_claims(permissions="processing_activity.read"),
    "permissions an object": with_claims(permissions={"processing_activity.read": True}),
    "permissions null": with_claims(permissions=None),
    "permissions of numbers": with_claims(permissions=[1]),
    "jti a number": with_claims(jti=7),
    "signature missing": ".".join(GOOD.split(".")[:2]) + ".",
    "signature cut": GOOD[:-4],
    "signature padded": GOOD + "=",
    "signature in another spelling": TWIN,
    "standard base64": GOOD.replace("-", "+").replace("_", "/") + "+",
    "a blank at the end": GOOD + " ",
    "a blank in front": " " + GOOD,
    "a line break at the end": GOOD + "\n",
    "a dot at the end": GOOD + ".",
    "a NUL": GOOD + "\x00",
    "a letter outside ASCII": GOOD + "é",
    "over 8 KiB": with_claims(junk="x" * 9000),
}

ACCEPTED = {
    "plain": GOOD,
    "by kid": signed({**HEADER, "kid": "2026-b"}, secret=SECOND),
    "without typ": with_header(typ=...),
    "no iat": with_claims(iat=...),
    "iat a minute ahead": with_claims(iat=NOW + 60),
    "nbf now": with_claims(nbf=NOW),
    "exp in a second": with_claims(exp=NOW + 1),
    "exp in a day": with_claims(exp=NOW + 86_400),
    "unknown claims": with_claims(email="a@b.vn", groups=["x"]),
    "a role of its own": with_claims(role="super_admin"),
    "permissions": with_claims(permissions=["analytics.read", "made.up"]),
    "no permissions": with_claims(permissions=[]),
    "an issuer nobody asked for": with_claims(iss="backend"),
    "an audience nobody asked for": with_claims(aud="other"),
}
