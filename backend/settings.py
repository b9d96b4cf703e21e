"""Every setting, in one place; environment variables `TWINSPACE_<NAME>` and the README's table follow it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from pydantic import BeforeValidator, Field, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


CommaSeparated = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]

MEBIBYTE = 1024 * 1024
DEFAULT_TENANT = "default"
"""Of keys that name no tenant, and of everybody when there are no keys."""

RangeKind = Literal["number", "datetime"]

_RANGE_FIELD = re.compile(rf"([A-Za-z0-9_-]{{1,64}}):({'|'.join(get_args(RangeKind))})")
_TENANT = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_ORIGIN = re.compile(r"https?://[^/\s?#]+")
_DISTRIBUTED = ("qdrant_url", "database_url", "storage_url", "broker_url")


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="TWINSPACE_", extra="ignore", frozen=True, env_ignore_empty=True
    )

    data: Path = Field(
        Path("data"), description="Folder of the embedded profile: catalogue, originals, vectors."
    )
    encoder: str = Field(
        "twinspace-mini", description="`twinspace-mini`, a folder, or a Hugging Face hub name."
    )
    encoder_views: int = Field(
        1, ge=1, le=7, description="Looks at every picture (mirrored, cropped), of which the mean is kept."
    )
    torch_threads: int = Field(0, ge=0, description="Threads for the encoder; 0 leaves the choice to torch.")

    qdrant_url: str | None = Field(None, description="Qdrant server; unset: Qdrant Edge in the process.")
    qdrant_api_key: str | None = None
    qdrant_grpc: bool = False
    qdrant_timeout: float = Field(10, gt=0, description="Seconds.")
    qdrant_prefix: str = Field(
        "",
        pattern="^[a-z0-9-]{0,64}$",
        description="Begins the names of all collections, where several installations share a Qdrant.",
    )
    qdrant_shards: int | None = Field(
        None, ge=1, description="Shards of each new collection; unset: Qdrant's default."
    )
    qdrant_replicas: int | None = Field(
        None, ge=1, description="Copies of each shard of a new collection; unset: Qdrant's default."
    )
    qdrant_quantization: Literal["none", "int8"] = Field(
        "none", description="`int8`: a byte a dimension in memory, the vectors themselves on disk."
    )
    database_url: str | None = Field(None, description="SQLAlchemy URL; unset: SQLite in the data folder.")
    storage_url: str | None = Field(None, description="fsspec URL of originals; unset: the data folder.")
    broker_url: str | None = Field(None, description="Celery broker; unset: one background thread.")

    api_keys: CommaSeparated = Field((), description="`KEY` or `TENANT:KEY`, comma-separated; empty: none.")
    secret: str | None = Field(None, description="Signs links; unset: derived from the API keys.")
    cors_origins: CommaSeparated = Field((), description="Origins of front ends elsewhere, comma-separated.")
    allow_unauthenticated: bool = Field(False, description="Listen beyond loopback although no keys are set.")

    max_image_bytes: int = Field(50 * MEBIBYTE, gt=0)
    max_image_pixels: int = Field(100_000_000, gt=0)
    max_request_bytes: int = Field(1024 * MEBIBYTE, gt=0)
    max_metadata_bytes: int = Field(64 * 1024, gt=0)

    range_fields: CommaSeparated = Field(
        (),
        description="Metadata with an index for ranges: `price:number,taken:datetime`; empty: none.",
    )

    fuse_captions: bool = Field(
        False,
        description="Words also find pictures by what their captions mean, fused by rank: finds far more "
        "where pictures have captions, and hits are then no longer in the order of their scores.",
    )

    http_threads: int = Field(40, ge=1, description="Requests that are served at the same time.")
    query_queue: int = Field(256, ge=1, description="Queries that may wait for the encoder before 503.")
    text_batch: int = Field(32, ge=1)
    image_batch: int = Field(4, ge=1)

    lease_seconds: float = Field(60, gt=0, description="How long a worker may hold a claim unheard of.")
    reconcile_seconds: float = Field(5, gt=0, description="Pause between two looks at what was left undone.")

    @property
    def distributed(self) -> bool:
        """Workers elsewhere do the ingest; otherwise a thread of this process does."""
        return self.broker_url is not None

    def keys_by_tenant(self) -> list[tuple[str, str]]:
        """`(tenant, key)` for every configured key."""
        pairs = [entry.rpartition(":") for entry in self.api_keys]
        return [(tenant if colon else DEFAULT_TENANT, key) for tenant, colon, key in pairs]

    def ranges(self) -> dict[str, RangeKind]:
        """What kind of values each range field has."""
        declared = [match for match in map(_RANGE_FIELD.fullmatch, self.range_fields) if match]
        return {match[1]: "number" if match[2] == "number" else "datetime" for match in declared}

    def tenants(self) -> list[str]:
        return sorted({DEFAULT_TENANT, *(tenant for tenant, _ in self.keys_by_tenant())})

    @model_validator(mode="after")
    def _workers_share_everything(self) -> Self:
        if not self.distributed:
            return self
        missing = [name for name in _DISTRIBUTED if getattr(self, name) is None]
        if missing:
            raise ValueError(
                "TWINSPACE_BROKER_URL hands the work to processes that cannot see this one's files: set "
                f"{_variables(missing)} too, or unset TWINSPACE_BROKER_URL."
            )
        return self

    @model_validator(mode="after")
    def _keys_are_distinct(self) -> Self:
        keys = self.keys_by_tenant()
        for tenant, key in keys:
            if not key or not _TENANT.fullmatch(tenant):
                raise ValueError(
                    "TWINSPACE_API_KEYS: each is `KEY` or `TENANT:KEY`, where a tenant is 1 to 64 letters, "
                    "digits, dots, dashes and underscores, and a key has no colon."
                )
        if len({key for _, key in keys}) < len(keys):
            raise ValueError("TWINSPACE_API_KEYS: the same key is there twice; give every tenant its own.")
        return self

    @model_validator(mode="after")
    def _range_fields_are_declared_once(self) -> Self:
        if len(self.ranges()) < len(self.range_fields):
            raise ValueError(
                "TWINSPACE_RANGE_FIELDS: each is `KEY:number` or `KEY:datetime`, where a key is 1 to 64 "
                "letters, digits, dashes and underscores, and no key is there twice."
            )
        return self

    @model_validator(mode="after")
    def _origins_are_origins(self) -> Self:
        for origin in self.cors_origins:
            if origin != "*" and not _ORIGIN.fullmatch(origin):
                raise ValueError(
                    f"TWINSPACE_CORS_ORIGINS: `{origin}` is no origin; write `https://example.org`, "
                    "without a path or a slash at the end, or `*` for all."
                )
        return self

    @model_validator(mode="after")
    def _limits_fit_each_other(self) -> Self:
        if self.max_image_bytes > self.max_request_bytes:
            raise ValueError(
                "TWINSPACE_MAX_IMAGE_BYTES is larger than TWINSPACE_MAX_REQUEST_BYTES: no request could "
                "carry such a picture. Raise the second or lower the first."
            )
        return self

    @model_validator(mode="after")
    def _qdrant_options_need_a_server(self) -> Self:
        options = {
            "qdrant_api_key": self.qdrant_api_key is not None,
            "qdrant_grpc": self.qdrant_grpc,
            "qdrant_prefix": self.qdrant_prefix != "",
            "qdrant_shards": self.qdrant_shards is not None,
            "qdrant_replicas": self.qdrant_replicas is not None,
            "qdrant_quantization": self.qdrant_quantization != "none",
        }
        chosen = [name for name, is_set in options.items() if is_set]
        if self.qdrant_url is None and chosen:
            raise ValueError(
                f"{_variables(chosen)}: only for a Qdrant server. Set TWINSPACE_QDRANT_URL, or unset it."
            )
        return self


def _variables(names: list[str]) -> str:
    return ", ".join(f"TWINSPACE_{name.upper()}" for name in names)
