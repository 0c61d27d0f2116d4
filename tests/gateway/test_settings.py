"""What may be set, and the command line."""

import json
import time
from ipaddress import ip_network
from typing import Any

import jwt
import pytest

from veriaidpo_gateway.__main__ import main
from veriaidpo_gateway.database.connecting import open_database
from veriaidpo_gateway.environment import InvalidSettingsError
from veriaidpo_gateway.settings import RedisSettings, from_environment
from veriaidpo_gateway.trace_settings import TraceSettings

NEEDED = {"JWT_SECRET_KEY": "s" * 32, "ROUTES_FILE": "/routes.yaml"}


def test_defaults() -> None:
    settings = from_environment(NEEDED)
    assert (settings.host, settings.port, settings.inner_port) == ("0.0.0.0", 8001, 9090)
    assert (settings.limits.per_user, settings.limits.per_tenant, settings.limits.replicas) == (100, 1000, 1)
    assert (settings.redis, settings.cache.ttl, settings.cache.key) == (None, 3600, None)
    assert settings.service_key_file is None
    assert settings.log_level == "INFO"


def test_the_normalisers_model_helps_to_classify_when_asked_to() -> None:
    assert not from_environment(NEEDED).normaliser_model_for_classify
    assert from_environment({**NEEDED, "NORMALIZER_MODEL_FOR_CLASSIFY": "true"}).normaliser_model_for_classify


def test_a_collector_and_who_may_name_a_trace() -> None:
    assert from_environment(NEEDED).traces is None
    endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
    assert from_environment({**NEEDED, **endpoint}).traces == TraceSettings("http://collector:4318", 1.0, ())
    given = {**endpoint, "OTEL_TRACES_SAMPLER_ARG": "0.05", "TRACE_TRUSTED_CIDRS": "10.42.7.1/16, fd00::/8"}
    traces = from_environment({**NEEDED, **given}).traces
    assert traces == TraceSettings(
        "http://collector:4318", 0.05, (ip_network("10.42.0.0/16"), ip_network("fd00::/8"))
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:secret@collector:4318"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://secret@collector:4318"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://u:secret\uff03@collector:4318"),
        ("OTEL_TRACES_SAMPLER_ARG", "1.5"),
        ("OTEL_TRACES_SAMPLER_ARG", "nan"),
        ("TRACE_TRUSTED_CIDRS", "everybody"),
    ],
)
def test_a_collector_that_cannot_be_meant_is_named(name: str, value: str) -> None:
    given = {**NEEDED, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", name: value}
    with pytest.raises(InvalidSettingsError, match=name):
        from_environment(given)


def test_with_redis_two_replicas_are_assumed() -> None:
    assert from_environment({**NEEDED, "REDIS_URL": "redis://r/2"}).limits.replicas == 2
    assert from_environment({**NEEDED, "MAX_REPLICAS": "5"}).limits.replicas == 5


def test_no_limit_for_a_user_is_none_for_a_tenant_either() -> None:
    limits = from_environment({**NEEDED, "RATE_LIMIT_PER_SECOND": "0"}).limits
    assert (limits.per_user, limits.per_tenant) == (0, 0)


def test_secrets_come_from_files_as_well(tmp_path: Any) -> None:
    (tmp_path / "url").write_text("redis://:pw@r/2\n")
    (tmp_path / "key").write_text("k" * 32)
    settings = from_environment(
        {**NEEDED, "REDIS_URL_FILE": str(tmp_path / "url"), "CACHE_KEY_FILE": str(tmp_path / "key")}
    )
    assert settings.redis == RedisSettings(url_file=tmp_path / "url")
    assert settings.cache.key == b"k" * 32


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        (None, "embedded"),
        ("sqlite:////tmp/companies.db", "embedded"),
        ("postgresql://u:p@h:5432/d?sslmode=require", "postgresql"),
        ("postgres://u:p@h/d", "postgresql"),
        ("postgresql+asyncpg://u:p@h/d", "postgresql"),
    ],
)
async def test_where_companies_may_be_kept(url: Any, kind: Any) -> None:
    async with open_database(url) as database:
        assert database.kind == kind


