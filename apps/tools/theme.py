"""apps/theme.toml and the logo, as each platform wants them."""

import re
import tomllib
import xml.etree.ElementTree as Tree
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

SVG = "{http://www.w3.org/2000/svg}"


def read(path: Path) -> tuple[dict, list[str]]:
    theme = tomllib.loads(path.read_text())
    problems = []
    colours = [theme["accent"], *theme["people"]]
    problems += [f"theme: {colour} is no colour" for colour in colours if not re.fullmatch(r"#[0-9A-Fa-f]{6}", colour)]
    if len(theme["people"]) != 12:
        problems.append(f"theme: the core counts twelve colours of people, not {len(theme['people'])}")
    if not problems:
        problems += [
            f"theme: white on {colour} is hard to read ({contrast(colour):.1f} : 1, not 4.5)"
            for colour in theme["people"] if contrast(colour) < 4.5
        ]
    return theme, problems


def contrast(colour: str) -> float:
    """Of white on it."""
    def linear(part: int) -> float:
        share = part / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(int(colour[at : at + 2], 16)) for at in (1, 3, 5))
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


def android_values(theme: dict, notice: str) -> str:
    name = theme["name"].replace("\\", "\\\\").replace("'", "\\'")
    people = "\n".join(f"        <item>{colour}</item>" for colour in theme["people"])
    return f"""<?xml version="1.0" encoding="utf-8"?>
<!-- {notice} -->
<resources>
    <string name="app_name" translatable="false">{escape(name)}</string>
    <color name="accent">{theme["accent"]}</color>
    <color name="icon_background">#FFFFFF</color>
    <string-array name="people" translatable="false">
{people}
    </string-array>
</resources>
"""


def android_icon(notice: str) -> str:
    return f"""<?xml version="1.0" encoding="utf-8"?>
<!-- {notice} -->
<adaptive-icon xmlns:android="http://schemas.android.com/apk/res/android">
    <background android:drawable="@color/icon_background" />
    <foreground android:drawable="@drawable/logo" />
</adaptive-icon>
"""


def android_logo(svg: Path, notice: str) -> str:
    """A vector drawable from the shapes that a logo may consist of: paths and circles."""
    root = Tree.parse(svg).getroot()
    left, top, width, height = (float(part) for part in root.get("viewBox").split())
    if left or top or width != height:
        raise ValueError("the logo is to be a square from 0, 0")
    shapes = "\n".join(_shape(shape) for shape in root)
    return f"""<?xml version="1.0" encoding="utf-8"?>
<!-- {notice} -->
<vector xmlns:android="http://schemas.android.com/apk/res/android"
    android:width="108dp"
    android:height="108dp"
    android:viewportWidth="{width:g}"
    android:viewportHeight="{height:g}">
{shapes}
</vector>
"""


def _shape(shape: Tree.Element) -> str:
    given = dict(shape.attrib)
    if shape.tag == SVG + "circle":
        x, y, radius = (float(given.pop(name)) for name in ("cx", "cy", "r"))
        data = f"M{x - radius:g},{y:g}a{radius:g},{radius:g} 0 1,0 {2 * radius:g},0a{radius:g},{radius:g} 0 1,0 {-2 * radius:g},0z"
    elif shape.tag == SVG + "path":
        data = given.pop("d")
    else:
        raise ValueError(f"the logo may have paths and circles, not {shape.tag.removeprefix(SVG)}")
    names = {
        "fill": "fillColor", "stroke": "strokeColor", "stroke-width": "strokeWidth", "stroke-linejoin": "strokeLineJoin",
        "stroke-linecap": "strokeLineCap",
    }
    if strange := set(given) - set(names):
        raise ValueError(f"the logo has {', '.join(sorted(strange))}, which is not written for Android")
    words = [f"android:pathData={quoteattr(data)}"]
    given.setdefault("fill", "#000000")
    words += [f"android:{names[name]}={quoteattr(value)}" for name, value in given.items() if value != "none"]
    return "    <path\n" + "\n".join(f"        {word}" for word in words) + " />"


def swift(theme: dict, notice: str) -> str:
    people = "\n".join(f"        0x{colour[1:].upper()}," for colour in theme["people"])
    name = theme["name"].replace("\\", "\\\\").replace('"', '\\"')
    return f"""// {notice}

/// The organisation's own.
enum Theme {{
    static let name = "{name}"

    /// Red, green and blue, eight bits each.
    static let accent: UInt32 = 0x{theme["accent"][1:].upper()}

    /// Backgrounds of white initials, by the core's colour.
    static let people: [UInt32] = [
{people}
    ]
}}
"""
