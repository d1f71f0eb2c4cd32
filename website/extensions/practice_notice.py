"""Pages on practice digits: a notice on each, and no check of MNIST's numbers."""

import re
from pathlib import Path

from scratchnet.mnist import practice

TAGS = re.compile(r"^(:?tags: \[(?!.*skip-execution).*\bmnist-numbers\b)", re.MULTILINE)


def prepare(app, config):
    """On practice digits, put the notice on every page, and keep the results apart."""
    if not practice.is_chosen():
        return
    config.practice_digits = True
    config.html_theme_options["announcement"] = f"<p>⚠ {practice.NOTICE}</p>"
    # The cache of executed pages goes by the code alone, not by the data.
    cache = Path(app.outdir).parent / ".jupyter_cache_practice"
    config.nb_execution_cache_path = str(cache)


def as_executed(text):
    """Return a page as it's executed: on practice digits, without MNIST's numbers."""
    return TAGS.sub(r"\1, skip-execution", text) if practice.is_chosen() else text


def skip_numbers(app, docname, source):
    """On practice digits, don't execute the cells that hold numbers of MNIST."""
    source[0] = as_executed(source[0])


def setup(app):
    """Connect to Sphinx; whoever changes the digits has every page read anew."""
    app.add_config_value("practice_digits", False, "env", [bool])
    app.connect("config-inited", prepare)
    app.connect("source-read", skip_numbers)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
