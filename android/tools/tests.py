"""Runs the app's tests under Robolectric: real layout and drawing, the real core, a real server."""

import subprocess
import sys
from pathlib import Path

from build import Built, Native
from libraries import All
from pins import ANDROID, BUILD
from resources import MAIN, run
from stamp import digest, once

TOOLS = ANDROID / "tools"
# What Robolectric opens of Java itself.
OPENS = [
    "java.base/java.lang", "java.base/java.util", "java.base/java.io", "java.base/java.net", "java.base/java.security",
    "java.base/java.text", "java.desktop/java.awt.font", "java.base/jdk.internal.access",
]


def _runner(built: Built) -> Path:
    out = BUILD / "runner"
    source = TOOLS / "RunTests.java"
    path = ":".join(map(str, built.classpath))
    once(BUILD / "runner.stamp", digest([source]), lambda: run("javac", "--release", "17", "-cp", path, "-d", out, source))
    return out


def _configuration(built: Built) -> Path:
    """Where Robolectric finds the app's resources."""
    folder = BUILD / "configuration"
    file = folder / "com" / "android" / "tools" / "test_config.properties"
    file.parent.mkdir(parents=True, exist_ok=True)
    assets = MAIN / "assets"
    if not assets.is_dir():
        assets = BUILD / "no-assets"
        assets.mkdir(exist_ok=True)
    file.write_text(
        f"android_custom_package=pli.app\nandroid_merged_manifest={built.resources.manifest}\n"
        f"android_resource_apk={built.resources.packed}\nandroid_merged_assets={assets}\n"
    )
    return folder


def run_tests(all_of_it: All, built: Built, core: Native, words: list[str], properties: dict[str, str]) -> tuple[int, int, int]:
    """Passed, failed, skipped."""
    given = {
        "jna.library.path": core.folder, "pli.program": core.program, "pli.build": BUILD,
        "robolectric.offline": "true", "robolectric.dependency.dir": all_of_it.runtime,
        "robolectric.graphicsMode": "NATIVE", **properties,
    }
    classpath = [_runner(built), _configuration(built), *built.classpath]
    command = ["java", "-Xmx2g", "-XX:+UseSerialGC", *(f"-D{name}={value}" for name, value in given.items())]
    command += [f"--add-opens={package}=ALL-UNNAMED" for package in OPENS]
    command += ["-cp", ":".join(map(str, classpath)), "RunTests", str(built.tests), *words]
    process = subprocess.Popen(command, cwd=ANDROID, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    result = None
    for line in process.stdout:
        if line.startswith("[Robolectric] WARN: Android SDK"):
            continue
        if line.startswith("RESULT "):
            result = tuple(map(int, line.split()[1:]))
        else:
            print(line, end="")
            sys.stdout.flush()
    status = process.wait()
    if result is None:
        print(f"FAILED: the tests ended without a result ({status})")
        return 0, 1, 0
    return result
