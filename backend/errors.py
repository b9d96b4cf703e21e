"""Every way a request can fail in domain terms; `backend.api.problems` alone turns them into HTTP."""

from __future__ import annotations

from collections.abc import Sequence

FieldError = dict[str, str]
"""`{"field", "message"}`"""


class TwinspaceError(Exception):
    """Base of all domain errors: a stable `code` for programs and a sentence for people.

    `errors` names the fields of the request that are to blame, where there are any.
    """

    code = "internal_error"

    def __init__(self, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors: list[FieldError] = [{"field": field, "message": detail}] if field else []


class InvalidRequest(TwinspaceError):
    """The caller can mend it; `errors` names the fields."""

    code = "invalid_request"

    @classmethod
    def of(cls, errors: Sequence[FieldError]) -> InvalidRequest:
        """One error for several fields at once."""
        first = errors[0]
        error = cls(f"{first['field']}: {first['message']}")
        error.errors = list(errors)
        return error


class InvalidCursor(InvalidRequest):
    code = "invalid_cursor"

    def __init__(self, detail: str, field: str | None = "cursor") -> None:
        super().__init__(detail, field)


class NotCalibrated(InvalidRequest):
    """Nothing tells which cosine is how relevant in this space."""

    code = "not_calibrated"


class MalformedBody(TwinspaceError):
    """The body cannot be read at all: broken JSON, broken multipart."""

    code = "malformed_body"


class UnsupportedMediaType(TwinspaceError):
    """The body is of a type that this call does not take."""

    code = "unsupported_media_type"


class NotFound(TwinspaceError):
    code = "not_found"


class NotReady(NotFound):
    """It will be there a moment later: a thumbnail of a picture that waits its turn."""

    code = "not_ready"
    retry_after = 1


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


class Forbidden(TwinspaceError):
    """Not to be had from there, whoever asks."""

    code = "forbidden"


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
