"""Temporary folders are in memory. In continuous integration nothing may be skipped that could have run: a
part that went missing there would take its tests along in silence. And what the promise came to, under
faults, is printed."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.support.folders import use_memory

TESTS = Path(__file__).parent
LONG = ("browser", "faults", "test_readme.py", "workers/test_celery.py", "encoders/training", "backend/cli")
"""What starts processes or trains, by where it is."""
MAY_BE_MISSING = ("TWINSPACE_TEST_QDRANT_URL", "mount", "GPU", "Docker")
"""What a skip's reason names when the thing cannot be had in continuous integration."""


def pytest_configure() -> None:
    use_memory()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    if config.getvalue("dist") != "loadfile":
        return None
    # xdist is not there in every run.
    from tests.support.scheduling import Scheduling

    config.option.loadscopereorder = False
    return Scheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, so that no process is left alone with one at the end."""
    items.sort(key=lambda item: not any(item.path.is_relative_to(TESTS / place) for place in LONG))


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
