"""Say in plain words what came out of an assertion that failed."""

import ast
from decimal import Decimal, InvalidOperation

import numpy as np

SAID = {  # what a text says of the left side of a comparison
    "<": "less than ",
    "<=": "at most ",
    ">": "more than ",
    ">=": "at least ",
    "==": "",
    "!=": "anything but ",
    "close": "about ",
    "in": "one of ",
    "not in": "none of ",
}
OPPOSITE = {"in": "not in", "not in": "in"}
MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
ROUNDED = {"round", "float", "int"}  # what is left out of a name: the number says it
LONGEST = 80  # characters of code in a sentence


def in_words(part):
    """Say what came out of a part that failed, and what the text says.

    Parameters
    ----------
    part : recorder.Part

    Returns
    -------
    str
        Such as "accuracy is 93.6 where the text says 94 to 95".
    """
    tree = ast.parse(part.text, mode="eval").body
    sides, is_one = compared(tree)
    outcomes = figures(part.values) or part.shown
    if len(sides) != len(outcomes) or not outcomes:
        words = f"it isn't so that {shortened(part.text)}"
        return f"{part.message}: {words}" if part.message else words
    if len(sides) == 2:
        words = of_two(part, sides, outcomes)
    else:
        words = of_three(part, sides, outcomes)
    return f"one of {words}" if is_one or part.many else words


def compared(tree):
    """Find the comparison in a part of an assertion.

    Returns
    -------
    sides : list of ast.expr
        What is compared, in order; empty where nothing is.
    is_one : bool
        Whether it's compared for each of several, as in `all(x < 2 for x in numbers)`.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.BoolOp):
            break  # which of several comparisons it was is not known
        if isinstance(node, ast.Compare):
            return [node.left, *node.comparators], node is not tree
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).rpartition(".")[2]
            if name in ("isclose", "allclose"):
                return node.args[:2], node is not tree
    return [], False


def of_two(part, sides, outcomes):
    """Tell of one thing compared with another."""
    (left, right), (found, limit), sign = sides, outcomes, part.signs[0]
    if sign in ("in", "not in") and is_stated(left):
        return f"{found} is {OPPOSITE[sign]} {name_of(part, right)}, which is {limit}"
    if is_stated(left) and not is_stated(right):
        left, right, found, limit = right, left, limit, found
        sign = MIRRORED.get(sign, sign)
    if part.apart and sign in ("<", "<=") and is_stated(right):
        left, right = left.args[0].left, left.args[0].right
        found, place = figures(part.apart)
        says = f"{said_of(right, place)}, give or take {limit}"
        if sign == "<" and reads_within(found, place, limit):
            says = f"less than {limit} from {said_of(right, place)}"
    elif sign in ("in", "not in"):
        says = SAID[sign] + limit
    else:
        says = SAID[sign] + said_of(right, limit)
    return f"{name_of(part, left)} is {found} where the text says {says}"


def reads_within(found, place, limit):
    """Tell whether numbers, as they're written, are no further apart than a limit."""
    try:
        numbers = [Decimal(each.replace(",", "")) for each in (found, place, limit)]
    except InvalidOperation:  # a word, such as "infinite"
        return False
    return abs(numbers[0] - numbers[1]) <= numbers[2]


def said_of(node, value):
    """Write what the text says: a number, or else what it comes from as well."""
    return value if is_stated(node) else f"{plain(node)}, which is {value}"


def of_three(part, sides, outcomes):
    """Tell of a comparison with two limits, or of a longer chain."""
    signs = set(part.signs)
    if len(sides) == 3 and not is_stated(sides[1]) and signs <= {"<", "<="}:
        low, found, high = outcomes
    elif len(sides) == 3 and not is_stated(sides[1]) and signs <= {">", ">="}:
        high, found, low = outcomes
    else:
        low = None
    if low is None or not (is_stated(sides[0]) and is_stated(sides[2])):
        *first, last = outcomes
        chain = shortened(part.message or chain_of(part, sides))
        return f"{chain}: it isn't so, they are {', '.join(first)}, and {last}"
    says = f"{low} to {high}"
    if found in (low, high):  # the limit itself isn't meant
        (first, _, last), (left, right) = outcomes, part.signs
        says = f"{SAID[MIRRORED[left]]}{first} and {SAID[right]}{last}"
    return f"{name_of(part, sides[1])} is {found} where the text says {says}"


def chain_of(part, sides):
    """Write a chain of comparisons."""
    pairs = zip(part.signs, sides[1:], strict=True)
    rest = (f"{sign} {ast.unparse(side)}" for sign, side in pairs)
    return " ".join([ast.unparse(sides[0]), *rest])


# Names and numbers --------------------------------------------------------------------


def name_of(part, node):
    """Name what was found: as the assertion does, or else by its code."""
    name = part.message or plain(node)
    return f"{name} ({shortened(part.case)})" if part.case else name


def plain(node):
    """Write an expression, without what only rounds it."""
    match node:
        case ast.Call(func, [what, *_]):
            if ast.unparse(func).rpartition(".")[2] in ROUNDED:
                return plain(what)
    return shortened(ast.unparse(node))


def is_stated(node):
    """Tell whether an expression is made of numbers alone, as a text states them."""
    names = {leaf.id for leaf in ast.walk(node) if isinstance(leaf, ast.Name)}
    return names <= {"np"}


def figures(values):
    """Write numbers with as few digits as tell them apart, four at least."""
    for digits in range(4, 18):
        written = [figure(value, digits) for value in values]
        if len(set(written)) == len(set(values)):
            break
    return written


def figure(value, digits):
    """Write one number with so many significant digits."""
    if np.isnan(value):
        return "not a number"
    if np.isinf(value):
        return "infinite" if value > 0 else "minus infinity"
    if value == int(value) and abs(value) < 1e15:
        return f"{value:,.0f}"
    if not 1e-7 < abs(value) < 1e15:
        return f"{value:.{digits - 1}e}"
    return np.format_float_positional(
        value, precision=digits, fractional=False, trim="-"
    )


def shortened(text):
    """Cut what is too long for a sentence."""
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
