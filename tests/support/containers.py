"""Services from images that Docker has already; nothing is downloaded."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from functools import cache

from tests.support.ports import free_port

START_SECONDS = 30


@cache
def has_image(name: str) -> bool:
    if shutil.which("docker") is None:
        return False
    found = subprocess.run(["docker", "images", "--quiet", name], capture_output=True, text=True)
    return found.returncode == 0 and bool(found.stdout.strip())


class Container:
    def __init__(
        self,
        image: str,
        inner_port: int,
        answers: Callable[[int], bool],
        command: Sequence[str] = (),
        **environment: str,
    ) -> None:
        """`answers` says of a port of this machine whether the service is there. Without a `command` the
        image's own is run."""
        from testcontainers.core.config import testcontainers_config
        from testcontainers.core.container import DockerContainer

        # Its helper that clears up after a killed test run is one more image, which may not be there.
        testcontainers_config.ryuk_disabled = True
        self.port = free_port()
        self._answers = answers
        self._made = False
        self._container = DockerContainer(image).with_bind_ports(inner_port, self.port)
        if command:
            self._container.with_command(list(command))
        for name, value in environment.items():
            self._container.with_env(name, value)

    def start(self) -> None:
        if self._made:
            self._container.get_wrapped_container().start()
        else:
            self._container.start()
            self._made = True
        deadline = time.monotonic() + START_SECONDS
        while not self._answers(self.port):
            assert time.monotonic() < deadline, f"the container does not answer: {self._container.get_logs()}"
            time.sleep(0.05)

    @property
    def runs(self) -> bool:
        container = self._container.get_wrapped_container()
        container.reload()
        return bool(container.status == "running")

    def kill(self) -> None:
        self._container.get_wrapped_container().kill()

    def lose_files(self) -> None:
        self._container.exec(["sh", "-c", "rm -rf /data/*"])

    def remove(self) -> None:
        self._container.stop()
