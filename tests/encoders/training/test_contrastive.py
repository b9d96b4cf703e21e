from __future__ import annotations

import torch
from torch.nn.functional import normalize

from encoders.training import contrastive
from encoders.training.contrastive import Units, contrastive_loss, recall

SCALE = torch.tensor(20.0)


def units(rows: list[list[float]], owners: list[int]) -> Units:
    return Units(normalize(torch.tensor(rows, dtype=torch.float32), dim=1), torch.tensor(owners))


def test_captions_of_one_picture_are_not_each_others_negatives():
    images = units([[1, 0], [0, 1]], [0, 1])
    texts = units([[1, 0], [1, 0], [0, 1]], [0, 0, 1])
    apart = units([[1, 0], [0, 1], [0, 1]], [0, 0, 1])
    assert contrastive_loss(images, texts, SCALE) < contrastive_loss(images, apart, SCALE)
    best = torch.log(torch.tensor(2.0)) / 4  # Picture 0 has to share its probability between two captions.
    torch.testing.assert_close(contrastive_loss(images, texts, SCALE), best, atol=1e-3, rtol=0)


def test_soft_targets_forgive_a_caption_that_says_the_same():
    images = units([[1, 0], [0, 1]], [0, 1])
    texts = units([[1, 0], [1, 0]], [0, 1])
    alike, unlike = torch.tensor([[1.0, 1.0], [0.0, 1.0]]), torch.eye(2)
    soft = [contrastive_loss(images, texts, SCALE, likeness, 0.5) for likeness in (alike, unlike)]
    assert soft[0] < soft[1]


def test_hard_negatives_pull_more_than_easy_ones_and_no_more_in_all():
    images = units([[1, 0, 0], [0, 1, 0], [0, 0, 1]], [0, 1, 2])
    texts = units([[1, 0, 0], [0.6, 1, 0], [0, -0.5, 1]], [0, 1, 2])  # The second also looks like picture 0.
    pulls = []
    for hardness in (0.0, 0.25):
        vectors = texts.vectors.clone().requires_grad_()
        contrastive_loss(
            images, Units(vectors, texts.owners), torch.tensor(5.0), hardness=hardness
        ).backward()
        pulls.append(vectors.grad[1, 0])
    assert pulls[1] > 1.2 * pulls[0] > 0
    alike = units([[1, 0, 0], [0, 1, 0], [0, 0, 1]], [0, 1, 2])
    torch.testing.assert_close(
        contrastive_loss(images, alike, SCALE, hardness=0.5), contrastive_loss(images, alike, SCALE)
    )


def test_recall_counts_the_best_match_of_a_query():
    candidates = units([[1, 0, 0], [0, 1, 0], [0, 0, 1]], [0, 1, 2])
    queries = units([[1, 0.1, 0], [1, 0.5, 0.2]], [0, 2])
    figures = recall(queries, candidates)
    assert figures == {"recall@1": 0.5, "recall@5": 1.0, "recall@10": 1.0, "median_rank": 1.0}


def test_a_model_that_tells_nothing_apart_is_no_better_than_chance():
    captions, pictures = (
        units([[1, 0, 0]] * 60, [i // 3 for i in range(60)]),
        units([[1, 0, 0]] * 20, [*range(20)]),
    )
    assert recall(captions, pictures) == {
        "recall@1": 0.0,
        "recall@5": 0.0,
        "recall@10": 1.0,
        "median_rank": 10.0,
    }
    assert recall(pictures, captions)["median_rank"] == 29.0


def test_the_same_caption_of_another_picture_is_as_good():
    pictures = units([[1, 0], [1, 0.1], [1, 0.2], [1, 0.3]], [0, 1, 2, 3])
    captions = units([[1, 0.1]] * 3 + [[0, 1]], [1, 2, 3, 0])
    asking = Units(pictures.vectors[3:], pictures.owners[3:])
    assert recall(asking, captions, torch.tensor([5, 5, 5, 6]))["median_rank"] == 1
    assert recall(asking, captions, torch.tensor([5, 6, 7, 8]))["median_rank"] == 2


def test_recall_does_not_depend_on_how_many_queries_are_ranked_at_once(monkeypatch):
    torch.manual_seed(0)
    pictures = Units(normalize(torch.randn(30, 8), dim=1), torch.arange(30))
    captions = Units(normalize(torch.randn(90, 8), dim=1), torch.arange(30).repeat_interleave(3))
    whole = recall(captions, pictures), recall(pictures, captions)
    sizes = []
    ranks = contrastive._ranks
    monkeypatch.setattr(contrastive, "QUERIES_AT_ONCE", 7)
    monkeypatch.setattr(contrastive, "_ranks", lambda q, c, s: sizes.append(len(q.owners)) or ranks(q, c, s))
    assert (recall(captions, pictures), recall(pictures, captions)) == whole
    assert max(sizes) == 7
