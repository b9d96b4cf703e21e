"""The training objective: InfoNCE in both directions where every caption of the same picture is a positive.

Radford et al. (2021) with the multi-positive targets of Khosla et al. (2020): captions of one picture
are not each other's negatives.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def multi_positive_loss(
    images: Tensor, texts: Tensor, owners: Tensor, scale: Tensor, smoothing: float = 0.0
) -> Tensor:
    """Symmetric InfoNCE of unit vectors `images` and `texts`, `[n, d]`; equal `owners` match."""
    logits = scale * images @ texts.T
    targets = (owners[:, None] == owners[None, :]).float()
    targets = targets / targets.sum(1, keepdim=True)
    if smoothing:
        targets = targets * (1 - smoothing) + smoothing / len(owners)
    return (functional.cross_entropy(logits, targets) + functional.cross_entropy(logits.T, targets)) / 2


def recall_at(
    queries: Tensor, candidates: Tensor, query_owner: Tensor, candidate_owner: Tensor
) -> dict[str, float]:
    """Recall@1/5/10 and median rank of the first match, queries against all candidates."""
    similarities = queries @ candidates.T
    matching = query_owner[:, None] == candidate_owner[None, :]
    best = similarities.masked_fill(~matching, -torch.inf).amax(1, keepdim=True)
    ranks = (similarities > best).sum(1) + 1
    recalls = {f"recall@{k}": (ranks <= k).float().mean().item() for k in (1, 5, 10)}
    return recalls | {"median_rank": ranks.float().median().item()}
