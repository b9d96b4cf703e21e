"""A small typed client of the HTTP API, for the command line and for programs; needs no model library."""

from backend.client.answers import Facet, Found, Hit, Item, Label, Refusal, Uploaded, found
from backend.client.client import Client
from backend.client.transport import ApiError, Unreachable

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
    "found",
]
