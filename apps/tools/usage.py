"""Which words an app's sources use."""

import re
from dataclasses import dataclass
from pathlib import Path

from words import Word


@dataclass(frozen=True)
class Use:
    key: str
    plural: bool | None
    place: str


def android(sources: Path, words: list[Word]) -> tuple[list[Use], bool]:
    """What is used, and whether the app has screens."""
    uses = []
    keys = {f"{word.table}_{word.name}": word.key for word in words}
    for path in sorted([*sources.rglob("*.kt"), *sources.rglob("*.xml")]):
        # What is generated uses nothing.
        if path.parent.name.startswith("values") and path.name in ("strings.xml", "theme.xml"):
            continue
        for found in re.finditer(r"\bR\.(string|plurals)\.(\w+)|@(string)/(\w+)", path.read_text()):
            kind, name = found.group(1) or found.group(3), found.group(2) or found.group(4)
            if name != "app_name":
                uses.append(Use(keys.get(name, name), kind == "plurals", path.name))
    return uses, any(sources.rglob("View.kt"))


def ios(folders: list[Path], words: list[Word]) -> tuple[list[Use], bool]:
    """Keys stand in quotes; the names of the system's pictures and of files look alike."""
    uses, views = [], False
    tables = "|".join(sorted({word.table for word in words}))
    for path in sorted(path for folder in folders for path in folder.rglob("*.swift")):
        views = views or path.name.endswith("View.swift")
        for found in re.finditer(rf'(\b\w+: )?"((?:{tables})\.[a-z_]+)"', path.read_text()):
            if found.group(1) not in ("systemImage: ", "systemName: ") and not found.group(2).endswith(".json"):
                uses.append(Use(found.group(2), None, path.name))
    return uses, views


def problems(app: str, words: list[Word], uses: list[Use]) -> list[str]:
    there = {word.key: word for word in words if word.only in (None, app)}
    found = []
    for use in uses:
        if use.key not in there:
            found.append(f"{app}: {use.place} uses {use.key}, which is not in strings.toml")
        elif use.plural is not None and use.plural != there[use.key].plural:
            found.append(f"{app}: {use.place} uses {use.key} as {'a' if use.plural else 'no'} plural")
    unused = sorted(set(there) - {use.key for use in uses})
    return sorted(set(found)) + [f"{app}: {key} is used nowhere" for key in unused]
