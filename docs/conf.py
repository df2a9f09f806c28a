"""Settings of the documentation."""

import importlib
import os
import pkgutil

import saigon

project = "Saigon"
author = "The Saigon maintainers"
copyright = "2026, The Saigon maintainers"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.intersphinx",
]
exclude_patterns = ["_build", "examples", "tests"]
html_theme = "furo"
html_title = "Saigon"

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_class_signature = "mixed"
python_display_short_literal_types = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False

# The object inventories of other projects are on the network: only where that is asked for.
intersphinx_mapping = (
    {
        "python": ("https://docs.python.org/3", None),
        "pydantic": ("https://docs.pydantic.dev/latest", None),
        "sqlalchemy": ("https://docs.sqlalchemy.org/en/20", None),
        "requests": ("https://requests.readthedocs.io/en/latest", None),
    }
    if os.environ.get("SAIGON_DOCS_INTERSPHINX")
    else {}
)

# Type variables and private names stand in signatures and have no entry of their own.
nitpick_ignore_regex = [
    (r"py:.*", r"(.*\.)?[A-Z]\w*T(_co|_contra)?"),
    (r"py:.*", r"(.*\.)?_\w+(\..*)?"),
    (r"py:class", r".*\.[A-Z]\w*_Any"),  # pydantic gives a generic of Any a class of its own
]
# Without the inventories no name of another project resolves; names of this one must.
if not intersphinx_mapping:
    nitpick_ignore_regex.append((r"py:.*", r"(?!saigon\.).*"))

# Two packages may have an error of one name; a docstring's "Raises" means its own package's.
suppress_warnings = ["ref.python"]

# autodoc imports modules with TYPE_CHECKING set, which FastAPI's models do not survive: what is
# imported already, it takes as it is.
for module in pkgutil.walk_packages(saigon.__path__, "saigon."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
