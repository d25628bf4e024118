"""A step runs anew only if what it is made from changed."""

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

_seen: dict[Path, tuple[float, int, str]] = {}


def digest(paths: Iterable[Path], *words: str) -> str:
    """Of the content of files, and of the names of what can't change under its name (libraries with a version)."""
    total = hashlib.sha256("\n".join(words).encode())
    for path in paths:
        total.update(str(path).encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def once(stamp: Path, key: str, work: Callable[[], None]) -> bool:
    """Whether there was something to do."""
    if stamp.exists() and stamp.read_text() == key:
        return False
    stamp.unlink(missing_ok=True)
    work()
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(key)
    return True


def files(folder: Path, pattern: str = "*") -> list[Path]:
    return sorted(path for path in folder.rglob(pattern) if path.is_file())
