from __future__ import annotations

import numpy as np
import pytest

from backend.evaluation.recall import recall


def test_recall_is_the_share_of_queries_with_their_answer_among_the_first_k() -> None:
    result = recall(np.array([1, 2, 5, 6, 10, 11, 1, 400]))
    assert (result.at_1, result.at_5, result.at_10) == (2 / 8, 4 / 8, 6 / 8)
    assert result.median_rank == 5.5
    assert result.queries == 8


def test_there_is_no_recall_without_queries() -> None:
    with pytest.raises(ValueError, match="no queries"):
        recall(np.array([], dtype=np.int64))
