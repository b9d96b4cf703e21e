from __future__ import annotations

from backend.catalogue.search.candidates import Candidate
from backend.catalogue.search.grouping import grouped

HITS = [
    Candidate("b1", "caption", 0.9, 0.9),
    Candidate("A", "image", 0.3, 0.8),
    Candidate("a1", "caption", 0.7, 0.7),
    Candidate("alone", "caption", 0.6, 0.6),
    Candidate("b2", "caption", 0.5, 0.5),
]


def group(hit: Candidate) -> str:
    return hit.id if hit.id == "alone" else hit.id[0].upper()


def ids(hits: list[Candidate]) -> list[str]:
    return [hit.id for hit in hits]


def test_groups_stand_where_their_best_hit_ranks() -> None:
    assert ids(grouped(HITS, [], group)) == ["b1", "b2", "A", "a1", "alone"]


def test_siblings_join_their_groups_and_pictures_lead_them() -> None:
    siblings = [
        Candidate("B", "image", 0.1, 0.1),
        Candidate("b3", "caption", 0.4, 0.4),
        HITS[0],
        Candidate("C", "image", 0.2, 0.2),
    ]
    assert ids(grouped(HITS, siblings, group)) == ["B", "b1", "b2", "b3", "A", "a1", "alone"]


def test_a_hit_keeps_its_own_score_when_a_sibling_says_otherwise() -> None:
    again = HITS[0]._replace(strength=0.0)
    assert grouped(HITS, [again], group)[0] == HITS[0]
