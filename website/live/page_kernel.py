"""Run a page's cells in the reader's browser, as a notebook's kernel would.

This module runs in Pyodide, inside worker.js, and tells what comes out as JSON.
Nothing here is taught: cells that need IPython or MyST-NB get the few names of theirs
that the pages use.
"""

import ast
import base64
import builtins
import io
import json
import linecache
import os
import re
import reprlib
import struct
import sys
import time
import traceback
import types

AT_ONCE = 200  # pieces of a cell's output that are sent as they come; later ones wait
PAUSE = 0.05  # seconds at most, for those that come after them
MISSING = object()
names = {}  # what the cells have defined; `begin` puts the module's own in its place
solutions = {}  # by exercise: what its cells gave a name, and what that was before
send = print  # `begin` sets where outputs go


# Outputs ------------------------------------------------------------------------------


def tell(kind, **output):
    """Send an output, after the printed ones that still wait."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    send(json.dumps({"type": kind, **output}))


class Stream(io.TextIOBase):
    """What `print` writes to: sent at once, but seldom where a loop writes much."""

    def __init__(self, name):
        self.name, self.waiting = name, []
        self.sent, self.last = 0, 0.0

    def writable(self):
        """Tell that this can be written to."""
        return True

    def write(self, text):
        """Take a text; send it now or with the next."""
        self.waiting.append(text)
        now = time.monotonic()
        if self.sent < AT_ONCE or now - self.last > PAUSE:
            self.last = now
            self.flush()
        return len(text)

    def flush(self):
        """Send what waits."""
        text = "".join(self.waiting)
        self.waiting.clear()
        if text:
            self.sent += 1
            send(json.dumps({"type": "stream", "name": self.name, "text": text}))


def display(*values, **_):
    """Show values as richly as they can, like IPython's function of that name."""
    for value in values:
        if hasattr(value, "_repr_html_") and (html := value._repr_html_()):
            tell("html", html=html, text=repr(value))
        elif hasattr(value, "savefig"):  # a figure of Matplotlib
            show_figure(value)
        elif hasattr(value, "_repr_png_") and (png := value._repr_png_()):
            tell_image(png)
        else:
            tell("text", text=repr(value))


def tell_image(png):
    """Send a PNG file, and its size in pixels, which its header has."""
    width, height = struct.unpack(">II", png[16:24])
    data = base64.b64encode(png).decode()
    tell("image", mime="image/png", data=data, width=width, height=height)


def show_figure(figure):
    """Draw a figure as Jupyter's inline backend does: cut to what is drawn."""
    file = io.BytesIO()
    figure.savefig(file, format="png", bbox_inches="tight", dpi=figure.dpi)
    tell_image(file.getvalue())


def show_figures(*_, **__):
    """Show all figures that are open, and close them."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None:
        return
    try:
        for number in pyplot.get_fignums():
            show_figure(pyplot.figure(number))
    finally:
        pyplot.close("all")


def show_progress(bar, *_, **__):
    """Tell how far a bar of tqdm is."""
    tell(
        "progress",
        id=id(bar),
        desc=(bar.desc or "").removesuffix(": "),
        n=float(bar.n),
        total=bar.total and float(bar.total),
        text=str(bar),
        done=False,
    )


def end_progress(bar):
    """Close a bar of tqdm: it goes from the page."""
    if bar.disable:
        return
    bar.disable = True
    bar._decr_instances(bar)
    tell("progress", id=id(bar), desc="", n=0, total=None, text="", done=True)


# What stands in for IPython and MyST-NB ----------------------------------------------


class HTML:
    """HTML to display, as `IPython.display.HTML`."""

    def __init__(self, data=""):
        self.data = data

    def _repr_html_(self):
        return self.data


def glue(name, value, display=True):
    """Record a value under a name, as MyST-NB's function does while it builds."""
    if hasattr(value, "savefig"):
        return
    tell("glue", key=name, text=repr(value))
    if display:
        globals()["display"](value)


def add_module(name, **contents):
    """Make a module that can be imported."""
    module = sys.modules[name] = types.ModuleType(name)
    vars(module).update(contents)
    return module


