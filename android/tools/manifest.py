"""Merges the manifests of libraries into the app's, as far as Pli's libraries need it: permissions, and what an application consists of."""

import re
import xml.etree.ElementTree as Tree
from pathlib import Path

import pins

SPACE = "http://schemas.android.com/apk/res/android"
TOOLS = "http://schemas.android.com/tools"
NAME = f"{{{SPACE}}}name"
Tree.register_namespace("android", SPACE)


def merged(app: Path, libraries: list[Path], version: tuple[int, str]) -> str:
    """The app's manifest with what its libraries declare, and with what Gradle would add to both."""
    root = Tree.fromstring(app.read_text())
    root.set("package", pins.PACKAGE)
    root.set(f"{{{SPACE}}}versionCode", str(version[0]))
    root.set(f"{{{SPACE}}}versionName", version[1])
    sdk = Tree.SubElement(root, "uses-sdk")
    sdk.set(f"{{{SPACE}}}minSdkVersion", pins.VERSIONS["minSdk"])
    sdk.set(f"{{{SPACE}}}targetSdkVersion", pins.VERSIONS["targetSdk"])
    root.insert(0, sdk)
    application = root.find("application")
    # Libraries are mapped from within the APK, as Gradle has it from Android 6 on.
    application.set(f"{{{SPACE}}}extractNativeLibs", "false")
    for library in libraries:
        text = library.read_text().replace("${applicationId}", pins.PACKAGE)
        other = Tree.fromstring(text)
        package = other.get("package", "")
        for part in other:
            if part.tag in ("permission", "uses-permission"):
                _add(root, part, package)
            elif part.tag == "application":
                for inner in part:
                    if inner.tag in ("activity", "service", "receiver", "provider", "meta-data"):
                        _add(application, inner, package)
    for part in root.iter():
        for attribute in [name for name in part.attrib if name.startswith(f"{{{TOOLS}}}")]:
            del part.attrib[attribute]
    return '<?xml version="1.0" encoding="utf-8"?>\n' + Tree.tostring(root, encoding="unicode")


def _add(parent: Tree.Element, part: Tree.Element, package: str) -> None:
    name = part.get(NAME, "")
    if name.startswith("."):
        name = package + name
        part.set(NAME, name)
    there = next((one for one in parent.findall(part.tag) if re.sub(r"^\.", pins.PACKAGE + ".", one.get(NAME, "")) == name), None)
    if there is None:
        parent.append(part)
        return
    # The same provider, named by several libraries, each with its own words for it.
    for inner in part:
        _add(there, inner, package)
