"""`twinspace migrate`: brings the database's schema up to date before anything else starts."""

from __future__ import annotations

import typer

from backend.cli.common import load_settings


def migrate() -> None:
    """Bring the database's schema up to date. Does nothing where it is already."""
    settings = load_settings()
    from backend.catalogue.catalogue import Catalogue
    from backend.catalogue.database import opening_errors
    from backend.doctor.database import schema
    from backend.observing import catalogue_url

    if settings.database_url is None:
        settings.data.mkdir(parents=True, exist_ok=True)
    with opening_errors():
        url = catalogue_url(settings)
        before = schema(url)
        Catalogue(url).close()
        after = schema(url).current
    typer.echo(
        f"The schema is up to date ({after})."
        if before.current == after
        else f"Brought the schema from {before.current or 'nothing'} to {after}."
    )
