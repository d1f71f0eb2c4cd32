"""Run assertions so that both sides of each comparison are kept.

An `assert` stops at the first comparison that fails, and forgets what it compared. Here
it is rewritten: each of its parts is evaluated, recorded, and told in words.
"""

import ast
import operator
import reprlib
from dataclasses import asdict, dataclass, field

import numpy as np

COMPARISONS = {
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
    ast.Eq: ("==", operator.eq),
    ast.NotEq: ("!=", operator.ne),
}
BY_SIGN = dict(COMPARISONS.values())
MEMBERSHIPS = {ast.In: "in", ast.NotIn: "not in"}
RECORDER = "__recorder__"  # its name among those of a notebook


@dataclass
class Part:
    """One part of an assertion, over all the times that it ran.

    Attributes
    ----------
    cell, line : int
        The cell, as `Recorder` counts it, and the line in it, counted from 1.
    text : str
        Its code.
    message : str
        What the assertion itself calls it, if it has a message.
    case : str
        What it was, in a loop, when it was closest to failing: `way` of
        `assert ratio < 3, way`.
    runs : int
        How often it ran.
    held : bool
        Whether it was true each time.
    signs : list of str
        Its comparisons; ["close"] for `np.allclose`; empty where nothing is compared.
    values : list of float
        The sides of the comparison when it was closest to failing, if they're numbers.
    apart : list of float
        The two numbers of `abs(accuracy - 0.9) < 0.01`, then.
    shown : list of str
        The sides of the comparison that failed first, if they aren't numbers.
    many : bool
        Whether arrays or lists were compared, and the values are of one place in them.
    distance : float or None
        How far it was from failing then; negative where it failed.
    error : str
        What it raised, if it did.
    """

    cell: int
    line: int
    text: str
    message: str = ""
    case: str = ""
    runs: int = 0
    held: bool = True
    signs: list = field(default_factory=list)
    values: list = field(default_factory=list)
    apart: list = field(default_factory=list)
    shown: list = field(default_factory=list)
    many: bool = False
    distance: float | None = None
    error: str = ""


