"""The `twinspace` command. Importing it loads no model library: help and typing mistakes answer at once."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from backend.cli.api import api
from backend.cli.beat import beat
from backend.cli.calibrate import calibrate
from backend.cli.doctor import doctor
from backend.cli.evaluate import evaluate
from backend.cli.index import index
from backend.cli.migrate import migrate
from backend.cli.optimize import optimize
from backend.cli.search import search
from backend.cli.serve import serve
from backend.cli.status import status
from backend.cli.train import train
from backend.cli.worker import worker
from backend.errors import TwinspaceError

app = typer.Typer(
    help="Search pictures with words and words with pictures.",
    add_completion=False,
    rich_markup_mode=None,  # rich's help costs a fifth of a second.
    pretty_exceptions_enable=False,
)
app.command("serve")(serve)
app.command("index")(index)
app.command("search")(search)
app.command("status")(status)
app.command("optimize")(optimize)
app.command("eval")(evaluate)
app.command("train")(train)
app.command("calibrate")(calibrate)
app.command("api")(api)
app.command("worker")(worker)
app.command("beat")(beat)
app.command("migrate")(migrate)
app.command("doctor")(doctor)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"twinspace {version('twinspace')}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass


def run(arguments: Sequence[str]) -> int:
    """The exit code: 0 done, 1 failed, 2 wrongly called, 130 interrupted. Foreseen ends take one line."""
    try:
        code = app(args=list(arguments) or ["--help"], prog_name="twinspace", standalone_mode=False)
    except typer.TyperException as error:
        message = error.format_message() if hasattr(error, "format_message") else str(error)
        return _complain(message, getattr(error, "exit_code", 2))
    except TwinspaceError as error:
        hint = " Here that is --key KEY, or TWINSPACE_API_KEY." if error.code == "unauthorized" else ""
        return _complain(error.detail + hint, 1)
    except OSError as error:
        if error.filename is None:
            raise
        return _complain(f"{error.filename}: {error.strerror}", 1)
    return code if isinstance(code, int) else 0


def _complain(message: str, code: int) -> int:
    typer.echo(f"Error: {' '.join(message.split())}", err=True)
    return code


def main() -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):  # As on the error stream: any text can be printed anywhere.
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))
