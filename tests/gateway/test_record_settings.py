"""What has to be set for answers to be recorded, and what is said when it is not."""

from pathlib import Path

import pytest

from veriaidpo_gateway.environment import InvalidSettingsError
from veriaidpo_gateway.record_settings import RecordSettings
from veriaidpo_gateway.settings import from_environment

PLAIN = {"JWT_SECRET_KEY": "s" * 32, "ROUTES_FILE": "/routes.json"}
RECORDED = {
    **PLAIN,
    "RECORDS": "true",
    "RECORDS_KEY": "k" * 32,
    "SERVICE_KEY_FILE": "/service.key",
    "DATABASE_URL": "sqlite:////companies.db",
}


def test_nothing_is_recorded_unless_it_is_asked_for() -> None:
    assert from_environment(PLAIN).records is None


def test_records_use_the_keys_and_the_database_that_are_there() -> None:
    found = from_environment({**RECORDED, "RECORDS_KEY": "", "CACHE_KEY": "c" * 32}).records
    assert found == RecordSettings(b"c" * 32, Path("/service.key"))


def test_or_their_own() -> None:
    own = {
        "RECORDS_SIGNING_KEY_FILE": "/records.key",
        "RECORDS_DATABASE_URL": "postgresql://db/records",
        "RECORDS_SPOOL_DIR": "/spool",
        "RECORDS_SPOOL_MB": "5",
        "RECORDS_WHEN_FULL": "refuse",
        "RECORDS_RETENTION_DAYS": "365",
        "DATABASE_URL": "",
    }
    settings = from_environment({**RECORDED, **own})
    assert settings.records == RecordSettings(
        b"k" * 32, Path("/records.key"), "postgresql://db/records", Path("/spool"), 5_000_000, "refuse"
    )
    assert settings.limits.record_days == 365
    assert "postgresql" not in repr(settings)
    assert "kkk" not in repr(settings)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"RECORDS_KEY": ""}, "RECORDS_KEY"),
        ({"SERVICE_KEY_FILE": ""}, "RECORDS_SIGNING_KEY_FILE"),
        ({"DATABASE_URL": ""}, "RECORDS_DATABASE_URL"),
        ({"RECORDS_WHEN_FULL": "forget"}, "RECORDS_WHEN_FULL"),
        ({"RECORDS_SPOOL_MB": "0"}, "RECORDS_SPOOL_MB"),
        ({"RECORDS_RETENTION_DAYS": "-1"}, "RECORDS_RETENTION_DAYS"),
    ],
)
def test_what_is_missing_or_wrong_is_named(changed: dict[str, str], named: str) -> None:
    with pytest.raises(InvalidSettingsError, match=named):
        from_environment({**RECORDED, **changed})
