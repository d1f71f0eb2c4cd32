"""Turn a page's MyST into Markdown that any notebook program shows."""

import re
from pathlib import PurePosixPath

DIRECTIVE = re.compile(
    r"^(?P<fence>`{3,}|:{3,}){(?P<name>[\w:-]+)}[ ]*(?P<title>.*)\n"
    r"(?P<options>(?::[\w-]+:.*\n)*)(?P<body>(?:.*\n)*?)(?P=fence)$",
    re.MULTILINE,
)
ROLE = re.compile(r" ?{(?P<name>[\w:-]+)}`(?P<text>[^`]*)`")
PAGE_LINK = re.compile(r"\[([^\]]*)\]\((?!\w+:)[^)]*\.md[^)]*\)")
DEFINITION = re.compile(r"^(\S.*)\n: ", re.MULTILINE)
QUIZ = re.compile(r"^## Check yourself\n(?:(?!^## ).*\n?)*", re.MULTILINE)
TARGET = re.compile(r"^\([\w-]+\)=\n", re.MULTILINE)


def plain_markdown(text, glued=None):
    """Replace what only MyST knows by what Markdown knows.

    Formulas go between dollars, figures become images with their caption, definition
    lists become paragraphs. Links to other pages keep their words. Citations go.

    Parameters
    ----------
    text : str
        The source of a Markdown cell.
    glued : dict of str, optional
        Values that the page has computed, by the names by which its text quotes them.

    Returns
    -------
    str
        Markdown, with the same words.
    """

    def directive(found):
        body = found["body"].strip("\n")
        if found["name"] == "math":
            return f"$$\n{body}\n$$"
        if found["name"] == "figure":
            alt = re.search(r"^:alt: (.*)$", found["options"], re.MULTILINE)
            return f"![{alt[1]}]({found['title']})\n\n*{body.strip()}*"
        if found["name"] == "admonition":
            return f"**{found['title']}**\n\n{plain_markdown(body, glued)}"
        return ""

    def role(found):
        space = " " if found[0].startswith(" ") else ""
        name, content = found["name"], found["text"]
        if name == "math":
            return f"{space}${content}$"
        if name.startswith("cite"):
            return ""
        if name.startswith("glue"):
            key, _, form = content.partition(":")
            return space + glued_text((glued or {}).get(key), form)
        if name == "eq":
            return f"{space}({content.removeprefix('eq-').replace('-', ' ')})"
        return space + content.partition(" <")[0]

    text = DIRECTIVE.sub(directive, text)
    text = ROLE.sub(role, text)
    text = PAGE_LINK.sub(r"*\1*", text)
    text = DEFINITION.sub(r"**\1.** ", text)
    return TARGET.sub("", text).strip("\n")


def without_quiz(text):
    """Leave out the quiz, whose answers only the site folds away."""
    return QUIZ.sub("", text)


def glued_text(value, form):
    """Write a value as the page does; an ellipsis if the page hasn't run."""
    if value is None:
        return "…"
    try:
        return format(float(value), form) if form else value.strip("'\"")
    except ValueError:
        return value.strip("'\"")


def images(text):
    """List the image files that plain Markdown shows, as paths from its page."""
    return [PurePosixPath(path) for path in re.findall(r"!\[[^\]]*\]\(([^)]*)\)", text)]
