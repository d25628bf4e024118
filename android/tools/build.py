"""Compiles Pli for Kotlin, the app and its tests, each only if something changed."""

import os
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pins
from libraries import All
from pins import ANDROID, BUILD, CACHE
from resources import Failed, Resources, resources, run
from stamp import digest, files, once

ROOT = ANDROID.parent
KOTLIN = ROOT / "bindings" / "kotlin"
# A real server for tests.
SERVER = KOTLIN / "src" / "server" / "kotlin"
APP = ANDROID / "app" / "src"


@dataclass
class Native:
    """Where the core's library for this machine, the server's program and the generator are."""

    folder: Path

    @property
    def program(self) -> Path:
        return self.folder / "pli"


def native() -> Native:
    built = subprocess.run([ROOT / "tests" / "build"], stdout=subprocess.PIPE, text=True)
    if built.returncode:
        raise Failed("the core does not build")
    return Native(Path(built.stdout.strip()))


def bindings(core: Native) -> Path:
    """Kotlin as the generator writes it from the core."""
    out = BUILD / "bindings"

    def work() -> None:
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        run(core.folder / "pli-bindgen", "generate", "--language", "kotlin", "--out-dir", out, "--no-format", core.folder / "libpli.so")

    library = (core.folder / "libpli.so").stat()
    once(BUILD / "bindings.stamp", f"{core.folder} {library.st_mtime_ns} {library.st_size}", work)
    return out


def _kotlin(all_of_it: All, sources: list[Path], classpath: list[Path], out: Path, *more: str) -> None:
    """Compiles into a folder, in a process that ends: no daemon."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    arguments = out.with_suffix(".arguments")
    words = ["-no-stdlib", "-no-reflect", "-jvm-target", "17", "-d", str(out), "-cp", ":".join(map(str, classpath)), *more]
    arguments.write_text("\n".join('"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"' for word in [*words, *map(str, sources)]))
    compiler = ":".join(map(str, all_of_it.compiler))
    with _archive() as archive:
        java = ["java", "-Xmx1500m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:ReservedCodeCacheSize=256m", "-Xshare:auto", archive]
        main = ["-cp", compiler, "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler", f"@{arguments}"]
        result = subprocess.run([*java, *main], capture_output=True, text=True)
    said = [line for line in (result.stdout + result.stderr).splitlines() if "[warning][cds]" not in line]
    if result.returncode:
        raise Failed("\n".join(said))
    for line in said:
        print(line)


@contextmanager
def _archive():
    """Java starts the compiler faster from an archive of its classes; the first run writes it."""
    archive = CACHE / "tools" / f"compiler-{pins.VERSIONS['kotlin']}.jsa"
    fresh = archive.with_suffix(f".{os.getpid()}")
    yield f"-XX:SharedArchiveFile={archive}" if archive.exists() else f"-XX:ArchiveClassesAtExit={fresh}"
    if fresh.exists():
        fresh.rename(archive)


def core_classes(all_of_it: All, generated: Path) -> Path:
    """Pli for Kotlin: what is generated, and what is written by hand beside it. Compiled apart: it seldom changes."""
    out = BUILD / "core"
    sources = files(generated, "*.kt") + files(KOTLIN / "src" / "main", "*.kt") + files(KOTLIN / "android", "*.kt")
    classpath = [*all_of_it.app.classpath, all_of_it.framework]
    once(BUILD / "core.stamp", digest(sources, pins.HASH), lambda: _kotlin(all_of_it, sources, classpath, out, "-nowarn"))
    return out


@dataclass
class Built:
    resources: Resources
    core: Path
    app: Path
    tests: Path
    classpath: list[Path]


def compile_all(all_of_it: All, core: Native, with_tests: bool = True) -> Built:
    folders = list(dict.fromkeys([*all_of_it.app.folders, *all_of_it.tests.folders]))
    linked = resources(all_of_it, "tests", folders)
    core_out = core_classes(all_of_it, bindings(core))
    plugin = f"-Xplugin={all_of_it.compose_plugin}"
    classpath = [core_out, linked.classes, *all_of_it.app.classpath, all_of_it.framework]

    app, tests = BUILD / "main", BUILD / "test"
    sources = files(APP / "main" / "kotlin", "*.kt")
    made_of = [(BUILD / "core.stamp").read_text(), (BUILD / "tests" / "resources.stamp").read_text()]
    key = digest(sources, *made_of)
    once(BUILD / "main.stamp", key, lambda: _kotlin(all_of_it, sources, classpath, app, plugin, "-module-name", "app"))

    on_path = [*all_of_it.tests.classpath]
    if with_tests:
        test_sources = [*files(APP / "test" / "kotlin", "*.kt"), *files(SERVER, "*.kt")]
        test_path = [app, *classpath, *on_path]
        once(
            BUILD / "test.stamp", digest(test_sources, key),
            lambda: _kotlin(all_of_it, test_sources, test_path, tests, plugin, "-module-name", "tests", f"-Xfriend-paths={app}"),
        )
    # Robolectric has an Android of its own; Java wants to see the names in what is not run in it.
    whole = [tests, app, core_out, linked.classes, *all_of_it.app.classpath, *on_path, all_of_it.plain]
    return Built(linked, core_out, app, tests, whole)