# Begin --------------------------------------------------------------------------------


def begin(sender):
    """Prepare for cells: where outputs go, what can be imported, where they run."""
    global send, names
    send = sender
    sys.stdout, sys.stderr = Stream("stdout"), Stream("stderr")
    names = vars(add_module("__main__", __builtins__=builtins))
    builtins.display = display
    shown = add_module("IPython.display", HTML=HTML, display=display)
    # Matplotlib and tqdm ask these of it, to find out that they aren't in IPython.
    asked = {"version_info": (9, 0), "get_ipython": lambda: None}
    add_module("IPython", display=shown, **asked)
    add_module("myst_nb", glue=glue)
    os.environ["MPLBACKEND"] = "module://page_figures"


def import_packages():
    """Import what nearly every page needs, so that its first cell needn't wait.

    Returns
    -------
    str
        Their versions, as JSON.
    """
    sys.dont_write_bytecode = False  # for `page_bytecode`, which keeps it
    import matplotlib
    import numpy
    import tqdm.std

    tqdm.std.tqdm.display, tqdm.std.tqdm.close = show_progress, end_progress
    tqdm.std.tqdm.monitor_interval = 0  # a thread would look after slow bars
    add_figures()
    import matplotlib.pyplot

    import scratchnet  # noqa: F401

    sys.dont_write_bytecode = True
    return json.dumps(
        {
            "python": sys.version.split()[0],
            "numpy": numpy.__version__,
            "matplotlib": matplotlib.__version__,
        }
    )


def add_figures():
    """Make a backend of Matplotlib that shows figures in the page."""
    from matplotlib.backend_bases import FigureManagerBase
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    class Manager(FigureManagerBase):
        @classmethod
        def pyplot_show(cls, *, block=None):
            show_figures()

    class Canvas(FigureCanvasAgg):
        manager_class = Manager

    add_module("page_figures", FigureCanvas=Canvas, FigureManager=Manager)


def mnist_folder():
    """Return where the package looks for MNIST's files, as a folder that exists."""
    from scratchnet.mnist.fetch import cache_folder

    cache_folder().mkdir(parents=True, exist_ok=True)
    return str(cache_folder())


# Run ----------------------------------------------------------------------------------


def run(source, name="Cell", exercise=None):
    """Run a cell: its last expression is displayed, and figures that are still open.

    Parameters
    ----------
    source : str
        The code.
    name : str
        What tracebacks call it.
    exercise : str or None
        The exercise that it answers, whose checks then forget what it defines.

    Returns
    -------
    str
        As JSON: the status ("ok", "error", or "stopped"), seconds, and the error.
    """
    before = dict(names) if exercise else {}
    start = time.perf_counter()
    for stream in (sys.stdout, sys.stderr):
        stream.sent = 0
    status, error = attempt(source, name, names)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    if exercise:
        remember(exercise, before)
    seconds = time.perf_counter() - start
    return json.dumps({"status": status, "seconds": seconds, "error": error})


def attempt(source, name, where):
    """Run code among some names; return the status and the error, if any."""
    try:
        execute(source, name, where)
        show_figures()
    except KeyboardInterrupt:
        close_figures()
        return "stopped", None
    except BaseException as error:  # SystemExit as well: the page goes on
        close_figures()
        return "error", described(error, name)
    return "ok", None


def close_figures():
    """Forget the figures of a cell that has failed."""
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


def execute(source, name, where):
    """Run code, and display its last expression, unless a semicolon ends it."""
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    tree = ast.parse(source, name)
    last = None
    quiet = re.search(r";\s*(#.*)?$", source)
    if tree.body and isinstance(tree.body[-1], ast.Expr) and not quiet:
        last = ast.Expression(tree.body.pop().value)
    exec(compile(tree, name, "exec"), where)
    if last is not None:
        value = eval(compile(last, name, "eval"), where)
        if value is not None:
            display(value)


