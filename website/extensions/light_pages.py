"""Make the built pages light: leave out what no reader needs, and shrink the rest.

The theme loads its icons twice, as a font and as a script, each with some 1,900 of
them; and, on every page, what only the search page uses.
"""

import re
from pathlib import Path

from fontTools.subset import Subsetter
from fontTools.ttLib import TTFont
from PIL import Image

SCRIPT = re.compile(r'<script (?:defer )?src="([^"]+)"></script>\n?')
NOT_NEEDED = ("scripts/fontawesome.js",)
NEEDED_FOR_SEARCH = ("searchtools.js", "language_data.js", "searchindex.js")
NEEDED_AT_ONCE = ("documentation_options.js",)  # by a script within the page
ICON = re.compile(r'((?:\.fa-[\w-]+:before,?)+)\{(content:"[^"]+")\}')
NAME = re.compile(r"\bfa-[\w-]+")

# Parts of the theme that no page loads, or none after this.
NOT_SHIPPED = (
    "scripts/fontawesome.js*",
    "scripts/*.map",
    "styles/*.map",
    "vendor/fontawesome/webfonts/*.woff2",
    "vendor/fontawesome/webfonts/*.ttf",
    "locales/*/LC_MESSAGES/*",
)


def light_script(tag, for_search):
    """Return what to write in place of a tag that loads a script."""
    address = tag.group(1).partition("?")[0]
    if address.endswith(NOT_NEEDED):
        return ""
    if address.endswith(NEEDED_FOR_SEARCH) and not for_search:
        return ""
    if address.endswith(NEEDED_AT_ONCE):
        return tag.group(0)
    return f'<script defer src="{tag.group(1)}"></script>\n'


def lighten_page(path):
    """Let a page load less, and later; where scripts are off, it has light colors."""
    html = path.read_text("utf-8")
    light = SCRIPT.sub(lambda tag: light_script(tag, path.name == "search.html"), html)
    light = light.replace(' data-theme="auto"', "", 1)  # which only a script resolves
    if light != html:
        path.write_text(light, "utf-8")


def lighten_icons(static, used):
    """Keep those of the theme's icons whose names are used, and their font alone.

    An icon gets an empty alternative text: it isn't part of the name of its button.
    """
    stylesheet = static / "styles" / "pydata-sphinx-theme.css"
    css = stylesheet.read_text("utf-8")

    def lighten_icon(rule):
        names, content = rule.groups()
        is_used = used & set(NAME.findall(names))
        return f'{names}{{{content};{content}/""}}' if is_used else ""

    css = ICON.sub(lighten_icon, css)
    css = re.sub(r"src:url\(([^)]+)\.woff2\)[^}]+", r"src:url(\1.woff)", css)
    stylesheet.write_text(css, "utf-8")
    styles = "".join(path.read_text("utf-8") for path in static.rglob("*.css"))
    characters = {int(code, 16) for code in re.findall(r"\\([\da-f]{4})\b", styles)}
    characters |= {ord(character) for character in styles if character > "\ue000"}
    for path in static.glob("vendor/fontawesome/webfonts/*.ttf"):
        font = TTFont(path)
        subsetter = Subsetter()
        subsetter.populate(unicodes=characters)
        subsetter.subset(font)
        font.flavor = "woff"
        font.save(path.with_suffix(".woff"))


def lighten_figure(path):
    """Give a figure a palette of its own 256 colors, where that makes it smaller."""
    with Image.open(path) as image:
        if image.mode != "RGBA":
            return
        small = image.quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    small.save(path, optimize=True)


def lighten(app, exception):
    """Work on what Sphinx has written."""
    if exception or app.builder.format != "html":
        return
    site = Path(app.outdir)
    static = site / "_static"
    pages = [page for page in site.rglob("*.html") if static not in page.parents]
    for page in pages:
        lighten_page(page)
    for figure in site.glob("_images/*.png"):
        lighten_figure(figure)
    scripts = [path for path in site.rglob("*.js") if "mathjax" not in path.parts]
    scripts = [path for path in scripts if path.name != "fontawesome.js"]
    texts = [path.read_text("utf-8") for path in [*pages, *scripts]]
    lighten_icons(static, set(NAME.findall("".join(texts))))
    for pattern in NOT_SHIPPED:
        for path in static.glob(pattern):
            path.unlink()


def setup(app):
    """Connect to Sphinx."""
    app.connect("build-finished", lighten)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
