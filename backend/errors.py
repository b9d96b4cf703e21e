"""Every way a request can fail in domain terms; `backend.api.problems` alone turns them into HTTP."""

from __future__ import annotations


class TwinspaceError(Exception):
    """Base of all domain errors: a stable `code` for programs and a sentence for people."""

    code = "internal_error"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class InvalidRequest(TwinspaceError):
    """The caller can mend it; `errors` names the fields."""

    code = "invalid_request"

    def __init__(self, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.errors = [{"field": field, "message": detail}] if field else []


class InvalidCursor(InvalidRequest):
    code = "invalid_cursor"


class NotFound(TwinspaceError):
    code = "not_found"


class UnsupportedImage(TwinspaceError):
    """What the bytes show is no picture that we read."""

    code = "unsupported_image"


class TooLarge(TwinspaceError):
    """Too many bytes or pixels."""

    code = "too_large"


class CorruptImage(TwinspaceError):
    """Looked like a picture, cannot be decoded."""

    code = "corrupt_image"


class Unauthorized(TwinspaceError):
    code = "unauthorized"


class Overloaded(TwinspaceError):
    """A bounded queue is full: the same request will work a moment later."""

    code = "overloaded"
    retry_after = 1


class Unavailable(TwinspaceError):
    """A part we depend on (store, database, storage) does not answer."""

    code = "unavailable"
    retry_after = 5


class StorageFull(TwinspaceError):
    code = "storage_full"


class ConfigurationError(TwinspaceError):
    """The settings cannot work; raised before anything starts."""

    code = "configuration"
