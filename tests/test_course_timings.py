"""How the timings of the courses are counted."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.append(str(ROOT / "_ext"))
from course_timings import LINES_A_MINUTE, WORDS_PER_MINUTE, count  # noqa: E402

PAGE = """\
---
kernelspec:
  display_name: Python 3 (ipykernel)
  language: python
  name: python3
---

# Five words in a heading

```{figure} of-a-diagram.svg
:alt: This is not read.
Two words.
```

```{code-cell} ipython3
x = 1

y = 2
```

```{code-cell} ipython3
:tags: [remove-cell]

assert x < y
```

## Exercises

```{exercise-start} Add
:label: exercise-add
```

What is x and y?

```{exercise-end}
```

```{code-cell} ipython3
x + y
```

## Further reading
"""


@pytest.mark.parametrize("exercises", [1, 0])
def test_text_and_shown_code_are_counted_and_exercises_left_out(tmp_path, exercises):
    page = tmp_path / "page.md"
    page.write_text(PAGE if exercises else PAGE.partition("## Exercises")[0])
    hash_sign = 1

    assert count(page) == (hash_sign + 5 + 2, 2, exercises)


def test_the_page_for_teachers_says_how_fast_it_counts():
    page = ROOT / "content" / "what-comes-after" / "teach-with-this-book.md"
    assert (WORDS_PER_MINUTE, LINES_A_MINUTE) == (200, 20)
    assert "two hundred words of text or twenty lines of code a minute" in (
        page.read_text("utf-8")
    )
