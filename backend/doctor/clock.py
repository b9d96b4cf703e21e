"""Leases and the order of items compare times of several machines: their clocks must agree."""

from __future__ import annotations

from datetime import UTC, datetime

from backend.doctor.findings import Finding, ok, problem, warning

NOTICEABLE_SECONDS = 2.0
HARMFUL_SECONDS = 15.0
"""A quarter of the default lease: beyond, work is taken from workers that are alive."""


def compare(whose: str, theirs: datetime, asked: datetime) -> Finding:
    """`theirs` was said in answer to a question sent at `asked`; the truth lies between that and now."""
    answered = datetime.now(UTC)
    skew = max((theirs - answered).total_seconds(), (asked - theirs).total_seconds(), 0.0)
    if skew <= NOTICEABLE_SECONDS:
        return ok("clock", f"Agrees with that of {whose}.")
    what = f"Differs from that of {whose} by {skew:.0f} seconds."
    remedy = "Let both machines take their time from the network (chrony, systemd-timesyncd)."
    return problem("clock", what, remedy) if skew > HARMFUL_SECONDS else warning("clock", what, remedy)
