"""Logs as one JSON object a line, on the error stream: for programs that collect them, and for grep."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

REQUESTS = "twinspace.requests"
"""Its messages are JSON objects already."""


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        if record.name == REQUESTS:
            return record.getMessage()
        fields = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            # What a program may want to search for: `extra={"fields": {...}}`.
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False)


def configure() -> None:
    """Ours from INFO on, libraries from WARNING on."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("twinspace").setLevel(logging.INFO)
    logging.captureWarnings(True)
