"""Print the built pages as one PDF: `make pdf`.

The pages are joined into one document in the order of the table of contents, with
links between them as links within it, and a browser prints that.
"""

import json
from html import escape
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import yaml
from browser import browser_for_pages, open_browser
from bs4 import BeautifulSoup
from built_book import BUILD, HTML, ROOT, book_parts

PDF = BUILD / "pdf" / "deep-learning-on-mnist.pdf"
NOT_PRINTED = (
    "script, a.headerlink, button, .sd-summary-state-marker, .page-times,"
    " section:has(> .toctree-wrapper, > .tableofcontents-wrapper)"
)
FOOTER = """\
<div style="width: 100%; font: 8px sans-serif; color: #555; text-align: center">
<span class="pageNumber"></span></div>"""
LOADED = """async () => {
    await MathJax.startup.promise;
    await document.fonts.ready;
    await Promise.all([...document.images].map(image => image.decode()));
}"""


def place(name, anchor=""):
    """Name a place of the document: a page, or an element of it."""
    page = name.replace("/", "-")
    return f"{page}--{anchor}" if anchor else page


def printable_page(name, names, html=HTML):
    """Return the article of a built page, ready to stand in one document with others.

    Parameters
    ----------
    name : str
        The page, such as "content/index".
    names : list of str
        All pages of the document, to tell links within it from others.
    html : pathlib.Path
        The folder of the built pages.

    Returns
    -------
    bs4.Tag
        The article.
    """
    text = (html / f"{name}.html").read_text("utf-8")
    article = BeautifulSoup(text, "html.parser").find("article")
    for element in article.select(NOT_PRINTED):
        element.decompose()
    for element in article.find_all("noscript"):  # MathJax needs scripts, readers don't
        element.name = "div"
    for element in article.find_all("details"):
        element["open"] = ""
    for element in article.find_all(id=True):
        element["id"] = place(name, element["id"])
    for element in article.find_all(src=True):
        if not urlsplit(element["src"]).scheme:
            element["src"] = (html / name).parent.joinpath(element["src"]).as_uri()
    for link in article.find_all("a", href=True):
        target = urlsplit(urljoin(f"/{name}.html", link["href"]))
        page = target.path.removeprefix("/").removesuffix(".html")
        if target.scheme or target.netloc:
            continue
        if page in names:
            link["href"] = f"#{place(page, target.fragment)}"
        else:
            link.unwrap()
    article["id"] = place(name)
    return article


def printable_book(parts, html=HTML):
    """Return the document of all pages of these parts, as text."""
    names = [name for _, pages in parts for name in pages]
    front = BeautifulSoup((html / f"{names[0]}.html").read_text("utf-8"), "html.parser")
    styles = [
        html / urljoin(f"{names[0]}.html", link["href"].partition("?")[0])
        for link in front.find_all("link", rel="stylesheet")
    ]
    contents, body = [], []
    for caption, pages in parts:
        contents.append(f"<h2>{escape(caption)}</h2><ul>" if caption else "<ul>")
        for name in pages:
            article = printable_page(name, names, html)
            title = article.find("h1").get_text()
            contents.append(f'<li><a href="#{place(name)}">{escape(title)}</a></li>')
            body.append(str(article))
        contents.append("</ul>")
    book = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    links = "".join(
        f'<link rel="stylesheet" href="{path.as_uri()}">' for path in styles
    )
    mathjax = (html / "_static" / "mathjax" / "startup.js").as_uri()
    options = json.dumps(
        {
            "loader": {"load": ["input/tex", "output/chtml", "a11y/assistive-mml"]},
            "options": {"processHtmlClass": "tex2jax_process|mathjax_process|math"},
        }
    )
    own = Path(__file__).with_suffix(".css").read_text("utf-8")
    return f"""<!doctype html>
<html lang="en" data-theme="light" data-mode="light">
<head><meta charset="utf-8"><title>{escape(book["title"])}</title>{links}
<style>{own}</style>
<script>window.MathJax = {options}</script>
<script defer src="{mathjax}"></script></head>
<body class="bd-content">
<header><p class="book-title">{escape(book["title"])}</p>
<p>by {escape(book["author"])}, {escape(book["copyright"])}</p>
<p>Text and drawings: CC BY 4.0. Code: BSD-3-Clause.</p></header>
<nav><p class="book-contents">Contents</p>{"".join(contents)}</nav>
<main>{"".join(body)}</main></body></html>
"""


def print_pdf(page, document, pdf):
    """Print a document, an HTML file, from a tab of a browser."""
    page.set_default_timeout(300_000)
    page.emulate_media(color_scheme="light")
    page.goto(document.as_uri())
    page.evaluate(LOADED)
    page.pdf(
        path=pdf,
        format="A4",
        margin={"top": "18mm", "bottom": "18mm", "left": "20mm", "right": "20mm"},
        display_header_footer=True,
        header_template="<span></span>",
        footer_template=FOOTER,
        print_background=True,
        outline=True,
        tagged=True,
    )


def main():
    """Join the built pages and print them."""
    path = browser_for_pages()
    PDF.parent.mkdir(parents=True, exist_ok=True)
    document = PDF.with_suffix(".html")
    document.write_text(printable_book(book_parts()), "utf-8")
    with open_browser(path) as browser:
        print_pdf(browser.new_page(), document, PDF)
    print(f"The book, printed: {PDF}")


if __name__ == "__main__":
    main()
