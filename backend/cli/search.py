"""`twinspace search`: words and pictures in, a table of the nearest pictures and captions out."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backend.cli.common import DEFAULT_URL, Json, Key, Url, connect
from backend.cli.query import Parts, conditions

if TYPE_CHECKING:
    from backend.client import Client

Words = list[str] | None
Files = Annotated[
    list[Path] | None,
    typer.Option(
        "--like",
        "--image",
        metavar="FILE",
        help="A picture to be like; repeatable.",
        exists=True,
        dir_okay=False,
    ),
]
UNLIMITED = 100_000
"""Columns, where nobody's window is."""


def search(
    words: Annotated[
        str | None, typer.Argument(metavar="WORDS", help="What to look for.", show_default=False)
    ] = None,
    like: Files = None,
    item: Annotated[
        Words, typer.Option(metavar="ID", help="Id of a stored item to be like; repeatable.")
    ] = None,
    plus: Annotated[
        Words, typer.Option(metavar="WORDS", help="More words, heard as a part of their own; repeatable.")
    ] = None,
    minus: Annotated[
        Words, typer.Option(metavar="WORDS", help="Words to stay away from; repeatable.")
    ] = None,
    hybrid: Annotated[bool, typer.Option("--hybrid", help="Also by the words themselves (BM25).")] = False,
    lexical: Annotated[bool, typer.Option("--lexical", help="Only by the words themselves.")] = False,
    tag: Annotated[
        Words, typer.Option(metavar="TAG", help="Only with this tag; repeatable: with all.")
    ] = None,
    without_tag: Annotated[
        Words, typer.Option(metavar="TAG", help="Only without this tag; repeatable.")
    ] = None,
    where: Annotated[
        Words,
        typer.Option(
            metavar="CONDITION",
            help="On the metadata: key=value, key>=1, key<5, or key alone; repeatable.",
        ),
    ] = None,
    after: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only uploaded since then, like 2026-01-31T12:00:00Z.")
    ] = None,
    before: Annotated[str | None, typer.Option(metavar="TIME", help="Only uploaded before then.")] = None,
    has_caption: Annotated[
        bool | None, typer.Option("--captioned/--uncaptioned", help="Only pictures with or without captions.")
    ] = None,
    min_relevance: Annotated[
        float | None, typer.Option(min=0, max=1, help="Cut what is less relevant.")
    ] = None,
    diversify: Annotated[
        float | None, typer.Option(min=0, max=1, help="0 is the best, 1 the most varied.")
    ] = None,
    merge: Annotated[bool, typer.Option("--merge", help="One list of pictures and captions.")] = False,
    group: Annotated[bool, typer.Option("--group", help="A picture's captions together.")] = False,
    newest: Annotated[bool, typer.Option("--newest", help="The newest first, not the best.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Hits of each kind.")] = 10,
    url: Url = DEFAULT_URL,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Search with words, pictures, stored items, or several of them."""
    query = Parts()
    query.add_words([words] if words is not None else [])
    query.add_pictures(like or [])
    query.add_items(item or [])
    query.add_words(plus or [])
    query.add_words(minus or [], weight=-1)
    if not query.parts:
        raise typer.BadParameter("Say what to look for: words, --like FILE, or --item ID.")
    if hybrid and lexical:
        raise typer.BadParameter("--hybrid and --lexical exclude each other.")
    filter = {
        "tags_all": tag,
        "tags_none": without_tag,
        "metadata": conditions(where or []),
        "created_after": after,
        "created_before": before,
        "has_caption": has_caption,
    }
    options: dict[str, Any] = {
        "mode": "hybrid" if hybrid else "lexical" if lexical else None,
        "filter": {name: value for name, value in filter.items() if value not in (None, {})},
        "min_relevance": min_relevance,
        "diversify": diversify,
        "merge": "rrf" if merge else None,
        "group_by": "image" if group else None,
        "order_by": "created_at" if newest else None,
        "limit": limit,
    }
    given = {name: value for name, value in options.items() if value not in (None, {})}
    with connect(url, key) as client:
        answer = client.search_json(query.parts, query.pictures, **given)
        if as_json:
            typer.echo(json.dumps(answer, ensure_ascii=False))
        else:
            _print_table(client, answer)


def _print_table(client: Client, answer: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    from backend.client import found

    hits = found(answer)
    lists = [hits.merged] if hits.merged else [hits.images, hits.captions]
    calibrated = any(hit.relevance is not None for some in lists for hit in some)
    table = Table("rank", "score", *(["relevance"] if calibrated else []), "kind", "what")
    table.add_column("id", overflow="fold")  # Half an id is of no use.
    for some in lists:
        for rank, hit in enumerate(some, start=1):
            relevance = [f"{hit.relevance or 0:.2f}"] if calibrated else []
            what = _plain(hit.text or hit.filename or "")
            table.add_row(str(rank), f"{hit.score:.3f}", *relevance, hit.kind, what, hit.id)
        table.add_section()
    console = Console(width=None if sys.stdout.isatty() else UNLIMITED)
    if table.row_count:
        console.print(table)
    elif client.stats()["images"] + client.stats()["captions"]:
        console.print("Nothing found: no item meets all conditions.")
    else:
        console.print("Nothing found: nothing is indexed yet.")


def _plain(text: str) -> Any:
    """As it is: rich would take `[...]` in a caption for markup."""
    from rich.text import Text

    return Text(text)
