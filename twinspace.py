"""`from twinspace import Client`: the name under which programs know us. Needs no model library."""

from backend.client import *  # noqa: F403 - `__all__` below says what that is.
from backend.client import __all__ as __all__
