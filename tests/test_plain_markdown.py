"""What becomes of MyST where only Markdown is known."""

import pytest
from plain_markdown import PlainMarkdown

TIP = "```{tip}\nNever lose {term}`this <loss>`.\n```\n"


@pytest.mark.parametrize(
    ("myst", "markdown"),
    [
        (TIP, "**Tip**\n\nNever lose this."),
        (f"````{{card}} Title\n:link: x\n\n{TIP}````", "**Title**\n\n**Tip**\n\nNever"),
        (f":::{{dropdown}} Fold\n{TIP}:::", "**Fold**\n\n**Tip**\n\nNever lose this."),
        ("```{figure} a.svg\nLook.\n```", "![](a.svg)\n\n*Look.*"),
        ("```{math} a = b\n```", "$$\na = b\n$$"),
        ("```{math}\n:label: eq-the-loss\na\n```", "$$\na \\tag{the loss}\n$$"),
        (f"````{{grid}} 1 2\n{TIP}````", "**Tip**\n\nNever lose this."),
        ("```{list-table} Two\n* -\n  - b\n    c\n```", "*Two*\n\n|  | b c |\n| --- |"),
        ("See {cite}`a,b`, {eq}`eq-the-loss`.", "See, (the loss)."),
        ("[Up](#top), [on](../next.md#up), [out](x.py)", "*Up*, *on*, [out](x.py)"),
        ("```python\n{term}`code`\n```", "```python\n{term}`code`\n```"),
        ("{glue:text}`x:.1f`, {glue:text}`y:.1f`", "2.0, …"),
    ],
)
def test_words_stay(myst, markdown):
    assert PlainMarkdown({"x": "2"}).convert(myst).startswith(markdown)


@pytest.mark.parametrize("name", ["raw", "literalinclude"])
def test_what_has_no_words_of_the_page_goes_and_what_folds_it(name):
    directive = f"```{{{name}}} html\n:file: a.html\n```\n"
    myst = f"A\n\n{directive}\n:::{{dropdown}} Fold\n{directive}:::\n\nB"
    assert PlainMarkdown().convert(myst) == "A\n\nB"
