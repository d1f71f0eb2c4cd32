"""What `benchmarks/search.py` and `tests/test_search.py` measure with.

- `cluster`: a scheduler and workers as processes, each in a network of its own
- `client`: the search of *Tune what is left*, as a program that connects to them
"""
