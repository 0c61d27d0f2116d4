"""What a fetch pod says of itself: while it runs, and as its last word."""

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from veriaidpo_operator.recorded import CalibrationStatus, ConversionStatus


class FetchResult(BaseModel):
    """What a fetch pod left behind as its termination message."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore")

    reason: str
    message: str = ""
    digest: str | None = None
    commit: str | None = None
    bytes_total: int | None = None
    bytes_downloaded: int | None = None
    size_bytes: int | None = None
    format: str | None = None
    conversion: ConversionStatus | None = None
    calibration: CalibrationStatus | None = None
    revisions: tuple[str, ...] | None = None
    """Digests of all revisions on the volume, the newest first."""
    warnings: tuple[str, ...] = ()
    source_away: str = ""
    """Why the source could not be asked, a sentence, where one fetched before was adopted for that."""
    retry_after: float | None = None
    """Seconds that the source asked to be left alone for."""

    @property
    def published(self) -> bool:
        """Tell whether a revision is on the volume."""
        return self.reason in {"Published", "Adopted"} and self.digest is not None


class Progress(BaseModel):
    """The answer of a fetch pod's /progress."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore")

    state: str = ""
    bytes_total: int | None = None
    bytes_done: int | None = None
    percent: float | None = None
    bytes_per_second: float | None = None
    remaining_seconds: float | None = None
