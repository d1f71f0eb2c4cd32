"""The rates at which all contenders train the networks of the accuracy ladder."""

from contextlib import ExitStack
from itertools import product
from statistics import median

from benchmarks.timing.contenders import (
    BATCH_SIZE,
    CONTENDERS,
    MOMENTUM,
    WEIGHT_DECAY,
    why_not,
)
from benchmarks.timing.flops import flops_per_image
from benchmarks.timing.turns import spread, start, take_turns
from benchmarks.timing.worker import DISTURBED, PAUSE
from scratchnet.ladder.recipes import RECIPES, fresh_network

# The networks, by recipe: what is special in them, and how many batches an epoch has
# here. These are few for those that take long; all contenders get the same ones.
NETWORKS = {
    "momentum": ("plain", 468),
    "mlp": ("dropout", 468),
    "mlp-normalized": ("dropout", 468),
    "cnn-tiny": ("convolution", 200),
    "cnn-small": ("convolution", 100),
    "cnn-best": ("convolution", 40),
}
SIZE = 1024  # of the matrices whose product is the measure of a machine


def measure(name, options, quiet):
    """Have all contenders train one network in turn.

    Parameters
    ----------
    name : str
        Of `NETWORKS`.
    options : argparse.Namespace
        "threads", "rounds", "seconds", and "quick", as on the command line.
    quiet : benchmarks.timing.worker.Quiet

    Returns
    -------
    dict
        What `show` shows, and all turns.
    """
    network, _ = fresh_network(name)
    flops = flops_per_image(network)
    tasks, left_out = tasks_for(name, options)
    with ExitStack() as stack:
        workers, failures = start(stack, tasks)
        turns, more_failures = take_turns(workers, options.rounds, quiet)
        about = {key: worker.about for key, worker in workers.items()}
    left_out |= failures | more_failures
    peaks = [
        {"threads": task["blas"], "library": task["library"]}
        | {"kernels": kernels_of(about[key]) if task["library"] == "numpy" else ""}
        | spread([2 * SIZE**3 / min(turn["seconds"]) for turn in turns.pop(key)])
        for key, task in tasks.items()
        if task["kind"] == "multiply" and key in turns
    ]
    highest = {
        peak["threads"]: peak["median"] for peak in peaks if peak["library"] == "numpy"
    }
    n_images = images_for(name, options)
    rates = {
        key: [n_images * turn["epochs"] / turn["seconds"] for turn in some]
        for key, some in turns.items()
    }
    peers = [key for key in rates if CONTENDERS[key].package != "numpy"]
    fastest = max(peers, key=lambda key: median(rates[key]), default=None)
    rows = {}
    for key, some in turns.items():
        rate, threads = spread(rates[key]), tasks[key]["threads"]
        rows[key] = {
            "title": CONTENDERS[key].title,
            "threads": threads,
            "images_per_second": rate,
            "to_fastest_peer": None,
            "share_of_peak": None,
            "others": median(turn.get("others", 0) for turn in some),
            "after_turns": median(turn["worked"] for turn in some),
            **about[key],
            "turns": some,
        }
        if fastest:
            pairs = zip(rates[key], rates[fastest], strict=True)
            rows[key]["to_fastest_peer"] = median(own / best for own, best in pairs)
        if threads in highest:
            rows[key]["share_of_peak"] = rate["median"] * flops / highest[threads]
    return {
        "title": RECIPES[name].title,
        "weights": [
            layer.parameters["weights"].shape
            for layer in network.layers
            if "weights" in layer.parameters
        ],
        "parameters": network.n_parameters,
        "flops_per_image": flops,
        "images": n_images,
        "peaks": peaks,
        "fastest_peer": fastest,
        "contenders": rows,
        "left_out": left_out,
    }


def images_for(name, options):
    """Return how many images an epoch has."""
    return NETWORKS[name][1] // (4 if options.quick else 1) * BATCH_SIZE


def kernels_of(about):
    """Return the kernels of NumPy's products in a process, as OpenBLAS names them."""
    found = (library.get("architecture") for library in about["libraries"])
    return next((name for name in found if name), "")


