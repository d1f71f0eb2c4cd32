"""Tell the browser the size of each image, so that no text jumps when it arrives."""

import re
from functools import cache
from pathlib import Path

from PIL import Image

IMAGE = re.compile(r'<img\b(?![^>]*\swidth=)([^>]*\bsrc="[^"]*_images/([^"/]+)"[^>]*)>')
VIEW_BOX = re.compile(r'<svg\b[^>]*\bviewBox="[-\d.]+ [-\d.]+ ([\d.]+) ([\d.]+)"')


@cache
def size(path):
    """Return width and height of a PNG or SVG file: in pixels, or as a ratio."""
    if path.suffix == ".svg":
        width, height = VIEW_BOX.search(path.read_text("utf-8")).groups()
        return round(float(width)), round(float(height))
    with Image.open(path) as image:
        return image.size


def add_sizes(app, name, template, context, doctree):
    """Write width and height into the images of a page that have none."""
    if not doctree:
        return
    paths = {file: path for path, file in app.builder.images.items()}

    def with_size(match):
        attributes, file = match.groups()
        width, height = size(Path(app.srcdir, paths[file]))
        attributes = attributes.removesuffix("/").rstrip()
        return f'<img{attributes} width="{width}" height="{height}">'

    context["body"] = IMAGE.sub(with_size, context["body"])


def setup(app):
    """Connect to Sphinx."""
    app.connect("html-page-context", add_sizes)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
