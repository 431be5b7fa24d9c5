"""How the site is built: `make docs`. Why these tools: docs/decisions/0015."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "poolhouse"
author = "poolhouse contributors"
copyright = "poolhouse contributors"  # noqa: A001 - Sphinx's word

extensions = ["myst_parser", "extension"]
exclude_patterns = ["examples", "extension"]

myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence", "deflist", "attrs_block"]
highlight_language = "text"
# Two dashes begin an option here more often than they join a sentence.
smartquotes = False

# Every name of poolhouse that a signature has must be on a page; those of others are not looked for.
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(?!poolhouse\b).*")]
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
toc_object_entries = False
add_module_names = False

html_theme = "furo"
html_title = "poolhouse"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["copy.js"]
html_copy_source = False
html_show_sphinx = False
# Nothing is fetched from anywhere, so no theme may bring fonts or scripts from elsewhere: docs/check_site.py looks.
html_theme_options = {"navigation_with_keys": True}
