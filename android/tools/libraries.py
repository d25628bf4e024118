"""Has Maven fetch the libraries that the catalogue names, and unpacks Android's archives, which Maven can't put on a class path."""

import fcntl
import os
import re
import shutil
import subprocess
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import pins
from pins import CACHE, Library

HERE = CACHE / "libraries" / pins.HASH


class Missing(Exception):
    """A download that can't be had."""


@dataclass
class Libraries:
    jars: list[Path]
    # Unpacked Android archives.
    folders: list[Path] = field(default_factory=list)

    @property
    def classpath(self) -> list[Path]:
        found = list(self.jars)
        for folder in self.folders:
            found += [jar for jar in (folder / "classes.jar", *sorted(folder.glob("libs/*.jar"))) if jar.exists()]
        return found


def _dependency(library: Library, excluded: list[tuple[str, str]]) -> str:
    exclusions = "".join(
        f"<exclusion><groupId>{group}</groupId><artifactId>{name}</artifactId></exclusion>" for group, name in excluded
    )
    return (
        f"<dependency><groupId>{library.group}</groupId><artifactId>{library.name}</artifactId>"
        f"<version>{library.version}</version><type>{library.kind}</type><exclusions>{exclusions}</exclusions></dependency>"
    )


def _resolve(name: str, libraries: list[Library], brings: bool = False) -> list[Path]:
    """The files of these libraries; with `brings`, those too that they ask for, but for Android's, which the catalogue names."""
    done = HERE / f"{name}.classpath"
    if not done.exists():
        excluded = [("*", "*")]
        if brings:
            excluded = sorted({(l.group, l.name) for l in pins.bundle("app", "native", "appBrings", "tests", "testsBring") if l.kind == "aar"})
        HERE.mkdir(parents=True, exist_ok=True)
        pom = HERE / f"{name}.xml"
        pom.write_text(
            '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>pli</groupId>'
            f"<artifactId>android-{name}</artifactId><version>1</version><packaging>pom</packaging><dependencies>"
            + "\n".join(_dependency(library, excluded) for library in libraries)
            + "</dependencies></project>"
        )
        found = HERE / f"{name}.found"
        command = ["mvn", "-q", "-B", "-f", str(pom), "dependency:build-classpath", f"-Dmdep.outputFile={found}"]
        if not shutil.which("mvn"):
            raise Missing("Maven is not installed")
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode:
            said = re.search(r"ERROR\S* (.*)", result.stdout + result.stderr)
            raise Missing(f"the libraries for {name} can't be had: {said.group(1) if said else result.stdout[-500:]}")
        found.rename(done)
    return [Path(path) for path in done.read_text().strip().split(":") if path]


def _unpack(archive: Path) -> Path:
    folder = CACHE / "archives" / archive.stem
    if not folder.exists():
        fresh = folder.with_suffix(f".{os.getpid()}")
        shutil.rmtree(fresh, ignore_errors=True)
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(fresh)
        fresh.rename(folder)
    return folder


def _group(name: str, libraries: list[Library], brings: bool = False) -> Libraries:
    files = _resolve(name, libraries, brings)
    return Libraries(
        [file for file in files if file.suffix == ".jar"],
        [_unpack(file) for file in files if file.suffix == ".aar"],
    )


@dataclass
class All:
    app: Libraries
    tests: Libraries
    compiler: list[Path]
    compose_plugin: Path
    framework: Path
    # A folder with the Android that tests run on, and nothing else.
    runtime: Path
    # The same as it was before Robolectric changed it.
    plain: Path
    r8: Path
    apksig: Path
    aapt2: Path


def fetch() -> All:
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "lock", "w") as lock:
        # Two checks at once, each for its own worktree, share the cache.
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _fetch()


def _fetch() -> All:
    app = _group("app", pins.bundle("app", "native", "appBrings"))
    # Android's JNA has no library for this machine; the plain jar has.
    jna = pins.library("jna")
    plain = [l for l in pins.bundle("tests") if l.kind == "jar"]
    tests = _group("tests", [*plain, Library(jna.group, jna.name, jna.version, "jar")], brings=True)
    tests.folders = _group("tests-android", [l for l in pins.bundle("tests", "testsBring") if l.kind == "aar"]).folders
    tests.jars += _group("tests-jars", [l for l in pins.bundle("testsBring") if l.kind == "jar"]).jars
    # The app's own versions come first on the class path; what it has need not be there twice.
    ours = {_named(jar) for jar in app.jars}
    tests.jars = [jar for jar in tests.jars if _named(jar) not in ours]
    tools = _resolve("tools", pins.bundle("tools"), brings=True)
    framework, changed = _resolve("framework", pins.bundle("framework"))
    plain, = _resolve("plain", pins.bundle("plain"))
    r8, apksig, apktool = _resolve("packers", pins.bundle("packers"))
    runtime = HERE / "runtime"
    runtime.mkdir(exist_ok=True)
    link = runtime / changed.name
    if not link.exists():
        link.symlink_to(changed)
    return All(
        app,
        tests,
        [jar for jar in tools if "compose-compiler-plugin" not in jar.name],
        next(jar for jar in tools if "compose-compiler-plugin" in jar.name),
        framework, runtime, plain, r8, apksig,
        _aapt2(apktool),
    )


def _named(jar: Path) -> Path:
    """Group and name: Maven's folder of all its versions."""
    return jar.parent.parent


def _aapt2(holder: Path) -> Path:
    """Google's own packages of aapt2 are served by no registry of Maven's; apktool's library holds the program."""
    program = CACHE / "tools" / f"aapt2-{holder.stem}"
    if not program.exists():
        program.parent.mkdir(exist_ok=True)
        with zipfile.ZipFile(holder) as opened:
            inside = next(name for name in opened.namelist() if re.search(r"linux/aapt2(_64)?$", name))
            program.write_bytes(opened.read(inside))
        program.chmod(0o755)
    return program
