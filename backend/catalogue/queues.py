"""What waits to be claimed, as queries whose conditions are those of the small indexes in `schema`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select, text

from backend.catalogue.schema import TRIED, UNTRIED_INDEXED, UNTRIED_PENDING, items


def untried(space: str) -> list[Select[Any]]:
    """What nobody has claimed since it last got somewhere: uploads that came alone, those that came in
    bulk, then what `space` lacks. Ordered, so that SQLite walks the queue's own index and not one over
    the whole table."""
    waiting = select(items.c.sequence)
    return [
        *(
            waiting.where(text(UNTRIED_PENDING), items.c.bulk.is_(bulk)).order_by(items.c.sequence)
            for bulk in (False, True)
        ),
        *(
            waiting.where(text(UNTRIED_INDEXED), elsewhere).order_by(items.c.space, items.c.sequence)
            for elsewhere in (items.c.space.is_(None), items.c.space < space, items.c.space > space)
        ),
    ]


def tried(space: str) -> Select[Any]:
    """What is claimed, or was when its process died; those that died least often first."""
    moving = and_(items.c.status == "indexed", or_(items.c.space.is_(None), items.c.space != space))
    queue = select(items.c.sequence).where(text(TRIED), or_(items.c.status == "pending", moving))
    return queue.order_by(items.c.attempts, items.c.sequence)


def due(now: datetime) -> ColumnElement[bool]:
    """Its pause is over."""
    return or_(items.c.not_before.is_(None), items.c.not_before <= now)
