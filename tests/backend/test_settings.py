from __future__ import annotations

import pytest
from pydantic import ValidationError

from backend.settings import DEFAULT_TENANT, Settings

DISTRIBUTED = {
    "broker_url": "redis://broker",
    "database_url": "postgresql://db/twinspace",
    "qdrant_url": "http://qdrant:6333",
    "storage_url": "s3://bucket",
}


@pytest.fixture(autouse=True)
def no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("TWINSPACE_"):
            monkeypatch.delenv(name)


def test_nothing_set_is_the_embedded_profile() -> None:
    settings = Settings()
    assert not settings.distributed
    assert settings.keys_by_tenant() == []
    assert settings.tenants() == [DEFAULT_TENANT]


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWINSPACE_API_KEYS", "alice:one, two ,")
    monkeypatch.setenv("TWINSPACE_CORS_ORIGINS", "https://a.example,http://b.example:8080")
    monkeypatch.setenv("TWINSPACE_HTTP_THREADS", "3")
    settings = Settings()
    assert settings.keys_by_tenant() == [("alice", "one"), (DEFAULT_TENANT, "two")]
    assert settings.tenants() == ["alice", DEFAULT_TENANT]
    assert settings.cors_origins == ("https://a.example", "http://b.example:8080")
    assert settings.http_threads == 3


def test_what_is_set_to_nothing_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose files pass variables on as empty."""
    for name in ("BROKER_URL", "QDRANT_URL", "API_KEYS", "HTTP_THREADS"):
        monkeypatch.setenv(f"TWINSPACE_{name}", "")
    settings = Settings()
    assert settings.broker_url is None
    assert settings.qdrant_url is None
    assert settings.api_keys == ()


def test_the_distributed_profile_needs_all_of_its_services() -> None:
    assert Settings(**DISTRIBUTED).distributed


@pytest.mark.parametrize("missing", ["database_url", "qdrant_url", "storage_url"])
def test_workers_elsewhere_need_everything_shared(missing: str) -> None:
    with pytest.raises(ValidationError, match=f"TWINSPACE_{missing.upper()}"):
        Settings(**{name: value for name, value in DISTRIBUTED.items() if name != missing})


@pytest.mark.parametrize("name", ["database_url", "qdrant_url", "storage_url"])
def test_single_services_can_be_used_without_workers(name: str) -> None:
    assert not Settings(**{name: DISTRIBUTED[name]}).distributed


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"api_keys": "a,b,a"}, "twice"),
        ({"api_keys": "alice:a,bob:a"}, "twice"),
        ({"api_keys": "alice:"}, "TENANT:KEY"),
        ({"api_keys": ":key"}, "TENANT:KEY"),
        ({"api_keys": "a b:key"}, "TENANT:KEY"),
        ({"api_keys": "a/b:key"}, "TENANT:KEY"),
        ({"cors_origins": "https://a.example/"}, "no origin"),
        ({"cors_origins": "a.example"}, "no origin"),
        ({"max_image_bytes": 10, "max_request_bytes": 9}, "TWINSPACE_MAX_REQUEST_BYTES"),
        ({"qdrant_api_key": "k"}, "TWINSPACE_QDRANT_URL"),
        ({"qdrant_grpc": True}, "TWINSPACE_QDRANT_URL"),
        ({"qdrant_quantization": "int8"}, "TWINSPACE_QDRANT_QUANTIZATION"),
        ({"http_threads": 0}, "greater than or equal to 1"),
        ({"query_queue": 0}, "greater than or equal to 1"),
        ({"max_metadata_bytes": -1}, "greater than 0"),
    ],
)
def test_what_cannot_work_is_refused_and_says_what_to_do(settings: dict, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Settings(**settings)
