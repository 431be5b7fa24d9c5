"""Draw the diagrams of the pages anew: `python docs/draw.py MERMAID`, with the path of Mermaid's mermaid.min.js.

Needs Chromium. Only whoever changes a diagram runs it; the pictures are kept beside the pages, so that building and
reading the site takes neither. Mermaid is the npm package of that name, under the MIT licence.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory

from extension.diagrams import PICTURES, picture, sources

_PAGE = """<!doctype html><meta charset="utf-8"><body><script src="{mermaid}"></script><script>
const look = {{startOnLoad: false, theme: "neutral", fontFamily: "Arial, sans-serif", fontSize: 14,
  flowchart: {{useMaxWidth: false, wrappingWidth: 300}}, sequence: {{useMaxWidth: false, mirrorActors: false,
    wrap: true, width: 110, actorMargin: 30, messageFontSize: 14, noteFontSize: 14, actorFontSize: 14}}}};
mermaid.initialize(look);
mermaid.render("diagram", {source}).then(({{svg}}) => {{
  const holder = document.createElement("template");
  holder.innerHTML = svg;
  document.body.textContent = "SVG:" + new XMLSerializer().serializeToString(holder.content.firstChild) + ":END";
}}, error => {{ document.body.textContent = "FAULT:" + error + ":END"; }});
</script>"""


def main() -> None:
    """Draw what has no picture yet, and remove pictures that no page has any more."""
    mermaid = Path(sys.argv[1]).resolve()
    PICTURES.mkdir(exist_ok=True)
    wanted = [source for page in Path(__file__).parent.rglob("*.md") for source in sources(page.read_text())]
    for source in wanted:
        if not picture(source).exists():
            picture(source).write_text(draw(source, mermaid) + "\n")
    for left in set(PICTURES.glob("*.svg")) - {picture(source) for source in wanted}:
        left.unlink()


def draw(source: str, mermaid: Path) -> str:
    """Return the SVG of a diagram; raises SystemExit with what Mermaid says of one that it cannot read."""
    with TemporaryDirectory() as folder:
        page = Path(folder, "page.html")
        page.write_text(_PAGE.format(mermaid=mermaid.as_uri(), source=json.dumps(source)))
        chromium = which("chromium") or which("chromium-browser") or which("google-chrome")
        if chromium is None:
            raise SystemExit("Chromium is not installed")
        options = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--virtual-time-budget=10000",
            f"--user-data-dir={folder}",
        ]
        dumped = subprocess.run(
            [chromium, *options, "--dump-dom", page.as_uri()], capture_output=True, text=True, check=True
        )
    found = re.search(r"(SVG|FAULT):(.*):END", dumped.stdout, re.DOTALL)
    text = _unescaped(found[2]) if found else dumped.stdout
    if found is None or found[1] == "FAULT":
        raise SystemExit(text)
    return text


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", "\u00a0").replace("&amp;", "&")


if __name__ == "__main__":
    main()
