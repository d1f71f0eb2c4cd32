"""What the build of this book needs beyond Jupyter Book's settings."""

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

from pybtex.plugin import register_plugin
from pybtex.style.formatting.plain import Style as PlainStyle
from pybtex.style.labels import BaseLabelStyle

# MathJax for TeX in, HTML out: the script, its web fonts, its screen-reader support.
MATHJAX_PARTS = ("tex-chtml.js", "output/chtml", "a11y", "sre/mathmaps/en.json")


BRACES = str.maketrans("", "", "{}")  # they keep BibTeX from splitting a name


class AuthorYearLabels(BaseLabelStyle):
    """Label the references as the text cites them: (LeCun et al., 2015)."""

    def format_labels(self, sorted_entries):
        """Yield a label for each entry."""
        for entry in sorted_entries:
            names = [" ".join(who.last_names) for who in entry.persons["author"]]
            if len(names) > 2:
                names = [f"{names[0]} et al."]
            yield f"{' and '.join(names)}, {entry.fields['year']}".translate(BRACES)


class AuthorYearStyle(PlainStyle):
    """The plain style with those labels."""

    default_label_style = AuthorYearLabels


def copy_mathjax(app, exception):
    """Give the site its own MathJax, so that formulas need no network."""
    if exception or app.builder.format != "html":
        return
    package = Path(find_spec("sphinx-mathjax-offline").origin).parent
    target = Path(app.outdir, "_static", "mathjax")
    for part in MATHJAX_PARTS:
        source = package / "static" / "mathjax" / part
        if source.is_dir():
            shutil.copytree(source, target / part, dirs_exist_ok=True)
        else:
            (target / part).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target / part)


def setup(app):
    """Connect to Sphinx, and set what the notebooks' kernels inherit."""
    os.environ["TQDM_DISABLE"] = "1"  # no progress bars in the pages
    # Small matrix products are faster in one thread, many times so on a busy machine.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    register_plugin("pybtex.style.formatting", "author_year", AuthorYearStyle)
    app.connect("build-finished", copy_mathjax)
    app.setup_extension("training_digits")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
