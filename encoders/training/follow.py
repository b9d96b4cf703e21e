"""Word vectors of a second language, trained after the main objective, towards what it made.

Pictures and English stay as they are, so English loses nothing. The vectors start from a closed form: ridge
regression from bags of terms to where pictures and their English captions lie.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from encoders.heads import BagHead
from encoders.script import ENGLISH
from encoders.towers.word_vectors import DIM, WordVectors
from encoders.training.captions import TermInputs
from encoders.training.contrastive import Units, contrastive_loss
from encoders.training.material import Material, Side
from encoders.training.model import TextModel, TwinModel
from encoders.training.recipe import Recipe
from encoders.training.twin import evaluate, sample_views, score_of

RIDGE = 2.0
CONJUGATE_STEPS = 40
CHUNK = 512
"""Rows that are encoded at a time, for the sake of memory; `COLUMNS` are solved for at a time."""
COLUMNS = 128


class FollowObjective:
    """Implements `encoders.training.fit.Objective` for one language's word vectors; `leader` is frozen."""

    def __init__(
        self,
        leader: TwinModel,
        language: str,
        model: TextModel,
        train: Material,
        val: Material,
        recipe: Recipe,
    ) -> None:
        self.model = model
        self.pictures = train.count
        self._leader, self._language, self._recipe, self._val = leader, language, recipe, val
        self._side = train.texts[language]
        self._scale = recipe.follow_sharpness * leader.scale.detach()
        self._images, self._english, self._said = _targets(leader, train)

    @property
    def destinations(self) -> Tensor:
        """`[n, d]`: between where a picture lies and where its English captions do."""
        return self._images.mean(0) + self._english

    def score(self, model: TextModel) -> float:
        alone = TwinModel(self._leader.image.head, {self._language: model}, 1.0).eval()
        return score_of(evaluate(alone, self._val))

    def loss(self, pictures: Tensor) -> Tensor:
        device = self._images.device
        numbers = self._side.captions.sample(pictures, self._recipe.follow.captions)
        owners = self._side.captions.owners[numbers].to(device)
        texts = Units(self.model(*self._side.inputs(numbers, self._recipe.hidden_terms)), owners)
        there = torch.unique(owners)
        views = sample_views(len(self._images), len(there)).to(device)
        likeness = self._said[there] @ self._said[owners].T
        softness, hardness = self._recipe.softness, self._recipe.hardness
        return sum(
            (
                contrastive_loss(Units(target, there), texts, self._scale, likeness, softness, hardness)
                for target in (self._images[views, there], self._english[there])
            ),
            torch.zeros((), device=device),
        )


@torch.no_grad()
def _targets(leader: TwinModel, train: Material) -> tuple[Tensor, Tensor, Tensor]:
    """Pictures `[views, n, d]`, the mean English caption of each `[n, d]`, and of its sentence vectors."""
    images = torch.stack(
        [torch.cat([leader.image(chunk) for chunk in torch.split(view, CHUNK)]) for view in train.images]
    )
    side = train.texts[ENGLISH]
    inputs = side.inputs
    chunks = torch.split(torch.arange(len(side.captions.texts)), CHUNK)
    english = torch.cat([leader.texts[ENGLISH](*inputs(chunk)) for chunk in chunks])
    sentences = inputs.sentences(torch.arange(len(english)))
    owners = side.captions.owners.to(images.device)
    said = english if sentences is None else sentences
    return images, _mean_by_owner(english, owners, train.count), _mean_by_owner(said, owners, train.count)


def _mean_by_owner(vectors: Tensor, owners: Tensor, count: int) -> Tensor:
    summed = torch.zeros(count, vectors.shape[1], device=vectors.device).index_add_(0, owners, vectors)
    return nn.functional.normalize(summed, dim=1)


@torch.no_grad()
def start_from_ridge(model: TextModel, side: Side, destinations: Tensor) -> None:
    """Sets tower and head so that they say what ridge regression says, as far as `DIM` dimensions can."""
    tower, head, inputs = model.tower, model.head, side.inputs
    if not (isinstance(tower, WordVectors) and isinstance(head, BagHead) and isinstance(inputs, TermInputs)):
        raise TypeError("Only word vectors under a bag head start from ridge regression.")
    counts = torch.tensor(list(tower.vocabulary.counts.values()), dtype=torch.float32)
    rarity = (tower.vocabulary.documents / counts).log().clamp(min=0.1).sqrt()
    bags = _bags(inputs, rarity)
    wanted = torch.split((destinations - destinations.mean(0)).cpu(), COLUMNS, dim=1)
    solved = [_ridge(bags, columns[side.captions.owners]) for columns in wanted]
    term_vectors = torch.cat(solved, dim=1) * rarity[:, None]
    weighted = term_vectors * (counts + 1).sqrt()[:, None]
    directions = torch.linalg.eigh(weighted.T @ weighted).eigenvectors[:, -DIM:]
    compact = term_vectors @ directions
    tower.vectors.weight.copy_(compact / compact.std())
    head.project.weight.copy_(directions)
    head.project.bias.zero_()
    for parameter in head.refine[-1].parameters():
        parameter.zero_()


def _bags(inputs: TermInputs, rarity: Tensor) -> Tensor:
    """Sparse `[captions, terms]`: each term once, by its rarity, rows of unit length."""
    rows = torch.arange(len(inputs.lengths)).repeat_interleave(inputs.lengths)
    pairs = torch.unique(torch.stack([rows, inputs.flat]), dim=1)
    values = rarity[pairs[1]]
    squares = torch.zeros(len(inputs.lengths)).index_add_(0, pairs[0], values**2)
    values = values / squares.sqrt()[pairs[0]].clamp(min=1e-6)
    shape = (len(inputs.lengths), len(rarity))
    return torch.sparse_coo_tensor(pairs, values, shape, check_invariants=False).coalesce()


def _ridge(bags: Tensor, wanted: Tensor) -> Tensor:
    """Solves (X'X + RIDGE) B = X'Y by conjugate gradients, all columns at once."""
    forward, backward = bags, bags.T.coalesce()
    residual = backward @ wanted
    solution, direction = torch.zeros_like(residual), residual.clone()
    energy = residual.square().sum(0)
    for _ in range(CONJUGATE_STEPS):
        image = backward @ (forward @ direction) + RIDGE * direction
        step = energy / ((direction * image).sum(0) + 1e-12)
        solution += step * direction
        residual -= step * image
        before, energy = energy, residual.square().sum(0)
        direction = residual + (energy / (before + 1e-12)) * direction
    return solution
