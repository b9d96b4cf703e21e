"""`twinspace calibrate`: fits what `relevance` means to pictures and captions of one's own.

It touches the catalogue alone, so that servers may run meanwhile; each uses the result within half a minute.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backend.cli.common import Captions, Pictures, Split, load_settings, progress_bar
from backend.errors import InvalidRequest

if TYPE_CHECKING:
    from sqlalchemy import URL

    from backend.evaluation.calibrate import Pairs
    from backend.evaluation.calibration_pairs import Captioned
    from encoders.base import Encoder, Vectors
    from encoders.calibration import Calibration


def calibrate(
    images: Pictures,
    captions: Captions,
    data: Annotated[
        Path | None,
        typer.Option(
            help="The server's data folder, where TWINSPACE_DATABASE_URL is not set [default: ./data].",
            show_default=False,
        ),
    ] = None,
    strangers: Annotated[
        Path | None,
        typer.Option(
            help="Folder of pictures that have nothing to do with yours, to tell such queries by.",
            exists=True,
            file_okay=False,
            show_default=False,
        ),
    ] = None,
    split: Split = None,
) -> None:
    """Fit `relevance` to your own pictures and captions."""
    from backend.cli.captions import of_split, read_captions, without_blanks

    settings = load_settings(data=data)
    entries = of_split(without_blanks(read_captions(captions)), split)
    from backend.catalogue.catalogue import Catalogue
    from backend.encoder import load_chosen
    from backend.evaluation.calibrate import fit, require_enough
    from backend.observing import catalogue_url
    from encoders.calibration import shipped_calibration

    # What can go wrong is said before minutes of work, not after.
    require_enough(len(entries))
    encoder = load_chosen(settings)
    if not settings.database_url:
        settings.data.mkdir(parents=True, exist_ok=True)
    url = catalogue_url(settings)
    in_use = url.get_backend_name() != "sqlite" or Path(str(url.database)).exists()
    with closing(Catalogue(url)) as catalogue:
        captioned = [(images / entry.image, entry.all_captions()) for entry in entries]
        pairs, strange = _encode(encoder, captioned, strangers, settings.max_image_pixels)
        calibration = fit(encoder.space, pairs, strange, shipped_calibration(settings.encoder, encoder.space))
        catalogue.calibrations.put(calibration)
    typer.echo(_summary(encoder.space.name, calibration))
    typer.echo(_where(url, in_use))


def _encode(
    encoder: Encoder, captioned: Captioned, strangers: Path | None, max_pixels: int
) -> tuple[Pairs, dict[str, Vectors]]:
    from backend.evaluation.calibrate import IMAGE
    from backend.evaluation.calibration_pairs import BATCH, encode_pairs, known_strangers, steps
    from backend.evaluation.encode import encode_image_files

    others = sorted(path for path in strangers.rglob("*") if path.is_file()) if strangers else []
    with progress_bar() as progress:
        bar = progress.add_task("encoding", total=steps(captioned) + len(others))

        def advance(n: int) -> None:
            progress.advance(bar, n)

        pairs, skipped = encode_pairs(encoder, captioned, max_pixels, advance)
        found = encode_image_files(encoder, others, BATCH, max_pixels, advance)
        strange = dict(known_strangers(encoder))
    for path, reason in skipped + found.problems:
        typer.echo(f"Skipped {path}: {reason}", err=True)
    if strangers:
        if not found.rows:
            raise InvalidRequest(f"No picture can be read in {strangers}.")
        strange[IMAGE] = found.vectors
    return pairs, strange


def _where(url: URL, in_use: bool) -> str:
    place = url.database if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=True)
    if in_use:
        return f"Kept in {place}: servers on it use it within half a minute."
    return f"Kept in {place}, which is new: name the folder of your server with --data if that is another."


def _summary(space: str, calibration: Calibration) -> str:
    known = [
        f"{name} to {searched}" for name, group in calibration.groups.items() for searched in group.directions
    ]
    return f"{space}: calibrated on {calibration.pictures} pictures ({', '.join(known)})."