@pytest.mark.parametrize("url", ["nonsense", "mysql://u:hush@h/d", "postgresql+psycopg2://u:hush@h/d"])
def test_where_they_may_not(url: Any) -> None:
    with pytest.raises(InvalidSettingsError, match="DATABASE_URL") as refused:
        open_database(url)
    assert "hush" not in str(refused.value)


def test_printing_the_settings_shows_no_secret() -> None:
    settings = from_environment(
        {
            **NEEDED,
            "JWT_SECRET_KEY": "hush" * 8,
            "REDIS_URL": "redis://:hush@r",
            "CACHE_KEY": "hush" * 8,
            "DATABASE_URL": "postgresql://u:hush@h/d",
        }
    )
    assert "hush" not in repr(settings)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"JWT_SECRET_KEY": ""}, "JWT_SECRET_KEY"),
        ({"ROUTES_FILE": ""}, "ROUTES_FILE or KUBERNETES_NAMESPACE"),
        ({"JWT_ALGORITHM": "none"}, "JWT_ALGORITHM"),
        ({"JWT_ALGORITHM": "HS256,HS512"}, "JWT_ALGORITHM"),
        ({"JWT_ALGORITHM": "RS256"}, "JWKS_URL or JWKS_FILE"),
        ({"JWT_ALGORITHM": "ES256", "JWKS_URL": "https://i/k", "JWKS_FILE": "/k"}, "JWKS_URL or JWKS_FILE"),
        ({"JWKS_URL": "https://i/k"}, "JWT_ALGORITHM"),
        ({"JWKS_FILE": "/k"}, "JWT_ALGORITHM"),
        ({"JWT_ALGORITHM": "RS256", "JWKS_URL": "http://idp.example/k"}, "JWKS_URL"),
        ({"JWT_ALGORITHM": "RS256", "JWKS_URL": "http://localhost.example/k"}, "JWKS_URL"),
        ({"JWT_ALGORITHM": "RS256", "JWKS_URL": "http://127.0.0.1.example/k"}, "JWKS_URL"),
        ({"JWT_ALGORITHM": "RS256", "JWKS_URL": "http://127.0.0.1@idp.example/k"}, "JWKS_URL"),
        ({"JWT_ALGORITHM": "RS256", "JWKS_URL": "https://u:p@idp.example/k"}, "JWKS_URL"),
        ({"JWT_ALGORITHM": "RS256", "JWKS_URL": "https://idp.example/k#x"}, "JWKS_URL"),
        ({"JWT_ALGORITHM": "RS256", "JWKS_URL": "https:///k"}, "JWKS_URL"),
        ({"JWT_ALGORITHM": "RS256", "JWKS_URL": "https://[::1/k"}, "JWKS_URL"),
        ({"JWT_ALGORITHM": "RS256", "JWKS_URL": "file:///etc/keys"}, "JWKS_URL"),
        ({"JWT_ALGORITHM": "RS256", "JWKS_URL": "ftp://h/k", "JWKS_ALLOW_HTTP": "true"}, "JWKS_URL"),
        ({"JWT_ALGORITHM": "HS256,RS256", "JWKS_FILE": "/k", "JWT_SECRET_KEY": ""}, "JWT_SECRET_KEY"),
        ({"RATE_LIMIT_PER_SECOND": "-1"}, "RATE_LIMIT_PER_SECOND"),
        ({"RATE_LIMIT_PER_SECOND": "many"}, "RATE_LIMIT_PER_SECOND"),
        ({"CACHE_TTL_SECONDS": "0"}, "CACHE_TTL_SECONDS"),
        ({"MAX_REPLICAS": "0"}, "MAX_REPLICAS"),
        ({"PORT": "80a"}, "PORT"),
        ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL"),
        ({"NORMALIZER_MODEL_FOR_CLASSIFY": "yes"}, "NORMALIZER_MODEL_FOR_CLASSIFY"),
        ({"REDIS_URL_FILE": "/nowhere"}, "REDIS_URL_FILE"),
    ],
)
def test_a_wrong_setting_is_named(changes: Any, name: Any) -> None:
    with pytest.raises(InvalidSettingsError, match=name):
        from_environment({**NEEDED, **changes})


