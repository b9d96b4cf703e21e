from __future__ import annotations

import pytest

from encoders.training.dataset import Example
from tests.support.pictures import picture

COLOURS = {
    "red": ((200, 30, 30), "红"),
    "green": ((30, 180, 40), "绿"),
    "blue": ((30, 40, 200), "蓝"),
    "yellow": ((220, 210, 40), "黄"),
    "black": ((20, 20, 20), "黑"),
    "white": ((240, 240, 240), "白"),
    "purple": ((140, 30, 160), "紫"),
    "orange": ((240, 140, 20), "橙"),
}


@pytest.fixture(scope="session")
def coloured(tmp_path_factory: pytest.TempPathFactory) -> list[Example]:
    """80 plain pictures with three English and three Chinese captions each, a fifth of them in val."""
    folder = tmp_path_factory.mktemp("coloured")
    examples = []
    for number in range(80):
        name, (colour, character) = list(COLOURS.items())[number % len(COLOURS)]
        file = folder / f"{number}.png"
        picture(colour, (48, 48), seed=number).save(file)
        english = (f"a {name} wall", f"a plain {name} picture number {number}", f"everything is {name} here")
        chinese = (f"{character}色的墙", f"一张{character}色的图片", f"这里全是{character}色")
        examples.append(Example(file, english + chinese, "val" if number >= 64 else "train"))
    return examples


class Notes:
    """Remembers what training said; raises `KeyboardInterrupt` at a stage and step of choice."""

    def __init__(self, interrupt_at: tuple[str, int] | None = None) -> None:
        self.messages: list[str] = []
        self.stages: list[str] = []
        self._interrupt_at = interrupt_at

    def advance(self, stage: str, done: int, total: int) -> None:
        kind = stage.split(" (")[0]
        self.stages.append(f"{kind} {done}/{total}")
        if (kind, done) == self._interrupt_at:
            raise KeyboardInterrupt

    def say(self, message: str) -> None:
        self.messages.append(message)
