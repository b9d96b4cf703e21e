"""One request and its repetitions: a busy server and a lost connection are met with patience."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import Any

import httpx

from backend.errors import InvalidRequest, TwinspaceError

BUSY = (429, 503)
LONGEST_PAUSE = 5.0


class Unreachable(TwinspaceError):
    """No answer from the server."""

    code = "unreachable"


class ApiError(TwinspaceError):
    """The server refused: `status` is HTTP's, `code` is ours, `errors` names the fields."""

    def __init__(self, status: int, code: str, detail: str, errors: Sequence[Mapping[str, str]] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.errors = [dict(error) for error in errors]


class Transport:
    """Requests to one server, each repeated for up to `patience` seconds while that can help."""

    def __init__(
        self, url: str, key: str | None, patience: float, timeout: float, await_server: bool = True
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise InvalidRequest(f"`{url}` is no server's address: http:// or https:// is missing.", "url")
        if key and not (key.isascii() and key.isprintable()):
            raise InvalidRequest("An API key consists of printable ASCII characters.", "key")
        self.url = url.rstrip("/")
        self._patience = patience
        self._await_server = await_server
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        try:
            host = httpx.URL(self.url).host
        except (httpx.InvalidURL, UnicodeError) as error:
            raise InvalidRequest(f"`{url}` is no server's address: {error}", "url") from error
        options: dict[str, Any] = {"base_url": self.url, "headers": headers, "timeout": timeout}
        try:
            # A proxy of the environment would look for a loopback address on its own machine.
            self._http = httpx.Client(**options, trust_env=not _is_loopback(host))
        except (httpx.InvalidURL, ValueError, ImportError) as error:
            raise InvalidRequest(f"The proxy of the environment cannot be used: {error}") from error

    def close(self) -> None:
        self._http.close()

    def status(self, path: str) -> int | None:
        """Asks once; None: no answer."""
        try:
            return self._http.get(path).status_code
        except httpx.TransportError:
            return None

    def json(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        response = self.send(method, path, **options)
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise Unreachable(f"What answers at {self.url} is no Twinspace server.")
        return answer

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        deadline = time.monotonic() + self._patience
        pause = 0.1
        while True:
            problem: TwinspaceError
            wait = pause
            try:
                response = self._http.request(method, path, **options)
            except httpx.TransportError as error:
                problem = Unreachable(f"No answer from {self.url}: {_in_words(error)}")
                if not self._await_server:
                    raise problem from error
            except ValueError as error:
                raise InvalidRequest(f"This cannot be sent: {_reason(error)}.") from error
            else:
                if response.status_code < 400:
                    return response
                problem = _problem(response, self.url)
                if response.status_code not in BUSY:
                    raise problem
                wait = max(pause, _retry_after(response))
            if time.monotonic() + wait > deadline:
                raise problem
            time.sleep(wait)
            pause = min(2 * pause, LONGEST_PAUSE)


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _in_words(error: httpx.TransportError) -> str:
    reason = str(error) or type(error).__name__
    if isinstance(error, httpx.ConnectError):
        return f"{reason}. Is a server running there? `twinspace serve` starts one."
    return reason


def _reason(error: ValueError) -> str:
    """What JSON and UTF-8 refuse, in words for whoever typed it."""
    if isinstance(error, UnicodeEncodeError):
        return f"{error.object[error.start : error.end]!a} is no character in UTF-8"
    return str(error)


def _retry_after(response: httpx.Response) -> float:
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdigit() else 0.0


def _problem(response: httpx.Response, url: str) -> ApiError:
    status = response.status_code
    try:
        body = response.json()
        detail, code, errors = body["detail"], body["code"], body.get("errors") or []
        named = "; ".join(f"{e['field']}: {e['message']}" for e in errors if e["message"] not in detail)
    except (ValueError, KeyError, TypeError, AttributeError):
        return ApiError(status, "unknown", f"{url} answered with status {status}.")
    return ApiError(status, code, f"{detail} ({named})" if named else detail, errors)
