#!/usr/bin/env python3
"""Writes a reference from the comments of a language's face and of its generated values.

    reference.py LANGUAGE TO FILE…

Fails if something public has no comment, or a comment speaks of things that only Rust has.
"""

import ast
import re
import sys
from pathlib import Path

# Words and signs of Rust that mean nothing to others.
RUST = re.compile(r"\b(Option|Vec|Arc|Result<|trait|struct|crate|impl|tokio|usize|u64|i32|panics!|Some|\w+::\w+)\b|\[`")
# What every reference has.
EVERYWHERE = ("Client", "Conversation", "Timeline", "Message", "TimelineItem", "KeyStore", "Advice")
# What the generator writes for itself.
OWN = re.compile(r"(?i)uniffi|FfiConverter|RustBuffer|Splice|Handle|(Impl|Interface|Protocol)$")


def markdown(title, entries):
    lines = [f"# {title}", "", "Written by `bindings/reference`; do not edit.", ""]
    for depth, declaration, comment in entries:
        if depth == 0:
            lines += ["", f"## `{declaration}`", "", comment, ""]
        else:
            lines.append(f"- `{declaration}`" + (f": {comment}" if comment else ""))
    return "\n".join(lines).replace("\n\n\n", "\n\n") + "\n"


def name(declaration):
    """The last word of a declaration before its parameters, type or base."""
    words = re.split(r"[(:<{=]| private | internal ", declaration.replace("`", ""))[0].split()
    return words[-1] if words else ""


def without_body(declaration):
    """A declaration up to what it is made of: the first brace or equals sign outside of parentheses."""
    declaration = re.sub(r" (private|internal) constructor.*", "", declaration)
    depth = 0
    for place, sign in enumerate(declaration):
        depth += (sign in "([") - (sign in ")]")
        if sign in "{=" and depth == 0 and declaration[place - 1] == " ":
            declaration = declaration[:place]
            break
    return re.sub(r"(\s*:\s*\w+\(\)|,|\()$", "", declaration.strip()).strip()


def flat(comment):
    return " ".join(comment.split())


def of_python(files):
    seen = set()
    for file in files:
        for node in ast.parse(Path(file).read_text()).body:
            if not isinstance(node, ast.ClassDef) or node.name.startswith("_") or OWN.search(node.name):
                continue
            comment = flat(ast.get_docstring(node) or "")
            # The generator defines errors twice, with one name.
            if not comment or node.name in seen:
                continue
            seen.add(node.name)
            yield 0, node.name, comment
            for member in node.body:
                name = getattr(member, "name", "")
                if isinstance(member, ast.ClassDef):
                    yield 1, f"{node.name}.{name}", flat(ast.get_docstring(member) or "")
                elif isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef) and not name.startswith(("_", "is_")):
                    text = flat(ast.get_docstring(member) or "")
                    what = "async " if isinstance(member, ast.AsyncFunctionDef) else ""
                    arguments = ", ".join(a.arg for a in member.args.args if a.arg != "self")
                    as_property = any(getattr(d, "id", "") == "property" for d in member.decorator_list)
                    if text:
                        yield 1, f"{what}{name}" + ("" if as_property else f"({arguments})"), text


def of_lines(files, comment_of, declares, opens):
    """Declarations with the comments before them, for languages with braces."""
    for file in files:
        lines = Path(file).read_text().split("\n")
        comment, outer = "", None
        index = 0
        while index < len(lines):
            found, after = comment_of(lines, index)
            if after > index:
                comment, index = flat(found), after
                continue
            line = lines[index]
            index += 1
            if not line.strip() or line.strip().startswith(("@", "#if", "#endif")):
                continue
            match = declares.match(line.rstrip())
            if match and not OWN.search(name(match["rest"])) and (comment or opens.match(match["rest"])):
                depth = len(match["indent"]) // 4
                rest = without_body(match["rest"]).replace("`", "").replace("kotlin.", "")
                if depth == 0:
                    outer = rest if comment and opens.match(match["rest"]) else None
                    if comment:
                        yield 0, rest, comment
                elif outer and depth == 1 and comment:
                    yield 1, rest, comment
            comment = ""


def kotlin_comment(lines, index):
    if not lines[index].strip().startswith("/**"):
        return "", index
    text = []
    while True:
        line = lines[index].strip()
        text.append(line.removeprefix("/**").split("*/")[0].lstrip("* "))
        index += 1
        if "*/" in line:
            # A comment before a parameter says nothing of its own.
            return (" ".join(text) if line.endswith("*/") else ""), index


def swift_comment(lines, index):
    text = []
    while lines[index].strip().startswith("///"):
        text.append(lines[index].strip()[3:])
        index += 1
    if not text and lines[index].strip().startswith("/**"):
        return kotlin_comment(lines, index)
    return " ".join(text), index


KOTLIN = re.compile(
    r"(?P<indent> *)(?:public |override |internal )*(?P<rest>(?:data |sealed |enum |value |suspend |companion )*"
    r"(?:class|interface|object|fun|val|var|typealias) .*|[A-Z_]+[,;]?$)"
)
SWIFT = re.compile(
    r"(?P<indent> *)(?:public |open |static |convenience |final |@\w+ )*(?P<rest>(?:class|struct|enum|protocol|func|var|let|case|init).*)"
)


def main(language, to, *files):
    match language:
        case "python":
            entries = list(of_python(files))
        case "kotlin":
            entries = list(of_lines(files, kotlin_comment, KOTLIN, re.compile(r"(data |sealed |enum |value )*(class|interface) ")))
        case "swift":
            entries = list(of_lines(files, swift_comment, SWIFT, re.compile(r"(class|struct|enum|protocol) ")))
    entries = [entry for entry in entries if "@suppress" not in entry[2]]
    others = RUST if language == "python" else re.compile(RUST.pattern + r"|\bNone\b")
    faults = [f"{d}: {c}" for _, d, c in entries if others.search(c)]
    names = {name(declaration) for depth, declaration, _ in entries if depth == 0}
    faults += [f"{wanted} is not there" for wanted in EVERYWHERE if wanted not in names]
    Path(to).parent.mkdir(parents=True, exist_ok=True)
    Path(to).write_text(markdown(f"Pli for {language.capitalize()}", entries))
    sys.exit("\n".join(faults) or None)


main(*sys.argv[1:])
