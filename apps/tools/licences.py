"""The licences of all that the apps consist of: the core's crates, and Android's libraries."""

import json
import re
import subprocess
import tomllib
from pathlib import Path

TARGETS = ("aarch64-linux-android", "aarch64-apple-ios")
# C libraries within crates, which speak of their own licence only.
WITHIN = {
    "sqlcipher-src": ("SQLCipher", "BSD-3-Clause", "sqlcipher/LICENSE-sqlcipher"),
}
# What libraries of Android's are under, by group. JNA may be taken under either of two.
GROUPS = {
    group: "Apache-2.0"
    for group in ("androidx", "com.google.guava", "com.google.zxing", "net.java.dev.jna", "org.jetbrains", "org.jspecify")
}


class Missing(Exception):
    """Nothing can be said of the crates here."""


def _cargo(root: Path, *words: str) -> str:
    try:
        result = subprocess.run(["cargo", *words], cwd=root, capture_output=True, text=True)
    except FileNotFoundError:
        raise Missing("cargo is not installed") from None
    if result.returncode:
        raise Missing(f"cargo: {result.stderr.strip()[-300:]}")
    return result.stdout


def _crates(root: Path) -> list[dict]:
    """The packages that end up in the library: what only helps to build it is left out, but for the C code that it builds."""
    metadata = json.loads(_cargo(root, "metadata", "--locked", "--format-version", "1"))
    by_name = {(package["name"], package["version"]): package for package in metadata["packages"]}
    found, linked = {}, set()
    for target in TARGETS:
        tree = ["tree", "-p", "pli-bindings", "--locked", "--target", target, "-f", " {p}"]
        linked |= {tuple(line.split()[:2]) for line in _cargo(root, *tree, "-e", "normal", "--prefix", "none").splitlines()}
        skipped = None
        for line in _cargo(root, *tree, "-e", "normal,build", "--prefix", "depth").splitlines():
            depth, name, version = re.match(r"(\d+) (\S+) v(\S+)", line).groups()
            if skipped is not None and int(depth) > skipped:
                continue
            skipped = int(depth) if "(proc-macro)" in line else None
            package = by_name[name, version]
            if skipped is None and package["source"]:
                found[name, version] = package
    return [package for (name, version), package in sorted(found.items()) if (name, f"v{version}") in linked or name in WITHIN]


def _texts(folder: Path) -> str:
    files = [path for path in sorted(folder.iterdir()) if re.match(r"(LICEN[CS]E|COPYING|NOTICE|UNLICENSE)", path.name, re.I) and path.is_file()]
    return "\n\n".join(path.read_text(errors="replace").strip() for path in files)


def _apache(expression: str) -> bool:
    """Whether it may be taken under Apache-2.0 alone."""
    return "AND" not in expression and "Apache-2.0" in re.split(r" OR |/| / ", expression.replace(" / ", "/"))


def listed(root: Path) -> list[dict]:
    apache = (root / "LICENSE").read_text().strip()
    entries = []
    for package in _crates(root):
        folder = Path(package["manifest_path"]).parent
        expression = package["license"] or "see its text"
        text = apache if _apache(expression) else _texts(folder)
        entries.append(_entry(package["name"], package["version"], "Apache-2.0" if _apache(expression) else expression, text))
        entries[-1]["authors"] = package["authors"]
        if package["name"] in WITHIN:
            name, licence, file = WITHIN[package["name"]]
            entries.append(_entry(name, package["version"], licence, (folder / file).read_text().strip()))
    _complete(entries)
    return entries


def _complete(entries: list[dict]) -> None:
    """Some packages name their licence and forget its text: it is what others have, with their own authors."""
    for entry in entries:
        authors = ", ".join(re.sub(r" <.*?>", "", author) for author in entry.pop("authors", [])) or f"the authors of {entry['name']}"
        if not entry["text"]:
            same = next(other["text"] for other in entries if other["text"] and other["licence"].rstrip("+") == entry["licence"])
            entry["text"] = re.sub(r"^.*?(?=Permission is hereby granted)", f"Copyright (c) {authors}\n\n", same, flags=re.S)


def _entry(name: str, version: str, licence: str, text: str) -> dict:
    return {"name": name, "version": version, "licence": licence, "text": text}


def android(root: Path) -> list[dict]:
    catalogue = tomllib.loads((root / "android" / "gradle" / "libs.versions.toml").read_text())
    apache = (root / "LICENSE").read_text().strip()
    entries = []
    for alias in sorted(alias for bundle in ("app", "native", "appBrings") for alias in catalogue["bundles"][bundle]):
        library = catalogue["libraries"][alias]
        group = library["module"].split(":")[0]
        licence = next((given for known, given in GROUPS.items() if group == known or group.startswith(known + ".")), None)
        if not licence:
            raise ValueError(f"apps/tools/licences.py says nothing of {group}")
        version = library["version"]
        if isinstance(version, dict):
            version = catalogue["versions"][version["ref"]]
        entries.append(_entry(library["module"], version, licence, apache))
    return entries


def written(entries: list[dict]) -> str:
    """A text stands once; who is under it names its place."""
    texts = list(dict.fromkeys(entry["text"] for entry in entries))
    of = {text: place for place, text in enumerate(texts)}
    components = [{**entry, "text": of[entry["text"]]} for entry in entries]
    components.sort(key=lambda entry: (entry["name"].lower(), entry["version"]))
    rows = ",\n".join("    " + json.dumps(entry, ensure_ascii=False) for entry in components)
    said = ",\n".join("    " + json.dumps(text, ensure_ascii=False) for text in texts)
    return f'{{\n  "components": [\n{rows}\n  ],\n  "texts": [\n{said}\n  ]\n}}\n'
