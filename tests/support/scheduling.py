"""Which tests share a process: without it, every process would start a browser and all of its servers."""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling

BROWSER = {
    "readers of the gallery": (
        "search",
        "accessibility",
        "overview",
        "judging",
        "frame",
        "drawing",
        "screens",
    ),
    "changers of the studio": ("upload", "item", "trouble", "injection"),
}
GROUPS = {f"tests/browser/test_{name}.py": group for group, names in BROWSER.items() for name in names}


class Scheduling(LoadFileScheduling):
    """A file to a process, and the browser's in two groups."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return GROUPS.get(file, file)
