"""Resources of the app and of its libraries: compiled, linked, and the classes `R` that name them."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import manifest
import pins
from libraries import All
from pins import ANDROID, BUILD, CACHE
from stamp import digest, files, once

MAIN = ANDROID / "app" / "src" / "main"
# What the app speaks; the words of libraries in other languages are left out.
LANGUAGES = ("en", "fr")
VERSION = (int(pins.VERSIONS["versionCode"]), pins.VERSIONS["versionName"])


class Failed(Exception):
    """What a tool said about the app's sources."""


def run(*command: object) -> None:
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if result.returncode:
        raise Failed((result.stdout + result.stderr).strip())


@dataclass
class Resources:
    packed: Path
    manifest: Path
    classes: Path
    # What R8 is to keep, since the manifest and layouts name it.
    rules: Path


def _package(folder: Path) -> str:
    return re.search(r'package="([^"]+)"', (folder / "AndroidManifest.xml").read_text()).group(1)


def _compiled(aapt2: Path, folder: Path) -> Path | None:
    if not any((folder / "res").glob("*/*")):
        return None
    out = CACHE / "resources" / f"{folder.name}.zip"
    if not out.exists():
        out.parent.mkdir(exist_ok=True)
        fresh = out.with_suffix(".new")
        run(aapt2, "compile", "--dir", folder / "res", "-o", fresh)
        fresh.rename(out)
    return out


def resources(all_of_it: All, name: str, libraries: list[Path]) -> Resources:
    """`name`: `app`, or `tests`, which have Android's libraries for tests too."""
    out = BUILD / name
    result = Resources(out / "resources.ap_", out / "AndroidManifest.xml", out / "r.jar", out / "keep.pro")

    def work() -> None:
        out.mkdir(parents=True, exist_ok=True)
        result.manifest.write_text(
            manifest.merged(MAIN / "AndroidManifest.xml", [folder / "AndroidManifest.xml" for folder in libraries], VERSION)
        )
        aapt2 = all_of_it.aapt2
        packs = [pack for folder in libraries if (pack := _compiled(aapt2, folder))]
        own = out / "app.zip"
        run(aapt2, "compile", *(["--pseudo-localize"] if name == "tests" else []), "--dir", MAIN / "res", "-o", own)
        java = out / "java"
        shutil.rmtree(java, ignore_errors=True)
        named = sorted({_package(f) for f in libraries if (f / "R.txt").exists() and (f / "R.txt").stat().st_size})
        command = [aapt2, "link", "-o", result.packed, "-I", all_of_it.framework, "--manifest", result.manifest]
        # Not final: what is compiled against the tests' resources is packed with the app's.
        command += ["--auto-add-overlay", "--non-final-ids", "--java", java, "--extra-packages", ":".join(named)]
        command += ["--min-sdk-version", pins.VERSIONS["minSdk"], "--target-sdk-version", pins.VERSIONS["targetSdk"]]
        command += ["--proguard", result.rules]
        if name == "app":
            command += ["-c", ",".join(LANGUAGES)]
        if (MAIN / "assets").is_dir():
            command += ["-A", MAIN / "assets"]
        for pack in [*packs, own]:
            command += ["-R", pack]
        run(*command)
        classes = out / "r"
        shutil.rmtree(classes, ignore_errors=True)
        run("javac", "-nowarn", "-Xlint:none", "--release", "17", "-proc:none", "-d", classes, *files(java, "*.java"))
        run("jar", "--create", "--file", result.classes, "--no-compress", "-C", classes, ".")

    key = digest(
        [MAIN / "AndroidManifest.xml", *files(MAIN / "res"), *files(MAIN / "assets"), *files(ANDROID / "tools", "*.py")],
        pins.HASH, *(folder.name for folder in libraries),
    )
    once(out / "resources.stamp", key, work)
    return result
