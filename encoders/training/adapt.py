"""Few pictures: the shipped heads go a part of the way to them, if a held-out part says that it helps."""

from __future__ import annotations

import copy
import random
import shutil
import time
from dataclasses import dataclass, replace

import torch

from encoders.loading import SHIPPED
from encoders.manifest import read_manifest
from encoders.towers.efficientnet import EfficientNetLite2
from encoders.towers.minilm import MiniLM
from encoders.training.assembly import Assembly, load_assembly
from encoders.training.dataset import Dataset
from encoders.training.fit import Fit
from encoders.training.material import (
    HELD_OUT,
    TRAIN,
    VAL,
    Material,
    Parts,
    gather,
    learnable,
    picture_features,
)
from encoders.training.model import TwinModel
from encoders.training.options import Options
from encoders.training.recipe import Recipe, Schedule
from encoders.training.session import Session
from encoders.training.twin import Metrics, TwinObjective, evaluate, score_of

FEW = 2000
HELD_OUT_SHARE = 0.2
STEPS_OF_THE_WAY = (0.25, 0.5, 0.75, 1.0)
BASE = "twinspace-mini"


@dataclass(frozen=True)
class Adaptation:
    """On pictures that neither training nor any choice has seen."""

    pictures: int
    before: Metrics
    after: Metrics

    @property
    def helped(self) -> bool:
        return score_of(self.after) > score_of(self.before)


def can_adapt(dataset: Dataset, options: Options) -> bool:
    """Few pictures, and the towers that the shipped heads belong to, which the user does not mind."""
    towers = (options.image_tower, options.text_tower)
    ours = towers == (EfficientNetLite2.name, MiniLM.name)
    return ours and len(dataset.train) < FEW and not options.afresh


def adapt(dataset: Dataset, session: Session) -> tuple[Adaptation, float]:
    """Writes the adapted heads, or the shipped ones where adapting did not help; and the seconds it took."""
    options = session.options
    recipe = _recipe_for(options.recipe, len(dataset.train))
    assembly = load_assembly(SHIPPED[BASE], recipe)
    parts = _with_held_out(dataset, options.seed)
    assembly.image_tower.to(session.device)
    for tower in assembly.text_towers.values():
        tower.to(session.device)
    pictures = picture_features(
        parts,
        dataset.missing,
        assembly.image_tower,
        recipe.views,
        options.seed,
        session.cache,
        session.listener,
    )
    learned = learnable(pictures.examples[TRAIN], session.listener)
    towers = {language: tower for language, tower in assembly.text_towers.items() if language in learned}
    materials = gather(pictures, towers, session.cache, options.seed, session.device)
    class_names = session.class_names(assembly.image_tower, towers)

    started = time.monotonic()
    torch.manual_seed(options.seed)
    shipped = copy.deepcopy(assembly.model).to(session.device).eval()
    objective = TwinObjective(
        assembly.model.to(session.device),
        materials[TRAIN],
        materials[VAL],
        recipe,
        recipe.schedule,
        class_names,
    )
    tuned = Fit(objective, recipe.schedule).run("epochs", session.work / "checkpoint.pt", session.listener)
    part_way = _best_part_of_the_way(shipped, tuned, materials[VAL])
    held_out = materials[HELD_OUT]
    adaptation = Adaptation(held_out.count, evaluate(shipped, held_out), evaluate(part_way, held_out))
    seconds = time.monotonic() - started
    _write(
        Assembly(assembly.image_tower, assembly.text_towers, part_way),
        adaptation,
        session,
        len(dataset.train),
    )
    return adaptation, seconds


def _recipe_for(recipe: Recipe, pictures: int) -> Recipe:
    """A tenth of the pace of training afresh, and smaller batches."""
    schedule = Schedule(
        epochs=min(30, recipe.schedule.epochs),
        learning_rate=recipe.schedule.learning_rate / 5,
        weight_decay=0.0,
        batch=max(16, min(256, pictures // 4)),
        averaging=0.95,
    )
    return replace(recipe, schedule=schedule, views=3)


def _with_held_out(dataset: Dataset, seed: int) -> Parts:
    order = list(dataset.train)
    random.Random(seed).shuffle(order)
    count = round(HELD_OUT_SHARE * len(order))
    return {TRAIN: tuple(order[count:]), VAL: dataset.val, HELD_OUT: tuple(order[:count])}


def _best_part_of_the_way(start: TwinModel, end: TwinModel, val: Material) -> TwinModel:
    """Weights between the two ends (Wortsman et al., 2022): adapted, and still good at what they were."""
    candidates = [_between(start, end, share) for share in STEPS_OF_THE_WAY]
    return max(candidates, key=lambda model: score_of(evaluate(model, val)))


def _between(start: TwinModel, end: TwinModel, share: float) -> TwinModel:
    model = copy.deepcopy(end)
    goal = end.state_dict()
    model.load_state_dict(
        {name: tensor.lerp(goal[name], share) for name, tensor in start.state_dict().items()}
    )
    return model


def _write(assembly: Assembly, adaptation: Adaptation, session: Session, pictures: int) -> None:
    options = session.options
    if not adaptation.helped:
        shutil.copytree(SHIPPED[BASE], options.out, dirs_exist_ok=True)
        return
    notes = {
        "adapted_from": BASE,
        "pictures": pictures,
        "seed": options.seed,
        "held_out_pictures": adaptation.pictures,
        "held_out_before": adaptation.before,
        "held_out_after": adaptation.after,
    }
    # What the shipped heads were trained on does not go away.
    licence = f"{read_manifest(SHIPPED[BASE]).licence}; what they were adapted to: {options.licence}"
    assembly.write(options.out, None, licence, options.recipe.dim, notes)
