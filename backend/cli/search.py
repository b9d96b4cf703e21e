"""`twinspace search`: words or a picture in, a table of the nearest pictures and captions out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backend.cli.common import DEFAULT_URL, Json, Key, Url, connect

if TYPE_CHECKING:
    from backend.client import Client, Hit


def search(
    words: Annotated[str | None, typer.Argument(help="What to look for.", show_default=False)] = None,
    image: Annotated[
        Path | None,
        typer.Option(help="A picture to look for.", exists=True, dir_okay=False, show_default=False),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Hits of each kind.")] = 10,
    url: Url = DEFAULT_URL,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Search with words, with a picture, or with both together."""
    if words is None and image is None:
        raise typer.BadParameter("Say what to look for: words, or --image FILE.")
    parts: list[dict[str, Any]] = [{"text": words}] if words is not None else []
    if image is not None:
        parts.append({"file": 0})
    with connect(url, key) as client:
        answer = client.search_json(parts, [image] if image else [], limit=limit)
        if as_json:
            typer.echo(json.dumps(answer, ensure_ascii=False))
        else:
            _print_table(client, answer)


def _print_table(client: Client, answer: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    from backend.client import found

    hits = found(answer)
    names = image_names(client, hits.images + hits.captions)
    table = Table("rank", "score", "kind", "what", "id")
    for group in (hits.images, hits.captions):
        for rank, hit in enumerate(group, start=1):
            what = hit.text or names.get(hit.id, "")
            table.add_row(str(rank), f"{hit.score:.3f}", hit.kind, _plain(what), hit.id)
        table.add_section()
    console = Console()
    if table.row_count:
        console.print(table)
    else:
        console.print("Nothing found: nothing is indexed yet.")


def image_names(client: Client, hits: list[Hit]) -> dict[str, str]:
    """File names of the images among `hits`: a hit itself does not carry one."""
    ids = [hit.id for hit in hits if hit.kind == "image"]
    return {item.id: item.filename or "" for item in client.items(ids)}


def _plain(text: str) -> Any:
    """As it is: rich would take `[...]` in a caption for markup."""
    from rich.text import Text

    return Text(text)
