"""Which tokens are believed. Every vector is also put to PyJWT: what it refuses, we never accept."""

from typing import Any

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from veriaidpo_gateway.errors import ErrorCode, GatewayError
from veriaidpo_gateway.identity.tokens import verify
from veriaidpo_gateway.token_settings import TokenSettings

from .token_vectors import (
    ACCEPTED,
    GOOD,
    HEADER,
    KEYS,
    NOW,
    REFUSED,
    SECOND,
    SECRET,
    SETTINGS,
    signed,
    with_claims,
)


def caller_of(token: Any, settings: Any = SETTINGS, keys: Any = KEYS, now: Any = NOW) -> Any:
    return verify(f"Bearer {token}", keys, settings, now)


def refused(authorization: Any, settings: Any = SETTINGS) -> Any:
    with pytest.raises(GatewayError) as caught:
        verify(authorization, KEYS, settings, NOW)
    return caught.value


@pytest.mark.parametrize("token", REFUSED.values(), ids=REFUSED.keys())
def test_a_bad_token_is_the_one_401(token: Any) -> None:
    error = refused(f"Bearer {token}")
    assert error.code is ErrorCode.UNAUTHENTICATED
    assert error.details == {}
    assert error.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("token", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_a_good_token_is_believed(token: Any) -> None:
    assert caller_of(token).sub == "u1"
    assert believed_by_the_oracle(token)


def test_the_claims_become_the_caller() -> None:
    caller = caller_of(with_claims(permissions=["a.b"], jti="j-1", tenant_id="Cty.A_1-x"))
    assert (caller.sub, caller.role, caller.tenant) == ("u1", "staff", "Cty.A_1-x")
    assert (caller.permissions, caller.jti) == (("a.b",), "j-1")
    assert caller_of(GOOD).permissions is None


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        GOOD,
        "Basic dTpw",
        f"Token {GOOD}",
        f"Bearer  {GOOD}",
        f"Bearer\t{GOOD}",
        f"Bearer {GOOD}, Bearer {GOOD}",
        f"Bearer,{GOOD}",
        f"Bearer {GOOD} x",
        "Bearer",
        "Bearer ",
    ],
)
def test_the_header_holds_one_bearer_token_and_nothing_else(header: Any) -> None:
    assert refused(header).code is ErrorCode.UNAUTHENTICATED


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_may_be_in_any_case(scheme: Any) -> None:
    assert verify(f"{scheme} {GOOD}", KEYS, SETTINGS, NOW).tenant == "t1"


@pytest.mark.parametrize(
    ("iss", "good"),
    [
        ("backend", True),
        (..., False),
        ("Backend", False),
        (["backend"], False),
        ("backend2", False),
        (None, False),
    ],
)
def test_a_configured_issuer_must_be_the_one(iss: Any, good: Any) -> None:
    settings = TokenSettings(issuer="backend")
    token = with_claims(iss=iss)
    if good:
        assert caller_of(token, settings).sub == "u1"
    else:
        refused(f"Bearer {token}", settings)


@pytest.mark.parametrize(
    ("aud", "good"),
    [
        ("veriaidpo", True),
        (["other", "veriaidpo"], True),
        (..., False),
        ("other", False),
        ("veriaidpo2", False),
        ([], False),
        ([["veriaidpo"]], False),
        ({"veriaidpo": 1}, False),
        (None, False),
    ],
)
def test_a_configured_audience_must_be_among_them(aud: Any, good: Any) -> None:
    settings = TokenSettings(audience="veriaidpo")
    token = with_claims(aud=aud)
    if good:
        assert caller_of(token, settings).sub == "u1"
    else:
        refused(f"Bearer {token}", settings)


def test_a_token_ends_exactly_when_it_says() -> None:
    assert caller_of(GOOD, now=NOW + 599.9).sub == "u1"
    with pytest.raises(GatewayError):
        caller_of(GOOD, now=NOW + 600)


def test_a_tokens_longest_life_can_be_set() -> None:
    token = with_claims(exp=NOW + 172_800)
    assert caller_of(token, TokenSettings(max_lifetime=172_800)).sub == "u1"


def test_the_reason_is_never_told(request: Any) -> None:
    bodies = {(refused(f"Bearer {t}").code, str(refused(f"Bearer {t}").details)) for t in REFUSED.values()}
    assert len(bodies) == 1


def believed_by_the_oracle(token: Any) -> Any:
    try:
        kid = jwt.get_unverified_header(token).get("kid", "")
        secret = {"": SECRET, "2026-b": SECOND}[kid]
        # Its clock cannot be set: times are judged by our own vectors.
        unchecked = ("verify_exp", "verify_iat", "verify_nbf", "verify_aud")
        options: Any = {"require": ["exp", "sub"], **dict.fromkeys(unchecked, False)}
        jwt.decode(token, secret, algorithms=["HS256"], options=options)
    except (jwt.PyJWTError, KeyError, TypeError):
        return False
    return True


@settings(max_examples=1500, deadline=None)
@given(st.data())
def test_whatever_is_done_to_a_token_we_believe_no_more_than_the_oracle(data: Any) -> None:
    token = bytearray(data.draw(st.sampled_from(list(ACCEPTED.values()))).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(token) - 1))
        token[at] = data.draw(st.integers(0x21, 0x7E))
    text = token.decode()
    try:
        caller_of(text)
    except GatewayError:
        return
    assert believed_by_the_oracle(text)
    assert text in ACCEPTED.values()


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=200),
    st.dictionaries(st.text(max_size=8), st.integers() | st.text(max_size=8) | st.none()),
)
def test_any_header_and_claims_end_in_a_caller_or_the_401(header: Any, claims: Any) -> None:
    for token in (signed(header=header), signed(claims=claims), signed(header={**HEADER, **claims})):
        try:
            caller_of(token)
        except GatewayError as error:
            if error.code is not ErrorCode.UNAUTHENTICATED:
                raise
