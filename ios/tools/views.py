#!/usr/bin/env python3
"""tools/views.py APPS: what a compiler does not see in the app's sources. Each check is one line, PASSED or FAILED.

Every state of apps/README.md has a preview of its name; what is a picture alone has a label for screen readers; views call
no core and presenters know no view; words get as many arguments as they have places; what Xcode reads is well formed."""

import plistlib
import re
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
SCREENS = HERE / "Sources" / "Screens"
LABELLED = (".accessibilityHidden(", ".accessibilityLabel(")
failures = 0


def told(what: str, problems: list[str]) -> None:
    global failures
    for problem in problems:
        print(f"FAILED: {problem}")
    if not problems:
        print(f"PASSED: {what}")
    failures += len(problems)


def closing(text: str, opening: int) -> int:
    """Where the bracket that opens there is closed."""
    pairs = {"(": ")", "{": "}", "[": "]"}
    depth = 0
    at = opening
    while at < len(text):
        if text[at] == '"':
            at = re.compile(r'"(?:\\.|[^"\\])*"').match(text, at).end()
            continue
        if text[at] in pairs:
            depth += 1
        elif text[at] in pairs.values():
            depth -= 1
            if depth == 0:
                return at
        at += 1
    raise ValueError("a bracket that is never closed")


def chain(text: str, at: int) -> str:
    """The calls, with brackets and closures, that follow a name: `Image(…).font(…) { … }`."""
    end = at
    while True:
        step = re.compile(r"\s*\.\w+|\s*(?:\w+:\s*)?(?=\{)|(?=\()").match(text, end)
        if not step or step.end() == end and text[end : end + 1] not in "({":
            return text[at:end]
        end = step.end()
        if text[end : end + 1] in ("(", "{"):
            end = closing(text, end) + 1


def unlabelled(text: str) -> list[int]:
    """Places of pictures of which a screen reader says nothing sensible."""
    whole = [(found.start(), chain(text, found.end())) for found in re.finditer(r"\b(?:Button|NavigationLink|HStack|VStack)\b(?=[ ({])", text)]
    places = []
    for found in re.finditer(r"\bImage(?=\()", text):
        own = chain(text, found.end())
        around = [rest for start, rest in whole if start < found.start() < start + len(rest)]
        # A control's own label, or a line's that is read as one, stands after its closure.
        if not any(word in own for word in LABELLED) and not any(labels_itself(rest) for rest in around):
            places.append(text.count("\n", 0, found.start()) + 1)
    for found in re.finditer(r"\.labelStyle\(\.iconOnly\)", text):
        if ".accessibilityLabel(" not in text[found.end() : found.end() + 120]:
            places.append(text.count("\n", 0, found.start()) + 1)
    return places


def labels_itself(rest: str) -> bool:
    """Whether a label comes after the last closure of a control."""
    outer, at = "", 0
    while at < len(rest):
        if rest[at] == "{":
            at = closing(rest, at) + 1
            continue
        outer += rest[at]
        at += 1
    return ".accessibilityLabel(" in outer


def pictures() -> list[str]:
    planted = 'Button { go() } label: {\n Image(systemName: "x").font(.title)\n}\n.disabled(true)'
    if not unlabelled(planted) or unlabelled(planted + '.accessibilityLabel(Text("x"))'):
        return ["the check of labels finds nothing"]
    return [
        f"{path.name}:{line}: a picture without a label"
        for path in sorted([*SCREENS.rglob("*View.swift"), *(HERE / "App").rglob("*.swift")])
        for line in unlabelled(path.read_text())
        if "CodeView" not in path.name
    ]


def previews(readme: str) -> list[str]:
    problems = []
    rows = re.findall(r"^\| (\w+) \| [^|]*\| ((?:`\w+` ?)+)\|$", readme, re.M)
    if len(rows) != len(list(SCREENS.iterdir())):
        problems.append("apps/README.md has other screens than Sources/Screens")
    for screen, states in rows:
        wanted = re.findall(r"\w+", states)
        path = SCREENS / screen / f"{screen}Previews.swift"
        there = re.findall(r'^#Preview\("(\w+)"\)', path.read_text(), re.M) if path.exists() else []
        problems += [f"{screen}: no preview of {state}" for state in wanted if state not in there]
        problems += [f"{screen}: a preview of {state}, which is no state of apps/README.md" for state in there if state not in wanted]
    return problems


def layers() -> list[str]:
    problems = []
    for path in sorted(SCREENS.rglob("*.swift")):
        text = path.read_text()
        if path.name.endswith(("View.swift", "Previews.swift")):
            if re.search(r"\bClient\b|\bawait\b|\bPresenter\b", text):
                problems.append(f"{path.name}: a view that calls the core")
        elif re.search(r"^import (SwiftUI|UIKit)", text, re.M):
            problems.append(f"{path.name}: a presenter that knows views")
    return problems


