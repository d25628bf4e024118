"""apps/strings.toml: read, checked, and written as each platform wants it."""

import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

LANGUAGES = ("en", "fr")
QUANTITIES = ("one", "other")
HOLE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Word:
    table: str
    name: str
    # By language: a text, or texts by quantity.
    texts: dict
    # The app that alone has it; both without.
    only: str | None

    @property
    def key(self) -> str:
        return f"{self.table}.{self.name}"

    @property
    def plural(self) -> bool:
        return any(isinstance(text, dict) for text in self.texts.values())

    def forms(self, language: str) -> dict[str, str]:
        text = self.texts[language]
        return text if isinstance(text, dict) else {"other": text}

    @property
    def holes(self) -> list[str]:
        """In the order in which English names them: the order of arguments in every language."""
        return list(dict.fromkeys(HOLE.findall(self.forms("en")["other"])))


def read(path: Path) -> tuple[list[Word], list[str]]:
    """The words, and what is wrong with them."""
    words, problems = [], []
    for table, entries in tomllib.loads(path.read_text()).items():
        for name, entry in entries.items():
            texts = {language: entry[language] for language in LANGUAGES if language in entry}
            word = Word(table, name, texts, entry.get("only"))
            wrong = list(_wrong(word, entry))
            problems += [f"{word.key}: {one}" for one in wrong]
            if not wrong:
                words.append(word)
    return words, problems


def _wrong(word: Word, entry: dict):
    if strange := set(entry) - {*LANGUAGES, "only"}:
        yield f"what is {', '.join(sorted(strange))}?"
    if word.only not in (None, "android", "ios"):
        yield f"no app is called {word.only}"
    missing = [language for language in LANGUAGES if language not in entry]
    if missing:
        yield f"not said in {', '.join(missing)}"
        return
    for language, text in word.texts.items():
        if isinstance(text, dict) != word.plural:
            yield f"a plural in one language only, not in {language}"
            return
        if isinstance(text, dict) and set(text) != set(QUANTITIES):
            yield f"{language} has {', '.join(sorted(text))}, not one and other"
            return
        if not all(form.strip() for form in word.forms(language).values()):
            yield f"empty in {language}"
    wanted = set(word.holes)
    if word.plural and "count" not in wanted:
        yield "a plural without {count}"
    if not word.plural and "count" in wanted:
        yield "{count} without a plural"
    for language in LANGUAGES:
        for quantity, form in word.forms(language).items():
            found = set(HOLE.findall(form))
            # "A guest" need not say "one".
            optional = {"count"} if quantity == "one" else set()
            if found | optional != wanted | optional:
                yield f"other placeholders in {language}: {', '.join(sorted(found)) or 'none'}, not {', '.join(sorted(wanted)) or 'none'}"
            if re.sub(HOLE, "", form).count("{") or re.sub(HOLE, "", form).count("}"):
                yield f"a brace that is no placeholder, in {language}"


def _filled(word: Word, form: str, hole) -> str:
    """With the platform's placeholders; a sign of per cent is one of its own only where there are any."""
    if not word.holes:
        return form
    return HOLE.sub(lambda found: hole(word.holes.index(found.group(1)) + 1, found.group(1)), form.replace("%", "%%"))


def android(words: list[Word], language: str, notice: str) -> str:
    lines = ['<?xml version="1.0" encoding="utf-8"?>', f"<!-- {notice} -->", "<resources>"]
    for word in words:
        if word.only == "ios":
            continue
        name = f"{word.table}_{word.name}"
        said = {quantity: _android(word, form) for quantity, form in word.forms(language).items()}
        if word.plural:
            lines.append(f'    <plurals name="{name}">')
            lines += [f'        <item quantity="{quantity}">{text}</item>' for quantity, text in said.items()]
            lines.append("    </plurals>")
        else:
            lines.append(f'    <string name="{name}">{said["other"]}</string>')
    return "\n".join([*lines, "</resources>", ""])


def _android(word: Word, form: str) -> str:
    text = form.replace("\\", "\\\\").replace("'", "\\'").replace('"', '\\"').replace("\n", "\\n")
    if text[0] in "@?":
        text = "\\" + text
    # Without this, Android takes several spaces for one, and drops those at the ends.
    if text != text.strip() or "  " in text:
        text = f'"{text}"'
    return escape(_filled(word, text, lambda place, name: f"%{place}${',d' if name == 'count' else 's'}"))


def ios(words: list[Word]) -> str:
    strings = {}
    for word in words:
        if word.only != "android":
            said = {language: _ios(word, language) for language in LANGUAGES}
            strings[word.key] = {"extractionState": "manual", "localizations": said}
    catalogue = {"sourceLanguage": "en", "strings": dict(sorted(strings.items())), "version": "1.0"}
    return json.dumps(catalogue, ensure_ascii=False, indent=2, separators=(",", " : ")) + "\n"


def _ios(word: Word, language: str) -> dict:
    def hole(place: int, name: str) -> str:
        return "%arg" if name == "count" and several else f"%{place}${'lld' if name == 'count' else '@'}"

    def unit(text: str) -> dict:
        return {"stringUnit": {"state": "translated", "value": text}}

    # A plural beside other arguments names the one that it counts.
    several = word.plural and len(word.holes) > 1
    said = {quantity: unit(_filled(word, form, hole)) for quantity, form in word.forms(language).items()}
    if not word.plural:
        return said["other"]
    if not several:
        return {"variations": {"plural": said}}
    counted = {"argNum": word.holes.index("count") + 1, "formatSpecifier": "lld", "variations": {"plural": said}}
    return {**unit("%#@count@"), "substitutions": {"count": counted}}
