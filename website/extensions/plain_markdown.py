"""Turn a page's MyST into Markdown that any notebook program shows.

For a class, editions and slides keep words alone: they don't need the site. The
notebooks that the site offers say more, see `notebook_downloads.py`.
"""

import re

from myst_nb.core.variables import format_plain_text

FENCE = re.compile(
    r"^(?P<fence>`{3,}|:{3,})\{(?P<name>[\w:-]+)\}[ ]*(?P<title>.*)\n"
    r"(?P<options>(?::[\w-]+:.*\n)*)"
    r"(?P<body>(?:.*\n)*?)"
    r"(?P=fence)[ ]*$",
    re.MULTILINE,
)
ROLE = re.compile(
    r"(?P<space> ?)(?<![\w`])\{(?P<name>[\w:-]+)\}(?P<ticks>`+)(?P<text>.+?)(?P=ticks)",
    re.DOTALL,
)
LINK = re.compile(
    r"(?<!!)\[(?P<words>[^\]]*)\]\((?P<path>[^):#\s]+\.md)?(?P<anchor>#[^)\s]*)?\)"
)
DEFINITION = re.compile(r"^(?P<term>\S.*)\n: +(?P<text>.*)$", re.MULTILINE)
OPTION = re.compile(r"^:([\w-]+): *(.*)$", re.MULTILINE)
TARGET = re.compile(r"^\([\w-]+\)=\n", re.MULTILINE)
TEXT_AND_TARGET = re.compile(r"(.*?)\s*<([^<>]*)>$", re.DOTALL)


class PlainMarkdown:
    """Turns MyST into Markdown with the same words.

    A directive has a method, `as_` and its name; what has no words of the page has
    `nothing`. Of any other directive, its title and its body stay.

    Parameters
    ----------
    values : dict of str, optional
        What the page has computed, by the names by which its text quotes it.
    """

    defined = r"**\g<term>.** \g<text>"  # an item of a definition list

    def __init__(self, values=None):
        self.values = values or {}

    def convert(self, text):
        """Return a cell's text as Markdown; what is inside code stays."""
        text = FENCE.sub(self.directive, TARGET.sub("", text) + "\n")
        parts = re.split(r"(^```.*?^```[ ]*$)", text, flags=re.MULTILINE | re.DOTALL)
        parts[::2] = [self.inline(part) for part in parts[::2]]
        return re.sub(r"\n{3,}", "\n\n", "".join(parts)).strip()

    def inline(self, text):
        """Convert the definition lists, roles, and links of text without fences."""
        text = ROLE.sub(self.role, DEFINITION.sub(self.defined, text))
        return LINK.sub(lambda found: self.link(**found.groupdict("")), text)

    def directive(self, match):
        """Convert one directive, by its name; of one unknown, keep the words."""
        name, title = match["name"], match["title"].strip()
        options = dict(OPTION.findall(match["options"]))
        body = match["body"].strip("\n")
        if "{" in body and name not in ("math", "raw"):
            body = FENCE.sub(self.directive, body + "\n").strip("\n")
        known = getattr(self, "as_" + name.replace("-", "_"), None)
        if known:
            return known(title, options, body)
        return self.box(title or name.capitalize(), body)

    def as_math(self, title, options, body):
        """Keep the formula, with what the text calls it."""
        formula = f"{title}\n{body}".strip("\n")
        if "label" in options:
            formula += f" \\tag{{{self.equation(options['label'])}}}"
        return f"$$\n{formula}\n$$"

    def as_figure(self, title, options, body):
        """Show the drawing, above its caption."""
        image = self.image(title, options)
        return f"{image}\n\n*{body}*" if body else image

    as_image = as_figure

    def as_list_table(self, title, options, body):
        """Write a list of rows as a table."""
        rows = [
            [" ".join(cell.split()) for cell in re.split(r"(?m)^\s+-\s", row)]
            for row in re.split(r"(?m)^\* -\s", body)[1:]
        ]
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        lines.insert(1, "| --- " * len(rows[0]) + "|")
        return (f"*{title}*\n\n" if title else "") + "\n".join(lines)

    def as_dropdown(self, title, options, body):
        """Unfold it, unless what it hides is left out."""
        return body and self.box(title, body)

    def as_div(self, title, options, body):
        """Keep what is inside."""
        return body

    as_grid = as_div  # its title is the numbers of columns

    def nothing(self, title, options, body):
        """Leave out what has no words of the page."""
        return ""

    as_raw = as_literalinclude = as_nb_exec_table = as_tableofcontents = nothing

    def role(self, match):
        """Convert one role, by its name; of one unknown, keep the words.

        Where nothing stays, the space before it goes as well.
        """
        name, text = match["name"], match["text"]
        words, target = text, text
        if found := TEXT_AND_TARGET.fullmatch(text):
            words, target = found.groups()
        if name == "math":
            words = f"${text}$"
        elif name == "eq":
            words = f"({self.equation(target)})"
        elif name.startswith("cite"):
            words = self.citation(text.split(","))
        elif name.startswith("glue"):
            page, _, key = text.rpartition("::")
            key, _, form = key.partition(":")
            value = self.glued(page, key)
            words = "…" if value is None else format_plain_text(value, form)
        return words and match["space"] + words

    # What differs where more is known

    def box(self, title, body):
        """Set off a titled part from the text around it."""
        return f"**{title}**\n\n{body}"

    def image(self, path, options):
        """Show an image."""
        return f"![{options.get('alt', '')}]({path})"

    def link(self, words, path, anchor):
        """Link to a place of the book."""
        return f"*{words}*"

    def equation(self, label):
        """Return what to call an equation: here, the words of its label."""
        return label.removeprefix("eq-").replace("-", " ")

    def citation(self, keys):
        """Cite sources."""
        return ""

    def glued(self, page, key):
        """Return, as text, what this page or another has computed; None if unknown."""
        return None if page else self.values.get(key)
