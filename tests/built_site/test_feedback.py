"""A page of feedback, opened from disk by a browser in a room without a network."""

import pytest
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from built_site.conftest import missing
from classroom import course, grading

FORMULAS = """\
Of a number $x^2$ and a price of \\$3:

$$
\\begin{aligned}
\\mathrm{E}[x] &= \\sum_{i=1}^{n} \\frac{x_i}{n} \\\\[1ex]
\\underbrace{w}_{\\text{one}} &< \\cancel{2}.
\\end{aligned}
$$

`$HOME` isn't one.
"""


@pytest.fixture
def feedback(tmp_path):
    """Write the feedback on a written answer with formulas; return its path."""
    if not (course.TEACHING / "nbgrader").exists():
        missing("nbgrader isn't installed: run make student first")
    course.use_nbgrader()
    from nbgrader.converters import GenerateFeedback
    from nbgrader.coursedir import CourseDirectory

    mark = {"grade_id": "a", "grade": True, "solution": True, "points": 1, "score": 1}
    answer = new_markdown_cell(FORMULAS, metadata={"nbgrader": mark})
    notebook = new_notebook(cells=[answer, new_code_cell("price = '$3 and $4'")])
    graded = {"notebook": "sums", "score": 1, "max_score": 1, "late_penalty": 0}
    converter = GenerateFeedback(CourseDirectory(), config=grading.whole_pages())
    exporter = HTMLExporter(config=converter.config)
    html, _ = exporter.from_notebook_node(notebook, {"nbgrader": graded})
    path = tmp_path / "sums.html"
    path.write_text(html, "utf-8")
    return path


def test_formulas_are_typeset_and_nothing_is_asked_of_another_host(feedback, page):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(feedback.as_uri())
    page.evaluate("MathJax.startup.promise")
    page.wait_for_load_state("networkidle")
    assert page.locator("mjx-container").count() == 2
    assert page.locator("mjx-merror, [data-mjx-error]").count() == 0
    assert page.locator("mjx-assistive-mml math").count() == 2  # for those who listen
    text = page.get_by_role("main").inner_text()
    assert "a price of $3" in text and "$HOME" in text and "'$3 and $4'" in text
    assert [url for url in asked if not url.startswith(("data:", "blob:"))] == [
        feedback.as_uri()
    ]