@pytest.mark.parametrize(
    ("url", "allow"),
    [
        ("https://idp.example/keys?tenant=1", ""),
        ("http://127.0.0.1:8080/keys", ""),
        ("http://[::1]:8080/keys", ""),
        ("http://localhost/keys", ""),
        ("http://keycloak.auth.svc/keys", "true"),
    ],
)
def test_where_a_key_set_may_come_from(url: Any, allow: Any) -> None:
    settings = from_environment(
        {"ROUTES_FILE": "/r", "JWT_ALGORITHM": "ES256, RS256", "JWKS_URL": url, "JWKS_ALLOW_HTTP": allow}
    )
    assert (settings.tokens.jwks_url, settings.tokens.algorithms) == (url, ("ES256", "RS256"))


def test_a_token_for_trying_out(monkeypatch: Any, capsys: Any, secret: Any) -> None:
    monkeypatch.setenv("JWT_SECRET_KEY", secret)
    assert main(["token", "--role", "dpo", "--tenant", "cty", "--sub", "anna", "--hours", "2"]) == 0
    claims = jwt.decode(capsys.readouterr().out.strip(), secret, algorithms=["HS256"])
    assert (claims["role"], claims["tenant_id"], claims["sub"]) == ("dpo", "cty", "anna")
    assert 7190 < claims["exp"] - time.time() <= 7200
    assert claims["jti"]


async def test_the_gateway_believes_its_own_tokens(
    monkeypatch: Any, capsys: Any, gateway: Any, secret: Any
) -> None:
    monkeypatch.setenv("JWT_SECRET_KEY", secret)
    main(["token", "--role", "staff"])
    token = capsys.readouterr().out.strip()
    assert (await gateway.classify("a", {"Authorization": f"Bearer {token}"})).status_code == 200


@pytest.mark.parametrize("kid", ["", "2026"])
def test_the_only_secret_needs_not_be_named(monkeypatch: Any, capsys: Any, secret: Any, kid: str) -> None:
    monkeypatch.setenv("JWT_SECRET_KEY", json.dumps({"2026": secret}))
    assert main(["token", "--role", "staff", "--kid", kid]) == 0
    token = capsys.readouterr().out.strip()
    assert jwt.get_unverified_header(token)["kid"] == "2026"
    jwt.decode(token, secret, algorithms=["HS256"])


def test_of_several_secrets_one_has_to_be_named(monkeypatch: Any, capsys: Any, secret: Any) -> None:
    monkeypatch.setenv("JWT_SECRET_KEY", json.dumps({"2025": "x" * 32, "2026": secret}))
    assert main(["token", "--role", "staff"]) == 2
    said = capsys.readouterr().err
    assert "by --kid: 2025, 2026 / hãy nêu tên" in said
    assert secret not in said


def test_where_no_token_that_is_made_here_is_believed_none_is_made(
    monkeypatch: Any, capsys: Any, secret: Any
) -> None:
    monkeypatch.setenv("JWT_SECRET_KEY", secret)
    for algorithms, code in (("ES256", 2), ("RS256,ES256", 2), ("HS256,ES256", 0)):
        monkeypatch.setenv("JWT_ALGORITHM", algorithms)
        assert main(["token", "--role", "staff"]) == code
    assert capsys.readouterr().err.count("ask your identity provider for one / token tạo ở đây") == 2


def test_a_wrong_setting_ends_the_command_with_2(monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.delenv("JWT_SECRET_KEY", raising=False)
    monkeypatch.delenv("JWT_SECRET_KEY_FILE", raising=False)
    assert main(["token", "--role", "staff"]) == 2
    assert main(["serve"]) == 2
    assert capsys.readouterr().err.count("veriaidpo-gateway: JWT_SECRET_KEY") == 2


def test_a_role_that_does_not_exist_is_refused(capsys: Any) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["token", "--role", "king"])
    assert caught.value.code == 2
