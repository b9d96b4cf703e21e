"""`celery -A tests.support.celery_worker worker`: the product's worker, with a quick encoder."""

from __future__ import annotations

import encoders.loading
from tests.support.encoders import ColourEncoder

# Before anything imports it by name.
encoders.loading.load_encoder = lambda name: ColourEncoder()

from workers.tasks import app  # noqa: E402

__all__ = ["app"]
