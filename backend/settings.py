"""Every setting, in one place; environment variables `TWINSPACE_<NAME>` and the README's table follow it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


CommaSeparated = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]

MEBIBYTE = 1024 * 1024


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="TWINSPACE_", extra="ignore", frozen=True)

    data: Path = Field(Path("data"), description="Folder of the embedded profile: catalogue, originals, vectors.")
    encoder: str = Field("twinspace-mini", description="`twinspace-mini`, a folder, or a Hugging Face hub name.")
    torch_threads: int = Field(0, ge=0, description="Threads for the encoder; 0 leaves the choice to torch.")

    qdrant_url: str | None = Field(None, description="Qdrant server; unset: Qdrant Edge in the process.")
    qdrant_api_key: str | None = None
    qdrant_grpc: bool = False
    qdrant_timeout: float = Field(10, gt=0, description="Seconds.")
    database_url: str | None = Field(None, description="SQLAlchemy URL; unset: SQLite in the data folder.")
    storage_url: str | None = Field(None, description="fsspec URL of originals; unset: the data folder.")
    broker_url: str | None = Field(None, description="Celery broker; unset: one background thread.")

    api_keys: CommaSeparated = Field((), description="`KEY` or `TENANT:KEY`, comma-separated; empty: no keys.")
    secret: str | None = Field(None, description="Signs links; unset: derived from the API keys.")
    cors_origins: CommaSeparated = Field((), description="Origins of front ends elsewhere, comma-separated.")
    allow_unauthenticated: bool = Field(False, description="Listen beyond loopback although no keys are set.")

    max_image_bytes: int = Field(50 * MEBIBYTE, gt=0)
    max_image_pixels: int = Field(100_000_000, gt=0)
    max_request_bytes: int = Field(1024 * MEBIBYTE, gt=0)
    max_metadata_bytes: int = Field(64 * 1024, gt=0)

    http_threads: int = Field(40, ge=1, description="Requests that are served at the same time.")
    query_queue: int = Field(256, ge=1, description="Queries that may wait for the encoder before 503.")
    text_batch: int = Field(32, ge=1)
    image_batch: int = Field(8, ge=1)

    lease_seconds: float = Field(120, gt=0, description="How long a worker may hold a claim unheard of.")
    reconcile_seconds: float = Field(5, gt=0, description="Pause between two looks at what was left undone.")
