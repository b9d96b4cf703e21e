"""`twinspace calibrate`: fits what `relevance` means to pictures and captions of one's own.

It touches the catalogue alone, so that servers may run meanwhile; each uses the result within half a minute.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backend.cli.common import load_settings, progress_bar
from backend.errors import ConfigurationError, InvalidRequest

if TYPE_CHECKING:
    from encoders.calibration import Calibration


def calibrate(
    images: Annotated[Path, typer.Option(help="Folder of the pictures.", exists=True, file_okay=False)],
    captions: Annotated[
        Path,
        typer.Option(
            help="csv (image,caption) or json ([{image, captions: []}]).", exists=True, dir_okay=False
        ),
    ],
    data: Annotated[
        Path | None, typer.Option(help="Data folder, where no database is set.", show_default=False)
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
    split: Annotated[
        str | None, typer.Option(help="Of a file with splits [default: val].", show_default=False)
    ] = None,
) -> None:
    """Fit `relevance` to your own pictures and captions."""
    from backend.cli.captions import of_split, read_captions

    settings = load_settings(data=data)
    entries = of_split(read_captions(captions), split)
    captioned = [(images / entry.image, entry.all_captions()) for entry in entries]
    others = sorted(path for path in strangers.rglob("*") if path.is_file()) if strangers else []
    from backend.catalogue.catalogue import Catalogue
    from backend.evaluation.calibrate import IMAGE, fit, require_enough
    from backend.evaluation.calibration_pairs import BATCH, encode_pairs, known_strangers, steps
    from backend.evaluation.encode import encode_image_files
    from backend.observing import catalogue_url
    from encoders.base import EncoderError
    from encoders.calibration import shipped_calibration
    from encoders.loading import load_encoder
    from encoders.views import with_views

    require_enough(len(captioned))  # Said before minutes of work, not after.
    try:
        encoder = with_views(load_encoder(settings.encoder), settings.encoder_views)
    except EncoderError as error:
        raise ConfigurationError(str(error)) from error
    with progress_bar() as progress:
        bar = progress.add_task("encoding", total=steps(captioned) + len(others))
        pairs, skipped = encode_pairs(
            encoder, captioned, settings.max_image_pixels, lambda n: progress.advance(bar, n)
        )
        strange = dict(known_strangers(encoder))
        if strangers:
            found = encode_image_files(
                encoder, others, BATCH, settings.max_image_pixels, lambda n: progress.advance(bar, n)
            )
            if not found.rows:
                raise InvalidRequest(f"No picture can be read in {strangers}.")
            strange[IMAGE] = found.vectors
            skipped += found.problems
    for path, reason in skipped:
        typer.echo(f"Skipped {path}: {reason}", err=True)
    shipped = shipped_calibration(settings.encoder, encoder.space)
    calibration = fit(encoder.space, pairs, strange, shipped)
    catalogue = Catalogue(catalogue_url(settings))
    try:
        catalogue.calibrations.put(calibration)
    finally:
        catalogue.close()
    typer.echo(_summary(encoder.space.name, calibration))


def _summary(space: str, calibration: Calibration) -> str:
    known = [
        f"{name} to {searched}" for name, group in calibration.groups.items() for searched in group.directions
    ]
    return (
        f"{space}: calibrated on {calibration.pictures} pictures ({', '.join(known)}). "
        "Running servers use it within half a minute."
    )
