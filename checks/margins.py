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
        "text"; "measured", whether its cell is tagged so; "held", by arithmetic;
        "room", see `room`, over all arithmetics with the page's own seeds; and
        "room_with_seeds", over all. Runs with other seeds count for what is measured
        alone: what is exact may be said of the page's own images.
    """
    found = defaultdict(dict)
    for name, result in results.items():
        for part in result["parts"]:
            if "measured" in part["tags"] or not name.startswith("seeds"):
                found[part["cell"], part["line"], part["text"]][name] = part
    rows = []
    for (cell, line, text), parts in sorted(found.items()):
        held = {name: part["held"] for name, part in parts.items()}
        row = {"page": page, "cell": cell, "line": line, "text": text, "held": held}
        row["measured"] = any("measured" in part["tags"] for part in parts.values())
        row["room_with_seeds"] = room(parts.values())
        own = (part for name, part in parts.items() if not name.startswith("seeds"))
        row["room"] = room(own)
        rows.append(row)
    return rows


def room(parts):
    """Return how far a part is from failing, in units of the spread that it shows.

    Parameters
    ----------
    parts : iterable of dict
        The same part, in several arithmetics.

    Returns
    -------
    float
        The smallest distance from failing, divided by the spread, which is the largest
        less the smallest. Infinite where nothing varies or no number is compared; 0
        where it failed.
    """
    parts = list(parts)
    if not all(part["held"] for part in parts):
        return 0.0
    distances = [part["distance"] for part in parts if part["distance"] is not None]
    distances = [distance for distance in distances if math.isfinite(distance)]
    spread = max(distances) - min(distances) if distances else 0.0
    return min(distances) / spread if spread else math.inf


def report(by_page):
    """Print what ran and failed in each arithmetic, and what has too little room.

    Parameters
    ----------
    by_page : dict of str to dict
        The results of each page, by arithmetic.

    Returns
    -------
    int
        How many assertions failed, or have too little room between kernels, loops, and
        numbers of threads; and how many cells raised something else.
    """
    rows = [row for page in by_page for row in margins(page, by_page[page])]
    measured = [row for row in rows if row["measured"]]
    exact = [row for row in rows if not row["measured"]]
    print_counts(rows)
    print(f"\n{len(rows)} parts of assertions; {len(measured)} of them are measured.")
    print("\nThe ten with the least room, in spreads:")
    print_rows(measured, "room", 10)
    print("\nThe ten with the least room, if other seeds add to the spread:")
    print_rows(measured, "room_with_seeds", 10)
    failed = [row for row in measured if not row["room_with_seeds"]]
    thin = [row for row in measured if row["room"] < ROOM and row not in failed]
    varying = [row for row in exact if row["room"] < ROOM_OF_EXACT]
    for title, group, key in (
        ("Measured, and failed", failed, "room_with_seeds"),
        (f"Measured, with less room than {ROOM}", thin, "room"),
        (f"Exact, but with less room than {ROOM_OF_EXACT}", varying, "room"),
    ):
        if group:
            print(f"\n{title}: {len(group)}")
            print_rows(group, key, None)
    with_seeds = [row for row in measured if row["room_with_seeds"] < ROOM]
    print(f"\n{len(with_seeds)} have less room than {ROOM} if other seeds count.")
    errors = [
        f"  {page}, cell {cell}, in {name}: {error}"
        for page, results in by_page.items()
        for name, result in results.items()
        for cell, error in result["errors"]
    ]
    if errors:
        print("\nCells that raised something else:", *errors, sep="\n")
    return len(failed) + len(thin) + len(varying) + len(errors)


def print_counts(rows):
    """Print how many parts ran, and how many failed, in each arithmetic."""
    ran = Counter(name for row in rows for name in row["held"])
    failed = Counter(
        name for row in rows for name in row["held"] if not row["held"][name]
    )
    print(f"\n{'arithmetic':<12} {'assertions':>10} {'failed':>7}")
    for name, number in ran.items():
        print(f"{name:<12} {number:>10} {failed[name]:>7}")


def print_rows(rows, key, number):
    """Print a line for each, from the least room on; at most a number of them."""
    for row in sorted(rows, key=lambda row: row[key])[:number]:
        failed = [name for name, held in row["held"].items() if not held]
        said = f"fails with {', '.join(failed)}" if failed else f"{row[key]:.1f}"
        place = f"{row['page']}, cell {row['cell']}, line {row['line']}"
        print(f"  {place}: {said}: {row['text']}")
