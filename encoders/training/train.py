"""From pictures with captions to a folder of heads: features once, then minutes of training."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from encoders.base import EncoderError
from encoders.script import ENGLISH
from encoders.towers.base import ImageTower, TextTower
from encoders.towers.registry import build_image_tower, require_image_tower, require_text_tower
from encoders.towers.word_vectors import WordVectors
from encoders.training.adapt import FEW, Adaptation, adapt, can_adapt
from encoders.training.assembly import Assembly, new_image_head, new_text_model
from encoders.training.class_names import ClassNames
from encoders.training.dataset import Dataset, Example, prepare
from encoders.training.features import FeatureCache
from encoders.training.fit import Fit
from encoders.training.follow import FollowObjective, start_from_ridge
from encoders.training.material import TRAIN, VAL, Material, gather, picture_features, text_towers
from encoders.training.model import TextModel, TwinModel
from encoders.training.options import Options, abandon_folder, claim_folder, release_folder
from encoders.training.progress import Listener, Silence
from encoders.training.recipe import Recipe
from encoders.training.session import Session
from encoders.training.twin import Metrics, TwinObjective, evaluate


@dataclass(frozen=True)
class Result:
    metrics: Metrics
    """On the val split; of an adaptation, on its held-out part."""
    seconds: float
    """Without the feature pass."""
    adaptation: Adaptation | None = None
    """With few pictures: how the shipped heads and the adapted ones compare."""


def train(examples: Sequence[Example], options: Options, listener: Listener | None = None) -> Result:
    """Writes an encoder to `options.out`. Interrupted and called again, it goes on where it was.

    Raises `TrainingError` when the data or the folder are not fit for it; nothing is written then.
    """
    listener = listener or Silence()
    dataset = prepare(examples, options.seed, listener)
    require_image_tower(options.image_tower, options.image_weights)
    require_text_tower(options.text_tower)
    work = claim_folder(options, dataset)
    session = Session(options, work, FeatureCache(options.cache, listener), listener)
    try:
        result = _adapt(dataset, session) if can_adapt(dataset, options) else _train_afresh(dataset, session)
    except EncoderError:
        abandon_folder(work)
        raise
    release_folder(work)
    return result


def _adapt(dataset: Dataset, session: Session) -> Result:
    session.listener.say(
        f"{len(dataset.train)} pictures are fewer than {FEW}: the shipped heads are adapted."
    )
    adaptation, seconds = adapt(dataset, session)
    return Result(adaptation.after if adaptation.helped else adaptation.before, seconds, adaptation)


def _train_afresh(dataset: Dataset, session: Session) -> Result:
    options, recipe = session.options, session.options.recipe.for_pictures(len(dataset.train))
    image_tower = build_image_tower(options.image_tower, options.image_weights)
    image_tower.to(session.device)
    parts = {TRAIN: dataset.train, VAL: dataset.val}
    pictures = picture_features(
        parts, dataset.missing, image_tower, recipe.views, options.seed, session.cache, session.listener
    )
    # Each stage draws from the seed anew: none depends on how many numbers those before it drew.
    torch.manual_seed(options.seed)
    towers = text_towers(
        pictures.examples[TRAIN], options.text_tower, session.prompts(image_tower), session.listener
    )
    for tower in towers.values():
        tower.to(session.device)
    materials = gather(pictures, towers, session.cache, options.seed, session.device)
    train_part, val_part = materials[TRAIN], materials[VAL]
    class_names = session.class_names(image_tower, towers)

    started = time.monotonic()
    trained, epochs = _lead(image_tower, towers, train_part, val_part, class_names, recipe, session)
    for language in follower_languages(towers):
        trained.texts[language] = _follow(
            language, towers[language], trained, train_part, val_part, recipe, session
        )

    metrics = evaluate(trained, val_part)
    seconds = time.monotonic() - started
    notes = {
        "pictures": len(dataset.train),
        "seed": options.seed,
        "epochs": epochs,
        "val": metrics,
    }
    assembly = Assembly(image_tower, towers, trained)
    assembly.write(options.out, options.image_weights, options.licence, recipe.dim, notes)
    return Result(metrics, seconds)


def _lead(
    image_tower: ImageTower,
    towers: dict[str, TextTower],
    train_part: Material,
    val_part: Material,
    class_names: ClassNames | None,
    recipe: Recipe,
    session: Session,
) -> tuple[TwinModel, int]:
    """Pictures and all languages but followers, and the epoch that was best. What it took is freed."""
    torch.manual_seed(session.options.seed)
    followers = follower_languages(towers)
    texts = {
        language: new_text_model(language, tower, train_part, recipe)
        for language, tower in towers.items()
        if language not in followers
    }
    model = TwinModel(new_image_head(image_tower, train_part, recipe), texts, recipe.temperature)
    objective = TwinObjective(
        model.to(session.device), train_part, val_part, recipe, recipe.schedule, class_names
    )
    fit = Fit(objective, recipe.schedule)
    trained = fit.run("epochs", session.work / "checkpoint.pt", session.listener)
    return trained, fit.best_epoch


def follower_languages(towers: dict[str, TextTower]) -> list[str]:
    """Languages of word vectors where English has a tower that has read more than captions."""
    leader = towers.get(ENGLISH)
    if leader is None or isinstance(leader, WordVectors):
        return []
    return [language for language, tower in towers.items() if isinstance(tower, WordVectors)]


def _follow(
    language: str,
    tower: TextTower,
    leader: TwinModel,
    train_part: Material,
    val_part: Material,
    recipe: Recipe,
    session: Session,
) -> TextModel:
    torch.manual_seed(session.options.seed)
    model = new_text_model(language, tower, train_part, recipe).to(session.device)
    objective = FollowObjective(leader, language, model, train_part, val_part, recipe)
    start_from_ridge(model, train_part.texts[language], objective.destinations)
    fit = Fit(objective, recipe.follow)
    return fit.run(f"{language} epochs", session.work / f"checkpoint-{language}.pt", session.listener)
