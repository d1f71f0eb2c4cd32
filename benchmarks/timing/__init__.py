"""What `benchmarks/speed.py` is made of.

- `contenders`: who takes part; `with_numpy`, `with_pytorch`, `with_jax`, and
  `with_sklearn` are the same training loop in each framework
- `worker`: processes that measure in turn; `tasks`: what they measure
- `networks`, `curves`, `loading`: the three sections of the report
- `flops`: the arithmetic that a network asks for
"""
