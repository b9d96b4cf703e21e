"""`twinspace status`: what a running server holds and how far it is."""

from __future__ import annotations

import json

import typer

from backend.cli.common import DEFAULT_URL, Json, Key, Url, connect


def status(url: Url = DEFAULT_URL, key: Key = None, as_json: Json = False) -> None:
    """Say what a running server holds and how far it is."""
    with connect(url, key) as client:
        stats, ready = client.stats(), client.ready()
    if as_json:
        typer.echo(json.dumps({**stats, "ready": ready}, ensure_ascii=False))
        return
    space = stats["space"]
    typer.echo(f"server    {client.url} (version {stats['version']}, {'ready' if ready else 'not ready'})")
    typer.echo(f"space     {space['name']} ({space['dim']} dimensions)")
    typer.echo(f"images    {stats['images']}")
    typer.echo(f"captions  {stats['captions']}")
    typer.echo(f"pending   {stats['pending']}")
    typer.echo(f"failed    {stats['failed']}")
    if progress := stats.get("indexing"):
        done, total = progress["indexed"], progress["total"]
        typer.echo(f"encoded   {done} of {total} into this space: search finds these, the others follow")
