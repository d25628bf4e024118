"""The Gradle project can't be run here: what it says is compared with what android/check does."""

import re

import pins
from build import KOTLIN, SERVER
from libraries import All
from pins import ANDROID
from resources import LANGUAGES


def problems(fetched: All) -> list[str]:
    app = (ANDROID / "app" / "build.gradle.kts").read_text()
    core = (ANDROID / "core" / "build.gradle.kts").read_text()
    return [*_build(app, core), *_sources("app", app), *_sources("core", core), *_manifest(), *_libraries(fetched)]


def _build(app: str, core: str):
    for name, text in {"app": app, "core": core}.items():
        for sdk in ("minSdk", "compileSdk") + (("targetSdk",) if name == "app" else ()):
            if not re.search(rf"^\s*{sdk} = libs\.versions\.{sdk}\.get\(\)\.toInt\(\)$", text, re.M):
                yield f"{name}/build.gradle.kts does not take {sdk} from libs.versions.toml"
        if found := re.findall(r'"[\w.-]+:[\w.-]+:\d[^"]*"', text):
            yield f"{name}/build.gradle.kts has versions of its own: {', '.join(found)}"
    for name in ("namespace", "applicationId"):
        if f'{name} = "{pins.PACKAGE}"' not in app:
            yield f"app/build.gradle.kts: {name} is not {pins.PACKAGE}"
    for bundle in ("app", "appBrings", "tests", "testsBring"):
        if f"libs.bundles.{bundle}" not in app:
            yield f"app/build.gradle.kts does not have the libraries of {bundle}"
    if f"localeFilters += listOf({', '.join(f'{chr(34)}{one}{chr(34)}' for one in LANGUAGES)})" not in app:
        yield f"app/build.gradle.kts does not keep to {', '.join(LANGUAGES)}"
    if '"keep.pro"' not in app:
        yield "app/build.gradle.kts does not keep what app/keep.pro says"
    if pins.VERSIONS["minSdk"] != "26":
        yield "Pli promises Android 8, which is SDK 26"
    wrapper = (ANDROID / "gradle" / "wrapper" / "gradle-wrapper.properties").read_text()
    if f"gradle-{pins.VERSIONS['gradle']}-bin.zip" not in wrapper:
        yield f"the wrapper's Gradle is not {pins.VERSIONS['gradle']}"
    for module in re.findall(r'":(\w+)"', (ANDROID / "settings.gradle.kts").read_text()):
        if not (ANDROID / module / "build.gradle.kts").exists():
            yield f"settings.gradle.kts has {module}, which has no build.gradle.kts"


def _sources(name: str, module: str):
    """The same folders of Kotlin, beside those where Gradle looks by itself."""
    given = {(ANDROID / name / folder).resolve() for folder in re.findall(r'"(\.\./\.\./bindings/kotlin[^"]*)"', module)}
    ours = {"app": {SERVER}, "core": {KOTLIN / "src" / "main" / "kotlin", KOTLIN / "android"}}[name]
    if given != {folder.resolve() for folder in ours}:
        yield f"{name}/build.gradle.kts has other folders of Kotlin than android/check"
    for folder in given:
        if not folder.is_dir():
            yield f"{name}/build.gradle.kts names {folder.name}, which is not there"
    for kind in ("java", "aidl", "jniLibs"):
        if (ANDROID / name / "src" / "main" / kind).exists():
            yield f"{name}/src/main/{kind} would be built by Gradle, and not by android/check"


def _manifest():
    manifest = (ANDROID / "app" / "src" / "main" / "AndroidManifest.xml").read_text()
    if re.search(r"<manifest[^>]*\bpackage=", manifest):
        yield "AndroidManifest.xml names a package, which Gradle does not take"
    if "<uses-sdk" in manifest:
        yield "AndroidManifest.xml names SDKs, which Gradle does not take"


def _libraries(fetched: All):
    """What Android's archives ask of the project that takes them."""
    for folder in [*fetched.app.folders, *fetched.tests.folders]:
        asked = folder / "META-INF" / "com" / "android" / "build" / "gradle" / "aar-metadata.properties"
        values = dict(line.split("=", 1) for line in asked.read_text().splitlines() if "=" in line) if asked.exists() else {}
        if int(values.get("minCompileSdk", 1)) > int(pins.VERSIONS["compileSdk"]):
            yield f"{folder.name} asks for compileSdk {values['minCompileSdk']}"
        if _number(values.get("minAndroidGradlePluginVersion", "1")) > _number(pins.VERSIONS["agp"]):
            yield f"{folder.name} asks for the Android plugin {values['minAndroidGradlePluginVersion']}"
        least = re.search(r'minSdkVersion="(\d+)"', (folder / "AndroidManifest.xml").read_text())
        if least and int(least.group(1)) > int(pins.VERSIONS["minSdk"]):
            yield f"{folder.name} asks for Android's SDK {least.group(1)}"


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.split("-")[0]))