def described(error, name):
    """Describe an error as Python does, without what is around the cell's own frames.

    Returns
    -------
    dict
        Its name, message, the line of the cell that was running (or None), and a
        traceback without the frames of this module.
    """
    told = traceback.TracebackException.from_exception(error)
    shorten(told)
    line = getattr(error, "lineno", None) if isinstance(error, SyntaxError) else None
    for frame in told.stack:
        if frame.filename == name:
            line = frame.lineno
    return {
        "name": type(error).__name__,
        "message": str(error),
        "line": line,
        "traceback": "".join(told.format()).rstrip(),
    }


def shorten(told):
    """Leave out this module's frames, in an error and in those before it."""
    kept = [frame for frame in told.stack if frame.filename != __file__]
    told.stack = traceback.StackSummary.from_list(kept)
    for earlier in (told.__cause__, told.__context__):
        if earlier is not None:
            shorten(earlier)


# Answers to exercises -----------------------------------------------------------------


def remember(exercise, before):
    """Keep what a solution's or an answer's cell has given a name."""
    given = solutions.setdefault(exercise, {})
    for name, value in list(names.items()):
        earlier = before.get(name, MISSING)
        if earlier is not value:
            _, first = given.get(name, (None, earlier))
            given[name] = value, first


def names_before(exercise):
    """Return a copy of all names, as they were before the exercise was answered."""
    copy = dict(names)
    for name, (value, earlier) in solutions.get(exercise, {}).items():
        if copy.get(name, MISSING) is not value:
            continue  # other cells have defined it since
        if earlier is MISSING:
            del copy[name]
        else:
            copy[name] = earlier
    return copy


def check(answer, assertions, asked, exercise):
    """Run an answer, and then its check, among copies of the names before it.

    Parameters
    ----------
    answer, assertions : str
        Code.
    asked : str
        The names that the exercise asks for, as JSON.
    exercise : str

    Returns
    -------
    str
        As JSON: the status ("right", "wrong", "error", "empty", or "stopped"), a
        message for the reader, and the error where the answer itself fails.
    """
    where = names_before(exercise)
    status, error = "empty", None
    if answers_something(answer):
        status, error = attempt(answer, "Your answer", where)
    message = {
        "empty": "There is no answer yet.",
        "error": "The answer itself stops with an error.",
        "stopped": "Stopped before the check.",
    }.get(status, "")
    if status == "ok":
        status, message = try_check(assertions, json.loads(asked), where)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    return json.dumps({"status": status, "message": message, "error": error})


def answers_something(answer):
    """Tell whether there is any code in an answer; one with a fault in it is some."""
    try:
        return bool(ast.parse(answer).body)
    except SyntaxError:
        return True


def try_check(assertions, asked, where):
    """Run a check; return the status, and what to tell the reader."""
    missing = [f"`{name}`" for name in asked if name not in where]
    if missing:
        return "wrong", f"Your answer doesn't define {' and '.join(missing)}."
    silent = io.StringIO()  # what a check prints isn't the reader's
    printed, sys.stdout = sys.stdout, silent
    try:
        for statement in ast.parse(assertions).body:
            code = ast.Module([statement], [])
            exec(compile(code, "The check", "exec"), where)
    except KeyboardInterrupt:
        return "stopped", "Stopped before the check was through."
    except AssertionError as error:
        return "wrong", what_is_wrong(statement, error, asked, where)
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        return "wrong", f"The check stops at your answer with {said}."
    finally:
        sys.stdout = printed
        close_figures()
    return "right", "Right."


def what_is_wrong(statement, error, asked, where):
    """Tell which of the reader's names isn't as asked, and what it is.

    The assertion itself stays hidden: often, it's the solution.
    """
    used = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
    about = [name for name in asked if name in used] or asked
    told = [
        f"`{name}` is {reprlib.repr(where[name])}"
        for name in about
        if not callable(where[name])
    ]
    found = f": {', '.join(told)}" if told else ""
    words = f"Not yet: {' and '.join(f'`{name}`' for name in about)}"
    words += " isn't" if len(about) == 1 else " aren't"
    hint = f" ({error})" if str(error) else ""
    return f"{words} as the exercise asks{hint}{found}."
