"""The training objective: InfoNCE in both directions where every caption of the same picture is a positive.

Radford et al. (2021) with the multi-positive targets of Khosla et al. (2020): captions of one picture
are not each other's negatives. Soft targets: nor are captions of others that say the same. Hard negatives
count more (Robinson et al., 2021).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

LIKENESS_TEMPERATURE = 0.05
QUERIES_AT_ONCE = 512
"""A val split of 5,000 pictures has 25,000 captions: a matrix of both would be half a gigabyte."""


@dataclass(frozen=True)
class Units:
    """Unit vectors `[n, d]` and the number of the picture that each belongs to, `int64[n]`."""

    vectors: Tensor
    owners: Tensor


def contrastive_loss(
    left: Units,
    right: Units,
    scale: Tensor,
    likeness: Tensor | None = None,
    softness: float = 0.0,
    hardness: float = 0.0,
) -> Tensor:
    """Symmetric InfoNCE; rows of equal owners match.

    `likeness`, cosines `[n, m]` between left and right by another judge, takes the share `softness` of the
    target. With `hardness` a negative counts by how similar it is: e to the power of so many logits, one on
    average.
    """
    logits = scale * left.vectors @ right.vectors.T
    matches = (left.owners[:, None] == right.owners[None, :]).float()
    forward, backward = _targets(matches), _targets(matches.T)
    if likeness is not None:
        forward = (1 - softness) * forward + softness * (likeness / LIKENESS_TEMPERATURE).softmax(1)
        backward = (1 - softness) * backward + softness * (likeness.T / LIKENESS_TEMPERATURE).softmax(1)
    rows, columns = _weighed(logits, matches, hardness), _weighed(logits.T, matches.T, hardness)
    return (functional.cross_entropy(rows, forward) + functional.cross_entropy(columns, backward)) / 2


def _weighed(logits: Tensor, matches: Tensor, hardness: float) -> Tensor:
    """Logits with the logarithms of their weights in the softmax."""
    if not hardness:
        return logits
    match = matches > 0
    hard = (hardness * logits.detach()).masked_fill(match, -torch.inf)
    mean = hard.logsumexp(1, keepdim=True) - (~match).sum(1, keepdim=True).log()
    return logits + (hard - mean).masked_fill(match, 0.0)


def _targets(matches: Tensor) -> Tensor:
    return matches / matches.sum(1, keepdim=True)


def recall(queries: Units, candidates: Units, said: Tensor | None = None) -> dict[str, float]:
    """Recall@1/5/10 and median rank of the best match, each query against all candidates.

    Half of the candidates that are exactly as near as the best match come before it, or a model that tells
    nothing apart would seem perfect. `said`, `int64[m]`: candidates of one number are the same caption, of
    which any will do.
    """
    chunks = (
        Units(*chunk)
        for chunk in zip(
            torch.split(queries.vectors, QUERIES_AT_ONCE),
            torch.split(queries.owners, QUERIES_AT_ONCE),
            strict=True,
        )
    )
    same = torch.arange(len(candidates.owners), device=candidates.owners.device) if said is None else said
    ranks = torch.cat([_ranks(chunk, candidates, same) for chunk in chunks])
    recalls = {f"recall@{k}": round((ranks <= k).float().mean().item(), 4) for k in (1, 5, 10)}
    return recalls | {"median_rank": ranks.float().median().item()}


def _ranks(queries: Units, candidates: Units, said: Tensor) -> Tensor:
    similarities = queries.vectors @ candidates.vectors.T
    matching = queries.owners[:, None] == candidates.owners[None, :]
    best, where = similarities.masked_fill(~matching, -torch.inf).max(1, keepdim=True)
    level = (similarities == best) & ~matching & (said[None, :] != said[where])
    return (similarities > best).sum(1) + level.sum(1) // 2 + 1