def tasks_for(name, options):
    """Return the tasks for a network, and why some contenders have none."""
    common = {"seconds": options.seconds}
    tasks, left_out = {}, {}
    for key, contender in CONTENDERS.items():
        reason = why_not(key, NETWORKS[name][0], options.threads)
        if reason:
            left_out[key] = reason
            continue
        tasks[key] = common | {
            "kind": "train",
            "network": name,
            "contender": key,
            "images": images_for(name, options),
            "threads": 1 if contender.threads == "one" else options.threads,
            "blas": 1 if contender.blas == "one" else options.threads,
            "keeps_memory": contender.keeps_memory,
        }
    libraries = ["numpy"] + ["torch"] * ("torch" in tasks)
    for library, threads in product(libraries, sorted({1, options.threads})):
        peak = {"kind": "multiply", "size": SIZE, "blas": threads, "library": library}
        tasks[f"{library}'s peak in {threads} threads"] = common | peak
    return tasks, left_out


def show(name, record):
    """Print the table of one network."""
    shapes = ", ".join("×".join(map(str, shape)) for shape in record["weights"])
    print(f"\n{name}: {record['title']}; weights {shapes}")
    print(
        f"{record['parameters']:,} parameters, {record['flops_per_image'] / 1e6:.2f}"
        f" MFLOP an image; {record['images']:,} images an epoch"
    )
    print(
        f"{'':33}{'threads':>7}{'images/s':>11}{'least to most':>19}{'to fastest':>12}"
        f"{'of peak':>9}{'warm-up':>9}"
    )
    for row in record["contenders"].values():
        rate = row["images_per_second"]
        between = f"{rate['least']:,.0f} to {rate['most']:,.0f}"
        ratio, share = row["to_fastest_peer"], row["share_of_peak"]
        print(
            f"{row['title']:33}{row['threads']:7}{rate['median']:11,.0f}{between:>19}"
            f"{'' if ratio is None else f'{ratio:.2f}':>12}"
            f"{'' if share is None else f'{share:.0%}':>9}{row['warm_up']:7.1f} s"
        )
        if row["others"] > DISTURBED:
            print(f"    other programs kept {row['others']:.2f} cores busy meanwhile")
        if row["after_turns"] > PAUSE:
            print(f"    it worked for {row['after_turns']:.1f} s while others measured")
    for key, reason in record["left_out"].items():
        title = CONTENDERS[key].title if key in CONTENDERS else key
        print(f"{title}: left out, since {reason}")
    for peak in record["peaks"]:
        median, least, most = (peak[key] / 1e9 for key in ("median", "least", "most"))
        plural = "s" if peak["threads"] > 1 else ""
        kernels = f", kernels {peak['kernels']}" if peak["kernels"] else ""
        print(
            f"{peak['library']}'s peak in {peak['threads']} thread{plural}{kernels}:"
            f" {median:.0f} GFLOP/s"
            f" ({least:.0f} to {most:.0f})"
        )


LEGEND = f"""
All train from the same weights in float32, in batches of {BATCH_SIZE}, in a new order
each epoch, with Nesterov momentum {MOMENTUM} and weight decay {WEIGHT_DECAY}, without
augmentation. They take turns; a number is the median of the rounds.
to fastest: the rate divided by that of the fastest which isn't scratchnet, by rounds.
of peak: operations a second, divided by those of NumPy's product of two {SIZE} × {SIZE}
  matrices in as many threads. The kernels are those that OpenBLAS chooses for the
  processor, or that OPENBLAS_CORETYPE names. Counted are products alone: for each
  weight, image, and place 2 forward, 2 for its gradient, and 2 for the gradient of the
  layer's input, which the first layer doesn't need.
PyTorch, tuned: with channels last in memory, and a fused optimizer. This and all that
  comes below it keep freed memory for the next step, as scratchnet does by itself.
processes: each has a part of every batch, and one thread. Batch normalization takes
  the statistics of that part.
  The frameworks could share a batch among processes as well: that isn't measured here.
torch's peak: PyTorch brings MKL for its products, which may take slower code on a
  processor that isn't Intel's.
warm-up: the first epoch, with all that is compiled for it."""
