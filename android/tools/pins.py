"""What gradle/libs.versions.toml says, for those who have no Gradle."""

import hashlib
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path

ANDROID = Path(__file__).resolve().parent.parent
BUILD = ANDROID / "build"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pli" / "android"
PACKAGE = "pli.app"

_text = (ANDROID / "gradle" / "libs.versions.toml").read_bytes()
_catalog = tomllib.loads(_text.decode())
VERSIONS = _catalog["versions"]
HASH = hashlib.sha256(_text).hexdigest()[:16]


@dataclass(frozen=True)
class Library:
    group: str
    name: str
    version: str
    kind: str

    @property
    def file(self) -> str:
        return f"{self.name}-{self.version}"


def library(alias: str) -> Library:
    entry = _catalog["libraries"][alias]
    group, name = entry["module"].split(":")
    version = entry["version"]
    if isinstance(version, dict):
        version = VERSIONS[version["ref"]]
    bundles = _catalog["bundles"]
    plain = alias in [one for name in ("jars", "tools", "framework", "plain", "packers") for one in bundles[name]]
    return Library(group, name, version, "jar" if plain else "aar")


def bundle(*names: str) -> list[Library]:
    return [library(alias) for name in names for alias in _catalog["bundles"][name]]
