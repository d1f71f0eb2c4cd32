"""What the build of this book needs beyond Jupyter Book's settings."""

import os
import shutil
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from docutils import nodes
from pybtex.plugin import register_plugin
from pybtex.style.formatting.plain import Style as PlainStyle
from pybtex.style.labels import BaseLabelStyle
from sphinx.errors import ConfigError

from checks import require_assertions

# MathJax for TeX in, HTML out, and MathML beside it for screen readers. Its menu is
# left out: with what it needs, it is larger than the rest.
MATHJAX_PARTS = (
    "startup.js",
    "core.js",
    "input/tex.js",
    "output/chtml.js",
    "output/chtml/fonts",
    "a11y/assistive-mml.js",
)


class AuthorYearLabels(BaseLabelStyle):
    """Label the references as the text cites them: (LeCun et al., 2015)."""

    def format_labels(self, sorted_entries):
        """Yield a label for each entry."""
        for entry in sorted_entries:
            names = [
                " ".join(str(name) for name in who.rich_last_names)  # "ü", not TeX
                for who in entry.persons["author"]
            ]
            if len(names) > 2:
                names = [f"{names[0]} et al."]
            yield f"{' and '.join(names)}, {entry.fields['year']}"


class AuthorYearStyle(PlainStyle):
    """The plain style with those labels."""

    default_label_style = AuthorYearLabels


def repository():
    """Tell where the book's source is on the web, for links to edit and to launch.

    Returns
    -------
    url, branch : str
        From `REPOSITORY_URL` and `REPOSITORY_BRANCH`, or from what GitHub Actions
        sets; an empty address where neither is set.
    """
    url = os.environ.get("REPOSITORY_URL", "")
    if not url and os.environ.get("GITHUB_REPOSITORY"):
        server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
        url = f"{server}/{os.environ['GITHUB_REPOSITORY']}"
    branch = os.environ.get("REPOSITORY_BRANCH") or os.environ.get("GITHUB_REF_NAME")
    return url.strip().rstrip("/").removesuffix(".git"), branch or "main"


def site():
    """Return the address of the published book, with a slash at its end; or nothing."""
    address = os.environ.get("SITE_URL") or os.environ.get("READTHEDOCS_CANONICAL_URL")
    return address.strip().rstrip("/") + "/" if address else ""


def set_addresses(app, config):
    """Tell the pages where they are, and where their source is, if it's known.

    Social cards and canonical links need the address of the site, `SITE_URL`; buttons
    to edit and to launch a page need that of the repository.
    """
    if address := site():
        config.html_baseurl = config.ogp_site_url = address
    url, branch = repository()
    config.book_repository = (url, branch)  # for notebook_downloads
    if not url:
        return
    parts = urlsplit(url)
    known = [name for name in ("github", "gitlab") if name in parts.netloc]
    if parts.scheme not in ("http", "https") or not known or url.count("/") < 4:
        raise ConfigError(
            f"REPOSITORY_URL is {url!r}, which is not the address of a repository on"
            " GitHub or GitLab. Set it to one, such as"
            " https://github.com/OWNER/REPOSITORY, or leave it out."
        )
    config.html_theme_options |= {
        "repository_url": url,
        "repository_branch": branch,
        "repository_provider": known[0],
        "use_repository_button": True,
        "use_edit_page_button": True,
        "use_issues_button": True,
    }


def say_where_to_get_the_book(app, doctree, docname):
    """Name the repository in the sentence that says how to get the book, if it's known.

    Where it isn't, the sentence stays as the page has it.
    """
    url, _ = app.config.book_repository
    for node in doctree.findall(nodes.container) if url else ():
        if "get-the-book" in node["classes"]:
            folder = url.rpartition("/")[2]
            words = nodes.paragraph("", "", nodes.strong(text="Get the book"))
            words += [
                nodes.Text(": "),
                nodes.literal(text=f"git clone {url}"),
                nodes.Text(", then "),
                nodes.literal(text=f"cd {folder}"),
                nodes.Text(" and "),
                nodes.literal(text="make lab"),
                nodes.Text("."),
            ]
            node.children = [words]


def list_references(app, pagename, templatename, context, doctree):
    """Make the references items of their list, for screen readers."""
    if "body" in context:
        context["body"] = context["body"].replace("doc-biblioentry", "listitem")


# From disk, a browser doesn't let a page read the other pages, so a search shows their
# titles without an excerpt.
SEARCH_FROM_DISK = """
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
"""


def copy_mathjax(app, exception):
    """Give the site its own MathJax, so that formulas need no network."""
    if not exception and app.builder.format == "html":
        copy_mathjax_to(Path(app.outdir, "_static", "mathjax"))


def mathjax_file(name):
    """Return the path of a file, or of a folder, of MathJax."""
    package = Path(find_spec("sphinx-mathjax-offline").origin).parent
    return package / "static" / "mathjax" / name


def copy_mathjax_to(target):
    """Copy the parts of MathJax that the pages need into a folder."""
    for part in MATHJAX_PARTS:
        source = mathjax_file(part)
        if source.is_dir():
            shutil.copytree(source, target / part, dirs_exist_ok=True)
        else:
            (target / part).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target / part)


def setup(app):
    """Connect to Sphinx, and set what the notebooks' kernels inherit."""
    require_assertions()
    os.environ["TQDM_DISABLE"] = "1"  # no progress bars in the pages
    register_plugin("pybtex.style.formatting", "author_year", AuthorYearStyle)
    app.connect("config-inited", set_addresses)
    app.add_js_file(None, body=SEARCH_FROM_DISK)
    app.connect("doctree-resolved", say_where_to_get_the_book)
    app.connect("html-page-context", list_references)
    app.connect("build-finished", copy_mathjax)
    app.setup_extension("training_digits")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
