"""`twinspace doctor`: looks at everything that Twinspace needs and says what is wrong and what to do."""

from __future__ import annotations

import json
from dataclasses import asdict

import typer

from backend.cli.common import Json, load_settings

SIGNS = {"ok": "ok     ", "warning": "WARNING", "problem": "PROBLEM"}


def doctor(json_output: Json = False) -> None:
    """Check everything that Twinspace needs, and say what to do.

    Settings, storage, database, broker, vector store, space, disk, model and clock. Exit code 1 when
    something does not work. Nothing is changed, beside a probe in the storage.
    """
    from backend.doctor import examine

    findings = []
    for finding in examine(load_settings):
        findings.append(finding)
        if not json_output:
            typer.echo(f"{SIGNS[finding.level]}  {finding.part:<9} {finding.what}")
            if finding.remedy:
                typer.echo(f"{'':19}-> {finding.remedy}")
    if json_output:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2, ensure_ascii=False))
    raise typer.Exit(any(finding.level == "problem" for finding in findings))
