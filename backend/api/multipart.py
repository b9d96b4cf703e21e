"""Multipart bodies without surprises: one temporary file a request, and broken bodies are errors.

werkzeug keeps every uploaded file in a temporary file of its own (a thousand files, a thousand
descriptors) and reads a broken body as an empty one.
"""

from __future__ import annotations

import io
import tempfile
from typing import IO, Any, cast

from flask import Request
from werkzeug.formparser import FormDataParser

from backend.settings import MEBIBYTE

IN_MEMORY = 4 * MEBIBYTE


class _Slice(io.RawIOBase):
    """One part of a file that all parts share; it is written once, while it is the last, then read."""

    def __init__(self, shared: IO[bytes]) -> None:
        self._shared = shared
        self._start = shared.seek(0, io.SEEK_END)
        self._length = 0
        self._position = 0

    def write(self, data: Any) -> int:
        self._shared.seek(self._start + self._position)
        written = self._shared.write(data)
        self._position += written
        self._length = max(self._length, self._position)
        return written

    def read(self, size: int | None = -1) -> bytes:
        left = max(0, self._length - self._position)
        wanted = left if size is None or size < 0 else min(size, left)
        self._shared.seek(self._start + self._position)
        data = self._shared.read(wanted)
        self._position += len(data)
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._length}[whence]
        self._position = max(0, origin + offset)
        return self._position

    def tell(self) -> int:
        return self._position

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True


class StrictRequest(Request):
    _spool: IO[bytes] | None = None

    def _get_file_stream(self, *_: Any, **__: Any) -> IO[bytes]:
        if self._spool is None:
            self._spool = cast(IO[bytes], tempfile.SpooledTemporaryFile(max_size=IN_MEMORY))  # noqa: SIM115
        return cast(IO[bytes], _Slice(self._spool))

    def make_form_data_parser(self) -> FormDataParser:
        parser = super().make_form_data_parser()
        parser.silent = False
        return parser

    def close(self) -> None:
        super().close()
        if self._spool is not None:
            self._spool.close()