def arguments(text: str, opening: int) -> list[str]:
    """What stands between the commas of a call."""
    inside, parts, start = text[opening + 1 : closing(text, opening)], [], 0
    at = 0
    while at < len(inside):
        if inside[at] == '"':
            at = re.compile(r'"(?:\\.|[^"\\])*"').match(inside, at).end()
            continue
        if inside[at] in "({[":
            at = closing(inside, at)
        elif inside[at] == ",":
            parts.append(inside[start:at].strip())
            start = at + 1
        at += 1
    return [*parts, inside[start:].strip()]


def words(strings: Path) -> list[str]:
    tables = tomllib.loads(strings.read_text())
    places = {}
    for table, entries in tables.items():
        for name, entry in entries.items():
            english = entry["en"]["other"] if isinstance(entry["en"], dict) else entry["en"]
            places[f"{table}.{name}"] = len(set(re.findall(r"\{(\w+)\}", english)))
    problems, seen = [], 0
    for path in sorted([*(HERE / "Sources").rglob("*.swift"), *(HERE / "App").rglob("*.swift")]):
        text = path.read_text()
        for found in re.finditer(r"\b(?:Sentence|words)(?=\()", text):
            given = arguments(text, found.end())
            key = re.fullmatch(r'"([a-z]+\.[a-z_]+)"', given[0])
            if not key or key.group(1) not in places:
                continue
            seen += 1
            # One that only chooses the plural may be absent from the words.
            if len(given) - 1 != places[key.group(1)]:
                problems.append(f"{path.name}: {key.group(1)} has {places[key.group(1)]} places and gets {len(given) - 1}")
    return problems if seen > 100 else ["the check of words finds nothing"]


def lists() -> list[str]:
    problems = []
    app = HERE / "App"
    info, rights, privacy = (
        plistlib.loads((app / name).read_bytes()) for name in ("Info.plist", "Pli.entitlements", "PrivacyInfo.xcprivacy")
    )
    source = (app / "Platform" / "PliApp.swift").read_text()
    refresh = re.search(r'refresh = "([\w.]+)"', source).group(1)
    if info["BGTaskSchedulerPermittedIdentifiers"] != [refresh]:
        problems.append("Info.plist permits another background task than PliApp asks for")
    if info["UIBackgroundModes"] != ["fetch"]:
        problems.append("Info.plist: background refresh needs the mode fetch")
    if "NSCameraUsageDescription" not in info or set(info["CFBundleLocalizations"]) != {"en", "fr"}:
        problems.append("Info.plist: the reason for the camera, or a language, is missing")
    if not all("$(AppIdentifierPrefix)" in group for group in rights["keychain-access-groups"]):
        problems.append("Pli.entitlements: a keychain group of somebody else's")
    if privacy["NSPrivacyTracking"] or privacy["NSPrivacyTrackingDomains"] or not privacy["NSPrivacyAccessedAPITypes"]:
        problems.append("PrivacyInfo.xcprivacy says something else than that nothing is tracked")
    return problems


def project() -> list[str]:
    """The description that XcodeGen reads, in the part of YAML that it is written in: keys, values, lists, two spaces."""
    text = (HERE / "project.yml").read_text()
    problems = [f"project.yml: {place} is not there" for place in re.findall(r"\bpath: (\S+)", text) if not (HERE / place).exists()]
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip() and not re.fullmatch(r"(?:  )*(?:- )?(?:[\w$.\[\]-]+:(?: .+)?|[^:\t]+)(?: +#.*)?|\s*#.*", line):
            problems.append(f"project.yml:{number} is not well formed")
    try:
        import yaml

        yaml.safe_load(text)
    except ImportError:
        pass
    except yaml.YAMLError as error:
        problems.append(f"project.yml: {error}")
    package = (HERE / "Package.swift").read_text()
    for what, pattern in (("iOS version", r'iOS: "(\d+)\.0"'), ("Swift version", r"SWIFT_VERSION: (\d)")):
        if not re.search(pattern, text):
            problems.append(f"project.yml names no {what}")
    if re.search(r'iOS: "(\d+)\.0"', text).group(1) != re.search(r"\.iOS\(\.v(\d+)\)", package).group(1):
        problems.append("project.yml and Package.swift are for other versions of iOS")
    screens = {path.name for path in SCREENS.iterdir()}
    if set(re.findall(r'"(\w+)"', package[package.index("let screens") : package.index("]")])) != screens:
        problems.append("Package.swift lists other screens than Sources/Screens")
    return problems


def main(apps: Path) -> int:
    told("previews", previews((apps / "README.md").read_text()))
    told("labels", pictures())
    told("layers", layers())
    told("words", words(apps / "strings.toml"))
    told("lists", lists())
    told("project", project())
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
