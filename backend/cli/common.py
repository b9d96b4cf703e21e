"""What several commands need: settings with readable errors, the server's address, a progress bar."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backend.errors import ConfigurationError

if TYPE_CHECKING:
    from rich.progress import Progress

    from backend.client import Client
    from backend.settings import Settings

DEFAULT_URL = "http://127.0.0.1:8000"
Url = Annotated[str, typer.Option(envvar="TWINSPACE_URL", help="Address of a running server.")]
Key = Annotated[
    str | None,
    typer.Option(envvar="TWINSPACE_API_KEY", help="API key, if the server wants one.", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Pictures = Annotated[Path, typer.Option(help="Folder of the pictures.", exists=True, file_okay=False)]
CAPTIONS = typer.Option(
    help="csv (image,caption) or json ([{image, captions: []}]).",
    exists=True,
    dir_okay=False,
    show_default=False,
)
Captions = Annotated[Path, CAPTIONS]
Split = Annotated[str | None, typer.Option(help="Of a file with splits [default: val].", show_default=False)]


def load_settings(**overrides: Any) -> Settings:
    """Settings from the environment, with options in front. Raises `ConfigurationError`."""
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from backend.settings import Settings

    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        message = first["msg"].removeprefix("Value error, ")
        if first["loc"]:
            message = f"TWINSPACE_{str(first['loc'][0]).upper()}: {message} (got {first['input']!r})."
        raise ConfigurationError(message) from error
    except SettingsError as error:
        raise ConfigurationError(str(error)) from error


def connect(url: str, key: str | None, patience: float = 10, await_server: bool = False) -> Client:
    """A client that, unlike a program's, does not wait for a server that is not there."""
    from backend.client import Client

    return Client(url, key, patience=patience, await_server=await_server)


def progress_bar() -> Progress:
    """On the error stream, so that what a command prints can be piped."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
