"""Which version runs: asked of the installed distribution, so that it is written down once."""

from __future__ import annotations

from importlib.metadata import version

VERSION = version("twinspace")
