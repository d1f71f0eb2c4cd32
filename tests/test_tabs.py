"""Cells that say the same in several frameworks: a small book, built for real."""

from small_book import Book, cell, page


def tagged(framework, code):
    return cell(code, f"[tab-{framework}]")


def test_cells_that_follow_each_other_become_tabs(tmp_path):
    text = page(
        "Tabs",
        tagged("numpy", "print('first')"),
        tagged("pytorch", "print('second')"),
        tagged("jax", "print('third')"),
        "Text between.\n",
        tagged("numpy", "print('fourth')"),
        cell("hidden = 1", "[remove-cell]"),
        tagged("numpy", "print('fifth')"),
        tagged("tensorflow", "print('sixth')"),
    )
    book = Book(tmp_path, tabs=text)
    status, _ = book.build(CI="true")
    assert status == 0
    html = book.html("tabs")
    sets = html.select("article .sd-tab-set")
    labels = [[each.text.strip() for each in s.select("label")] for s in sets]
    assert labels == [
        ["NumPy", "PyTorch", "JAX"],
        ["NumPy"],
        ["NumPy", "TensorFlow"],
    ]
    words = ["first", "second", "third", "fourth", "fifth", "sixth"]
    contents = html.select("article .sd-tab-content")
    for content, word in zip(contents, words, strict=True):
        assert content.select_one(".cell_input").text.strip() == f"print('{word}')"
        assert content.select_one(".cell_output").text.strip() == word
    assert len(html.select("article div.cell")) == len(words)
    assert "Text between." in sets[0].find_next_sibling("p").text
    groups = {label["data-sync-group"] for label in html.select("article label")}
    assert groups == {"framework"}
    for group in sets:
        radios = group.select("input[type=radio]")
        assert len({radio["name"] for radio in radios}) == 1
        assert [radio.has_attr("checked") for radio in radios] == [
            True,
            *[False] * (len(radios) - 1),
        ]
