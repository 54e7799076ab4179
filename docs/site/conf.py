# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sphinx' settings for the site that tests/docs builds: README.md as its first page, docs/, and the reference by antsibull-docs."""

from __future__ import annotations

import re
from typing import Any, List

REPOSITORY = "https://github.com/baremetal-kubernetes/baremetal.kubernetes"
#: Links to what is in the repository and not on the site.
ELSEWHERE = re.compile(
    r"\]\((?:\.\./)*((?:inventories|tests|plugins|roles|playbooks|molecule)/[^)\s]*|execution-environment.yml)\)"
)
#: antsibull-docs' own, which the theme has at the side of the page.
CONTENTS = re.compile(r"^\.\. contents::\n(?:   :.*\n)+", re.MULTILINE)
#: The site's side bar; README.md's own tables are its table of contents.
SIDE_BAR = """
```{toctree}
:hidden:
:caption: %s
:glob:

%s
```
"""
SIDE_BARS = (
    ("Overview", "docs/topologies\ndocs/settings\ndocs/*"),
    ("Operations", "docs/operations/*"),
    ("Providers", "docs/providers/*"),
    ("Reference", "reference/index"),
)

project = "baremetal.kubernetes"
author = "The baremetal.kubernetes authors"
copyright = "2026, " + author  # noqa: A001 - Sphinx' own name
extensions = ["myst_parser", "sphinx_antsibull_ext"]
root_doc = "index"
exclude_patterns = ["docs/site"]
html_theme = "furo"
html_title = project
html_static_path = ["static"]
html_css_files = ["wide.css"]
html_copy_source = False
highlight_language = "none"
pygments_style = "ansible"
# Labels of Ansible's own documentation, which a build without the internet can't look up. Links of our pages are another kind.
suppress_warnings = ["ref.ref"]
# Anchors as GitHub makes them.
myst_heading_anchors = 3


def prepare(_app: Any, page: str, source: List[str]) -> None:
    """Lead links that would end at the site's border to the repository, and give the first page the side bar."""
    if page.startswith("reference/"):
        source[0] = CONTENTS.sub("", source[0])
        return
    source[0] = ELSEWHERE.sub(r"](%s/tree/main/\1)" % REPOSITORY, source[0])
    if page == root_doc:
        source[0] += "".join(SIDE_BAR % part for part in SIDE_BARS)


def setup(app: Any) -> None:
    app.connect("source-read", prepare)
