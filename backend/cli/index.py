"""`twinspace index`: uploads folders of pictures and their captions; run again, it sends what is new."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Annotated

import typer

from backend.cli.common import CAPTIONS, DEFAULT_URL, Key, Url, connect, progress_bar
from backend.errors import InvalidRequest

if TYPE_CHECKING:
    from backend.cli.uploading import Report
    from backend.client import Client, Item

SUFFIXES = frozenset(
    (".avif", ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff")
)
PATIENCE = 60.0
"""Seconds for which a busy or lost server is tried again."""


def index(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH", help="Folders and files.", exists=True, show_default=False),
    ],
    captions: Annotated[Path | None, CAPTIONS] = None,
    tag: Annotated[
        list[str] | None, typer.Option(metavar="TAG", help="Tag for all; repeatable.", show_default=False)
    ] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until all can be found.")] = True,
    url: Url = DEFAULT_URL,
    key: Key = None,
) -> None:
    """Upload folders of pictures. Run again, it sends only what is new."""
    from backend.cli.uploading import Uploader

    found = list(find_pictures(paths))
    if not found:
        raise InvalidRequest(f"No pictures under {', '.join(map(str, paths))}.")
    texts = match_captions(captions, found) if captions else {}
    with connect(url, key) as client:
        tenant = client.stats()["tenant"]
        for each in tag or ():  # What is no tag is refused here, and not with every picture.
            next(client.list_items(tag=each), None)
    with connect(url, key, PATIENCE, await_server=True) as client, progress_bar() as progress:
        files = [path for path, _ in found]
        bar = progress.add_task("uploading", total=len(files))
        report = Uploader(client, tenant, tag or (), texts).upload(files, lambda n: progress.advance(bar, n))
        if wait and report.pending:
            bar = progress.add_task("indexing", total=len(set(report.pending)))
            _await(client, report, lambda: progress.advance(bar))
    _summarise(report)
    raise typer.Exit(1 if report.failures else 0)


def find_pictures(paths: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """Files with their names relative to the folder they were found in, each file once, in a stable
    order. Inside folders only what has a picture's suffix counts; hidden files do not."""
    seen: set[str] = set()
    for root in paths:
        for path in [root] if root.is_file() else _walk(root):
            # `photos` and `photos/../photos` are one folder; a link is a file with a name of its own.
            place = os.path.abspath(path)  # noqa: PTH100
            if place not in seen:
                seen.add(place)
                yield path, path.relative_to(root).as_posix() if path != root else path.name


def _walk(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root, onerror=_raise):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES:
                yield Path(folder, name)


def _raise(error: OSError) -> None:
    raise error


def match_captions(file: Path, found: Sequence[tuple[Path, str]]) -> dict[Path, tuple[str, ...]]:
    """By the path below the folder, else by the bare file name, where that leaves one picture. Says what
    does not fit, and raises `InvalidRequest` where nothing does."""
    from backend.cli.captions import read_captions

    by_path, by_name = defaultdict(list), defaultdict(list)
    for path, full in found:
        by_path[full].append(path)
        by_name[path.name].append(path)
    texts = {PurePath(entry.image).as_posix(): entry.all_captions() for entry in read_captions(file)}
    named_by_path = {path for name in texts for path in by_path[name]}
    # Where a file names one `cat.jpg` by its path, its bare `cat.jpg` is another one.
    fitting = {
        name: by_path[name] or (by_name[name] if named_by_path.isdisjoint(by_name[name]) else [])
        for name in texts
    }
    matched = {paths[0]: texts[name] for name, paths in fitting.items() if len(paths) == 1}
    ambiguous = {name: paths for name, paths in fitting.items() if len(paths) > 1}
    if not matched and not ambiguous:
        raise InvalidRequest(f"{file}: not one of its {len(texts)} pictures is among those to upload.")
    if unused := len(texts) - len(matched) - len(ambiguous):
        typer.echo(f"{file}: {unused} of its pictures are not among those to upload.", err=True)
    for name, paths in islice(ambiguous.items(), 1):
        typer.echo(
            f"{file}: {len(ambiguous)} of its names fit several pictures each (`{name}` may be "
            f"{' or '.join(map(str, paths[:3]))}) and are left out: write the path below the folder.",
            err=True,
        )
    return matched


def _await(client: Client, report: Report, on_done: Callable[[], None]) -> None:
    def done(item: Item) -> None:
        if item.status == "failed" and item.error:
            name = report.names.get(item.id, f"caption `{item.text}`")
            report.failures.append((name, item.error["detail"]))
        on_done()

    client.wait(report.pending, on_done=done)


def _summarise(report: Report) -> None:
    typer.echo(
        f"{report.sent} pictures and {report.captions} captions uploaded, "
        f"{report.known} pictures were there already, {len(report.failures)} failed."
    )
    for name, reason in report.failures:
        typer.echo(f"{name}: {reason}", err=True)
