"""Temporary folders are in memory. In continuous integration nothing may be skipped that could have run: a
part that went missing there would take its tests along in silence. And what the promise came to, under
faults, is printed."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest

from tests.support.folders import use_memory

MAY_BE_MISSING = ("TWINSPACE_TEST_QDRANT_URL", "mount", "GPU", "Docker")
"""What a skip's reason names when the thing cannot be had in continuous integration."""


def pytest_configure() -> None:
    use_memory()


def _forbidden(reason: str) -> bool:
    return os.environ.get("CI") == "true" and not any(word in reason for word in MAY_BE_MISSING)


def _fail_if_forbidden(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.outcome != "skipped" or hasattr(report, "wasxfail"):
        return
    reason = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if _forbidden(reason):
        report.outcome = "failed"
        report.longrepr = f"Not to be skipped with CI=true. {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _fail_if_forbidden(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _fail_if_forbidden(report)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the promise came to. Here and not beside the tests: xdist's own process, which prints, loads only
    this file."""
    # It imports much, which most runs of tests can do without.
    from tests.faults.trial import NUMBERS, Numbers

    trials = [
        (report.nodeid.rpartition("::")[2], Numbers(*value))
        for report in terminalreporter.getreports("passed")
        for name, value in report.user_properties
        if name == NUMBERS
    ]
    if not trials:
        return
    terminalreporter.section("what was accepted, and what became of it")
    for name, numbers in trials:
        terminalreporter.write_line(f"{name}: {numbers}")
    total = Numbers.total([numbers for _, numbers in trials])
    terminalreporter.write_line(f"together: {total}")
