"""How far each assertion is from failing, over all the arithmetics that it ran in."""

import math
from collections import Counter, defaultdict

ROOM = 3  # spreads that a measured number keeps away from failing
ROOM_OF_EXACT = 10  # what varies more than that isn't exact


def margins(page, results):
    """Compare the runs of a page.

    Parameters
    ----------
    page : str
        Its name.
    results : dict of str to dict
        What `arithmetics.run` returned, by arithmetic.

    Returns
    -------
    list of dict
        One for each part of an assertion, in their order: "page", "cell", "line",
        "text"; "measured", whether its cell is tagged so; "held", by arithmetic; and
        "room", see `room`. Runs with other seeds count for what is measured alone:
        what is exact may be said of the page's own images.
    """
    found = defaultdict(dict)
    for name, result in results.items():
        for part in result["parts"]:
            if "measured" in part["tags"] or not name.startswith("seeds"):
                found[part["cell"], part["line"], part["text"]][name] = part
    rows = []
    for (cell, line, text), parts in sorted(found.items()):
        held = {name: part["held"] for name, part in parts.items()}
        distances = [part["distance"] for part in parts.values()]
        row = {"page": page, "cell": cell, "line": line, "text": text, "held": held}
        row["measured"] = any("measured" in part["tags"] for part in parts.values())
        row["room"] = room(distances, all(held.values()))
        rows.append(row)
    return rows


def room(distances, held):
    """Return how far something is from failing, in units of its spread.

    Parameters
    ----------
    distances : list of float or None
        How far it was from failing, by arithmetic.
    held : bool
        Whether it held in all of them.

    Returns
    -------
    float
        The smallest distance, divided by the spread, which is the largest less the
        smallest. Infinite where nothing varies or no number is compared; 0 where it
        failed.
    """
    if not held:
        return 0.0
    numbers = [each for each in distances if each is not None and math.isfinite(each)]
    spread = max(numbers) - min(numbers) if numbers else 0.0
    return min(numbers) / spread if spread else math.inf


def report(by_page):
    """Print what ran and failed in each arithmetic, and what has too little room.

    Parameters
    ----------
    by_page : dict of str to dict
        The results of each page, by arithmetic.

    Returns
    -------
    int
        How many assertions failed or have too little room, and how many cells raised
        something else.
    """
    rows = [row for page in by_page for row in margins(page, by_page[page])]
    rows.sort(key=lambda row: row["room"])
    measured = [row for row in rows if row["measured"]]
    exact = [row for row in rows if not row["measured"]]
    print_counts(rows)
    print(f"\n{len(rows)} parts of assertions; {len(measured)} of them are measured.")
    print("\nThe ten with the least room, in spreads:")
    print_rows(measured[:10])
    wrong = 0
    for title, least, group in (
        ("Measured, with too little room", ROOM, measured),
        ("Not tagged measured, but varying", ROOM_OF_EXACT, exact),
    ):
        if thin := [row for row in group if row["room"] < least]:
            print(f"\n{title} (less than {least}): {len(thin)}")
            print_rows(thin)
            wrong += len(thin)
    errors = [
        f"  {page}, cell {cell}, in {name}: {error}"
        for page, results in by_page.items()
        for name, result in results.items()
        for cell, error in result["errors"]
    ]
    if errors:
        print("\nCells that raised something else:", *errors, sep="\n")
    return wrong + len(errors)


def print_counts(rows):
    """Print how many parts ran, and how many failed, in each arithmetic."""
    ran = Counter(name for row in rows for name in row["held"])
    failed = Counter(
        name for row in rows for name in row["held"] if not row["held"][name]
    )
    print(f"\n{'arithmetic':<12} {'assertions':>10} {'failed':>7}")
    for name, number in ran.items():
        print(f"{name:<12} {number:>10} {failed[name]:>7}")


def print_rows(rows):
    """Print a line for each."""
    for row in rows:
        failed = [name for name, held in row["held"].items() if not held]
        said = f"fails with {', '.join(failed)}" if failed else f"{row['room']:.1f}"
        place = f"{row['page']}, cell {row['cell']}, line {row['line']}"
        print(f"  {place}: {said}: {row['text']}")
