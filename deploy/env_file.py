"""Writes .env with random secrets before the first `docker compose up`, and refuses one that cannot be safe.

Runs on the host before anything is installed: only the standard library, any Python 3.
"""

import os
import re
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ASSIGNMENT = re.compile(r"([A-Z_]+)=(.*)")
URL_SAFE = re.compile(r"[A-Za-z0-9_.:,-]*")
SHORTEST = 16
# Different characters: the same one sixteen times is long, and the first that anybody tries.
FEWEST_DIFFERENT = 6
PLACEHOLDER = re.compile(r"change|password|passwd|secret|placeholder|example|your[_-]", re.IGNORECASE)


def secret_names(example: str) -> list[str]:
    """What the example leaves empty."""
    return [name for name, value in assignments(example).items() if not value]


def assignments(text: str) -> dict[str, str]:
    matches = (ASSIGNMENT.fullmatch(line.strip()) for line in text.splitlines())
    return {match[1]: match[2].strip().strip("'\"") for match in matches if match}


def fill(text: str, names: list[str]) -> str:
    """Gives every one of `names` that is empty a random value."""
    lines = [
        f"{line}{secrets.token_hex(24)}" if line.rstrip("=") in names and line.endswith("=") else line
        for line in text.splitlines()
    ]
    return "\n".join(lines) + "\n"


def guessable(secret: str) -> bool:
    return (
        len(secret) < SHORTEST
        or len(set(secret)) < FEWEST_DIFFERENT
        or PLACEHOLDER.search(secret) is not None
    )


def problems(text: str, names: list[str], environment: Mapping[str, str]) -> list[str]:
    """What is wrong with what Docker Compose will take: its environment goes before the file."""
    values = {**assignments(text), **environment}
    found = []
    for name in names:
        value = values.get(name, "")
        # Only one of them is a list, of keys with the tenant in front; no other secret has a comma.
        keys = [entry.rpartition(":")[2] for entry in value.split(",")]
        if not value:
            found.append(f"{name} is empty or missing.")
        elif any(guessable(key) for key in keys):
            found.append(f"{name} is a placeholder or too short: at least {SHORTEST} random characters.")
        elif not URL_SAFE.fullmatch(value):
            found.append(f"{name} has characters that cannot stand in a URL: letters, digits, - and _ can.")
    return found


def prepare(root: Path, environment: Mapping[str, str] = os.environ) -> list[str]:
    """Makes `.env` where it is missing; what is wrong with the one that is there."""
    example = (root / ".env.example").read_text(encoding="utf-8")
    path = root / ".env"
    names = secret_names(example)
    if not path.exists():
        write_private(path, fill(example, names))
        sys.stdout.write(
            f"Wrote {path} with random secrets; TWINSPACE_API_KEYS in it is what clients need.\n"
        )
    return problems(path.read_text(encoding="utf-8"), names, environment)


def write_private(path: Path, text: str) -> None:
    """Whole or not at all, and readable by its owner alone from the first byte on."""
    temporary = path.with_name(f"{path.name}.part")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    temporary.replace(path)


if __name__ == "__main__":
    if wrong := prepare(ROOT):
        sys.exit("\n".join([f"{ROOT / '.env'} cannot be used:", *wrong, ".env.example says what each is."]))
