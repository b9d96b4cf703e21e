"""What a Qdrant server's silence, refusals and statuses mean in domain terms, over REST and gRPC alike."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from json import JSONDecodeError

from grpc import RpcError
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from backend.errors import InvalidRequest, Unavailable
from backend.store.base import MissingLexical, MissingSpace, is_missing_lexical

# Of Qdrant Cloud, for one.
_STRICT = (
    "This Qdrant compares ranges of those fields only that have an index: the setting TWINSPACE_RANGE_FIELDS "
    "would have to declare this one, as in `price:number,taken:datetime`."
)
_REFUSALS = frozenset({400, 409, 413, 422})
_GRPC_REFUSALS = frozenset({"INVALID_ARGUMENT", "ALREADY_EXISTS", "OUT_OF_RANGE"})


@contextmanager
def client_errors() -> Iterator[None]:
    """Refusals of what was asked become `ValueError`, of a range in strict mode `InvalidRequest`, the rest
    `Unavailable`: it may work later."""
    try:
        yield
    except ResponseHandlingException as error:
        raise Unavailable(f"Qdrant does not answer: {error.source!r}") from error
    except ResourceExhaustedResponse as error:
        raise Unavailable(f"Qdrant is overloaded: {error}") from error
    except UnexpectedResponse as error:
        message = f"{error.status_code} {error.content.decode('utf-8', errors='replace')[:300]}"
        raise _meaning(error.status_code == 404, error.status_code in _REFUSALS, message) from error
    except RpcError as error:
        status = error.code().name
        message = f"{status} {error.details()}"
        raise _meaning(status == "NOT_FOUND", status in _GRPC_REFUSALS, message) from error
    except JSONDecodeError as error:
        raise Unavailable("Qdrant does not answer: something else does, and not in JSON.") from error
    except ValueError as error:
        # The client's local mode speaks in these.
        if str(error).startswith("Collection") and str(error).endswith("not found"):
            raise MissingSpace(str(error)) from error
        if is_missing_lexical(str(error)):
            raise MissingLexical(str(error)) from error
        raise


def _meaning(not_found: bool, refused: bool, message: str) -> Exception:
    # A proxy on the way says 404, too: only Qdrant says which collection.
    if not_found and "ollection" in message:
        return MissingSpace(message)
    if refused and is_missing_lexical(message):
        return MissingLexical(message)
    if refused and "Index required but not found" in message:
        return InvalidRequest(_STRICT, "filter.metadata")
    if refused:
        return ValueError(f"Qdrant refused: {message}")
    return Unavailable(f"Qdrant answers {message}")
