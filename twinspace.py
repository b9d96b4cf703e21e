"""`from twinspace import Client`: the name under which programs know us. Needs no model library."""

from backend.client import (
    ApiError,
    Client,
    Facet,
    Found,
    Hit,
    Item,
    Label,
    Refusal,
    Unreachable,
    Uploaded,
)

__all__ = [
    "ApiError",
    "Client",
    "Facet",
    "Found",
    "Hit",
    "Item",
    "Label",
    "Refusal",
    "Unreachable",
    "Uploaded",
]
