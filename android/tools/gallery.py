"""One page with all pictures, grouped by screen and state."""

import html
import json
from pathlib import Path

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Pli for Android: every screen in every state</title>
<style>
:root {{ color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }}
body {{ margin: 0 24px 48px }}
form {{ position: sticky; top: 0; display: flex; flex-wrap: wrap; gap: 4px 24px; padding: 12px 0; background: Canvas; border-bottom: 1px solid #8886 }}
fieldset {{ border: 0; padding: 0; margin: 0; display: flex; gap: 12px }}
section > div {{ display: flex; flex-wrap: wrap; gap: 16px }}
figure {{ margin: 0; max-width: min(100%, 420px) }}
figure.phone {{ width: 220px }}
img {{ width: 100%; border: 1px solid #8886; border-radius: 8px; display: block }}
figcaption {{ font-size: 13px }}
.wrong {{ color: #c02020 }}
[hidden] {{ display: none }}
</style>
<h1>Every screen in every state</h1>
<form>{filters}<label><input type="checkbox" id="wrong"> only those with something wrong</label></form>
{sections}
<script>
const form = document.querySelector("form"), store = {{}};
function show() {{
    const chosen = {{}};
    for (const box of form.querySelectorAll("input[name]")) if (box.checked) (chosen[box.name] ??= []).push(box.value);
    const wrong = document.getElementById("wrong").checked;
    for (const figure of document.querySelectorAll("figure"))
        figure.hidden = !{names}.every(name => (chosen[name] ?? []).includes(figure.dataset[name])) || wrong && !figure.querySelector(".wrong");
    for (const section of document.querySelectorAll("section")) section.hidden = !section.querySelector("figure:not([hidden])");
}}
form.addEventListener("change", show);
show();
</script>
"""


def write(folder: Path) -> int:
    """The page; how many pictures are on it."""
    taken = [(*path.stem.split("."), path) for path in sorted(folder.glob("*.png"))]
    settings = [setting.split("-") for _, _, setting, _ in taken]
    names = ["screen", "look", "language", "text", "size"]
    values = [list(dict.fromkeys(screen for screen, *_ in taken)), *(list(dict.fromkeys(column)) for column in zip(*settings))]
    filters = "".join(
        "<fieldset>" + "".join(
            f'<label><input type="checkbox" name="{name}" value="{html.escape(value)}" checked> {html.escape(value)}</label>' for value in column
        ) + "</fieldset>"
        for name, column in zip(names, values)
    )
    sections = []
    for screen, state in dict.fromkeys((screen, state) for screen, state, *_ in taken):
        figures = []
        for path in (path for one, two, _, path in taken if (one, two) == (screen, state)):
            setting = path.stem.split(".")[2].split("-")
            data = " ".join(f'data-{name}="{html.escape(value)}"' for name, value in zip(names, [screen, *setting]))
            found = path.with_suffix(".txt")
            wrong = "".join(f'<div class="wrong">{html.escape(line)}</div>' for line in found.read_text().splitlines()) if found.exists() else ""
            figures.append(
                f'<figure class="{setting[-1]}" {data}><a href="{path.name}"><img loading="lazy" src="{path.name}" alt="{html.escape(path.stem)}"></a>'
                f"<figcaption>{html.escape(' '.join(setting))}{wrong}</figcaption></figure>"
            )
        sections.append(f"<section><h2>{html.escape(screen)}: {html.escape(state)}</h2><div>{''.join(figures)}</div></section>")
    (folder / "index.html").write_text(_PAGE.format(filters=filters, sections="\n".join(sections), names=json.dumps(names)))
    return len(taken)
