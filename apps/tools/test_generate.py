"""What generate's checks find: each of these tables and sources has one thing wrong."""

import sys
import tempfile
import unittest
import xml.etree.ElementTree as Tree
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import json

import licences
import theme
import usage
import words

GOOD = """
[list]
title = { en = "List", fr = "Liste" }
said = { en = "{name}: {text}", fr = "{text}, dit {name}" }
unread = { en = { one = "{count} text", other = "{count} texts" }, fr = { one = "{count} texte", other = "{count} textes" } }
liked = { en = { one = "{emoji}, {count} person", other = "{emoji}, {count} people" }, fr = { one = "{emoji}, {count} personne", other = "{emoji}, {count} personnes" } }
guests = { en = { one = "A guest", other = "{count} guests" }, fr = { one = "Un invité", other = "{count} invités" } }
"""


class Case(unittest.TestCase):
    def setUp(self):
        kept = tempfile.TemporaryDirectory()
        self.addCleanup(kept.cleanup)
        self.folder = Path(kept.name)

    def file(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def read(self, text: str):
        return words.read(self.file("strings.toml", text))


class Words(Case):
    def wrong(self, line: str, expected: str) -> None:
        found, problems = self.read(GOOD + line)
        self.assertEqual(len(problems), 1, problems)
        self.assertIn(expected, problems[0])
        self.assertEqual(len(found), 5)

    def test_good_words_have_no_problem(self):
        self.assertEqual(self.read(GOOD)[1], [])

    def test_a_missing_language(self):
        self.wrong('x = { en = "Back" }', "list.x: not said in fr")

    def test_an_empty_text(self):
        self.wrong('x = { en = "Back", fr = " " }', "list.x: empty in fr")

    def test_another_placeholder(self):
        self.wrong('x = { en = "By {name}", fr = "Par {nom}" }', "other placeholders in fr: nom, not name")

    def test_a_placeholder_that_is_missing(self):
        self.wrong('x = { en = "By {name}", fr = "Par" }', "other placeholders in fr: none, not name")

    def test_a_placeholder_that_one_quantity_lacks(self):
        self.wrong(
            'x = { en = { one = "{count}, {name}", other = "{count}, {name}" }, fr = { one = "{count}", other = "{count}, {name}" } }',
            "other placeholders in fr",
        )

    def test_a_plural_in_one_language(self):
        self.wrong('x = { en = { one = "{count} a", other = "{count} b" }, fr = "{count} c" }', "a plural in one language only")

    def test_a_quantity_that_is_missing(self):
        self.wrong('x = { en = { other = "{count} b" }, fr = { one = "{count} a", other = "{count} b" } }', "en has other")

    def test_a_count_without_plural(self):
        self.wrong('x = { en = "{count} texts", fr = "{count} textes" }', "{count} without a plural")

    def test_a_stray_brace(self):
        self.wrong('x = { en = "Back }", fr = "Retour" }', "a brace that is no placeholder, in en")

    def test_a_third_language(self):
        self.wrong('x = { en = "Back", fr = "Retour", dr = "?" }', "what is dr?")

    def test_arguments_have_one_order_in_all_languages(self):
        found, _ = self.read(GOOD)
        self.assertIn('"list_said">%1$s: %2$s<', words.android(found, "en", ""))
        self.assertIn('"list_said">%2$s, dit %1$s<', words.android(found, "fr", ""))
        self.assertIn('<item quantity="one">%1$s, %2$,d person</item>', words.android(found, "en", ""))

    def test_android_reads_back_what_was_meant(self):
        texts = ["L'un \"et\" l’autre", "@home", "? or <b> & \\n", "two  spaces", "100 %"]
        lines = "".join(f"x{place} = {{ en = {json.dumps(text)}, fr = {json.dumps(text)} }}\n" for place, text in enumerate(texts))
        found, problems = self.read("[list]\n" + lines)
        self.assertEqual(problems, [])
        # As Android reads: within quotes spaces stay, and a backslash takes the next character as it is.
        said = [node.text for node in Tree.fromstring(words.android(found, "en", "").split("\n", 1)[1])]
        self.assertEqual(
            said, ["L\\'un \\\"et\\\" l’autre", "\\@home", "\\? or <b> & \\\\n", '"two  spaces"', "100 %"]
        )

    def test_per_cent_beside_a_placeholder(self):
        found, _ = self.read('[list]\nx = { en = "{name}: 5%", fr = "{name} : 5%" }')
        self.assertIn(">%1$s: 5%%<", words.android(found, "en", ""))

    def test_the_catalogue_of_ios(self):
        found, _ = self.read(GOOD)
        strings = json.loads(words.ios(found))["strings"]
        self.assertEqual(strings["list.said"]["localizations"]["fr"]["stringUnit"]["value"], "%2$@, dit %1$@")
        one = strings["list.unread"]["localizations"]["en"]["variations"]["plural"]["one"]
        self.assertEqual(one["stringUnit"]["value"], "%1$lld text")
        liked = strings["list.liked"]["localizations"]["en"]["substitutions"]["count"]
        self.assertEqual(liked["argNum"], 2)
        self.assertEqual(liked["variations"]["plural"]["other"]["stringUnit"]["value"], "%1$@, %arg people")


class Usage(Case):
    def android(self, source: str) -> list[str]:
        found, _ = self.read(GOOD)
        self.file("app/screens/list/View.kt", source)
        uses, screens = usage.android(self.folder / "app", found)
        self.assertTrue(screens)
        return usage.problems("android", found, uses)

    ALL = "R.string.list_title R.string.list_said R.plurals.list_unread R.plurals.list_liked R.plurals.list_guests "

    def test_all_used(self):
        self.assertEqual(self.android(self.ALL), [])

    def test_an_unused_word(self):
        self.assertEqual(self.android(self.ALL.replace("R.string.list_title", "")), ["android: list.title is used nowhere"])

    def test_a_word_that_is_not_there(self):
        self.assertIn("list_gone, which is not in", self.android(self.ALL + "R.string.list_gone")[0])

    def test_a_plural_taken_for_a_string(self):
        self.assertIn("list.unread as no plural", self.android(self.ALL + "R.string.list_unread")[0])

    def test_ios_has_its_own_account(self):
        found, _ = self.read(GOOD + 'mac = { en = "Back", fr = "Retour", only = "android" }')
        self.file(
            "ios/ListView.swift",
            '"list.title" "list.said" Sentence("list.unread", count: 2) "list.liked" Image(systemName: "list.bullet") "list.gone"',
        )
        uses, screens = usage.ios([self.folder / "ios"], found)
        self.assertTrue(screens)
        self.assertEqual(
            usage.problems("ios", found, uses),
            ["ios: ListView.swift uses list.gone, which is not in strings.toml", "ios: list.guests is used nowhere"],
        )


class Theme(Case):
    def test_a_colour_on_which_white_is_not_read(self):
        people = ", ".join(['"#8C3A3A"'] * 11 + ['"#AABBCC"'])
        path = self.file("theme.toml", f'name = "P"\naccent = "#1F3A5F"\nlogo = "l.svg"\npeople = [{people}]')
        self.assertIn("white on #AABBCC is hard to read", theme.read(path)[1][0])

    def test_a_logo_that_can_not_be_drawn(self):
        path = self.file("l.svg", '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><rect width="3" height="3"/></svg>')
        with self.assertRaisesRegex(ValueError, "not rect"):
            theme.android_logo(path, "")


class Licences(unittest.TestCase):
    def test_a_choice_is_a_choice_only_without_and(self):
        for expression, expected in {
            "MIT OR Apache-2.0": True, "MIT/Apache-2.0": True, "Apache-2.0": True, "MIT": False,
            "(MIT OR Apache-2.0) AND Unicode-3.0": False,
        }.items():
            self.assertEqual(licences._apache(expression), expected, expression)

    def test_a_text_stands_once(self):
        entries = [{"name": name, "version": "1", "licence": "MIT", "text": "text"} for name in "ba"]
        listed = json.loads(licences.written(entries))
        self.assertEqual(listed["texts"], ["text"])
        self.assertEqual([entry["name"] for entry in listed["components"]], ["a", "b"])


if __name__ == "__main__":
    unittest.main()