class Recorder(ast.NodeTransformer):
    """Rewrites assertions, and keeps what they find.

    Parameters
    ----------
    count : callable
        Returns the number of the cell that is compiled.
    """

    def __init__(self, count=lambda: 0):
        self.count = count
        self.parts = []
        self.last_apart = {}

    # While a cell is compiled ---------------------------------------------------------

    def visit_Assert(self, node):
        """Turn an assertion into one call for each of its parts."""
        return [self.call_for(test, node) for test in conditions(node.test)]

    def call_for(self, test, node):
        """Return the statement that evaluates one part of an assertion."""
        number = len(self.parts)
        part = Part(self.count(), node.lineno, ast.unparse(test))
        self.parts.append(part)
        arguments = [later(self.watch(test, number))]
        if isinstance(node.msg, ast.Constant):
            part.message = str(node.msg.value)
        elif node.msg:
            kind = "message" if isinstance(node.msg, ast.JoinedStr) else "case"
            arguments += [later(node.msg), ast.Constant(kind)]
        call = ast.Expr(self.method("evaluate", number, *arguments))
        return ast.fix_missing_locations(ast.copy_location(call, node))

    def watch(self, node, number):
        """Rewrite the comparisons whose failure would fail the part, and no others."""
        if isinstance(node, ast.Compare):
            if all(type(each) in COMPARISONS for each in node.ops):
                signs = " ".join(COMPARISONS[type(each)][0] for each in node.ops)
                sides = [
                    self.watch_abs(side, number)
                    for side in (node.left, *node.comparators)
                ]
                return self.method("compare", number, ast.Constant(signs), *sides)
            if len(node.ops) == 1 and type(node.ops[0]) in MEMBERSHIPS:
                sign = ast.Constant(MEMBERSHIPS[type(node.ops[0])])
                sides = [node.left, *node.comparators]
                return self.method("look_up", number, sign, *sides)
        elif isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
            node.values = [self.watch(value, number) for value in node.values]
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func).rpartition(".")[2]
            if name in ("allclose", "isclose"):
                call = self.method("close", number, node.func, *node.args)
                call.keywords = node.keywords
                return call
            if name == "all" and node.args:
                each = node.args[0]
                if isinstance(each, (ast.GeneratorExp, ast.ListComp)):
                    each.elt = self.watch(each.elt, number)
                else:
                    node.args[0] = self.watch(each, number)
            elif name == "all" and isinstance(node.func, ast.Attribute):
                node.func.value = self.watch(node.func.value, number)
        return node

    def watch_abs(self, node, number):
        """Rewrite the absolute value of a difference, to keep what is subtracted."""
        match node:
            case ast.Call(ast.Name("abs"), [ast.BinOp(left, ast.Sub(), right)]):
                return self.method("how_far", number, left, right)
        return node

    @staticmethod
    def method(name, number, *arguments):
        """Return a call of one of the methods below."""
        function = ast.Attribute(ast.Name(RECORDER, ast.Load()), name, ast.Load())
        return ast.Call(function, [ast.Constant(number), *arguments], [])

    # While it runs --------------------------------------------------------------------

    def evaluate(self, number, test, message=None, kind=""):
        """Evaluate one part; keep whether it held.

        Parameters
        ----------
        number : int
            Its place among the parts.
        test, message : callable
            Return the answer, and what the assertion says if that is no.
        kind : str
            Which attribute of a part the message is.
        """
        part = self.parts[number]
        part.runs += 1
        before = part.distance
        try:
            held = bool(test())
        except Exception as error:
            held = self.failed_to_run(number, error)
        nearer = part.distance is not before  # `!=` would be true of any NaN
        if not held and message and (part.held or nearer):
            setattr(part, kind, str(message()))
        part.held &= held

    def failed_to_run(self, number, error):
        """Keep the error of a part; return whether the part counts as held."""
        self.parts[number].error = f"{type(error).__name__}: {error}"
        return False

    def compare(self, number, signs, *sides):
        """Compare as Python does; keep the sides that came closest to failing."""
        signs = signs.split()
        pairs = list(zip(signs, sides, sides[1:], strict=False))
        try:
            numbers = np.broadcast_arrays(*(np.asarray(side, float) for side in sides))
        except (TypeError, ValueError):
            numbers = None
            self.parts[number].signs = signs
        else:
            near = zip(signs, numbers, numbers[1:], strict=False)
            distances = np.min([distance(*pair) for pair in near], axis=0)
            self.keep(number, signs, distances, numbers)
        result = True
        for sign, left, right in pairs:
            outcome = BY_SIGN[sign](left, right)
            result = outcome if result is True else result and outcome
        if numbers is None and not np.all(result) and self.parts[number].held:
            self.parts[number].shown = list(map(reprlib.repr, sides))
        return result

    def how_far(self, number, left, right):
        """Return how far two numbers are apart; remember both."""
        self.last_apart[number] = (left, right)
        return abs(left - right)

    def look_up(self, number, sign, left, right):
        """Tell whether something is in a collection, or isn't; keep both."""
        part = self.parts[number]
        found = (left in right) is (sign == "in")
        if part.held and (not found or not part.signs):
            part.signs, part.shown = [sign], [reprlib.repr(left), reprlib.repr(right)]
        return found

    def close(self, number, function, a, b, rtol=1e-5, atol=1e-8, **options):
        """Call `np.allclose`; keep how much of the tolerance was left."""
        with np.errstate(all="ignore"):
            x, y = np.broadcast_arrays(np.asarray(a, float), np.asarray(b, float))
            left = np.where(x == y, np.inf, atol + rtol * abs(y) - abs(x - y))
            left[np.isnan(x) & np.isnan(y)] = np.inf
        self.keep(number, ["close"], left, [x, y])
        return function(a, b, rtol=rtol, atol=atol, **options)

    def keep(self, number, signs, distances, sides):
        """Keep the smallest distance from failing, and the sides that had it."""
        part = self.parts[number]
        if distances.size:
            nearest = int(np.argmin(distances))  # a NaN before all
            smallest = float(distances.flat[nearest])
            kept = part.distance
            # A NaN is nearer than any number, and none is nearer than a NaN.
            if kept is None or (not np.isnan(kept) and not smallest >= kept):
                part.signs, part.distance = signs, smallest
                part.values = [float(side.flat[nearest]) for side in sides]
                part.many = distances.size > 1
                part.apart = [
                    float(np.broadcast_to(side, distances.shape).flat[nearest])
                    for side in self.last_apart.get(number, ())
                ]

    def results(self):
        """Return the parts that ran, as dictionaries for JSON."""
        return [asdict(part) for part in self.parts if part.runs]


def conditions(test):
    """Split an expression at its outermost `and`."""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return [part for value in test.values for part in conditions(value)]
    return [test]


def later(node):
    """Return the expression of a function that evaluates another expression."""
    return ast.Lambda(ast.arguments([], [], None, [], [], None, []), node)


def distance(sign, left, right):
    """Return how far a comparison of two arrays is from failing, for each element."""
    if sign in (">", ">="):
        left, right = right, left
    with np.errstate(invalid="ignore"):  # two that are infinite are 0 apart, not NaN
        above = np.where(left == right, 0, right - left)
    if sign in ("==", "!="):
        return abs(above) * (-1 if sign == "==" else 1)
    return above


# In a notebook's kernel -------------------------------------------------------------


def start(seed_offset=0):
    """Record every assertion of the notebook that calls this, from its next cell on.

    Parameters
    ----------
    seed_offset : int
        If not 0, `np.random.default_rng` draws otherwise from each seed.
    """
    shell = get_ipython()  # noqa: F821, a kernel has it
    first = shell.execution_count + 1
    recorder = Recorder(lambda: shell.execution_count - first)
    shell.user_ns[RECORDER] = recorder
    shell.ast_transformers.append(recorder)
    if seed_offset:
        default_rng = np.random.default_rng

        def other_rng(seed=None):
            whole = isinstance(seed, (int, np.integer))
            return default_rng([seed, seed_offset] if whole else seed)

        np.random.default_rng = other_rng
