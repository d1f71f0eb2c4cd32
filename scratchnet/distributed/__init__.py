"""Beyond one computer: what Part IV, and the search of Part II, run as programs.

- `data_parallel`: one network on many processors, as a program for MPI
- `ranks`: what starts it in several ranks, under MPI or without
- `search`: trials on the workers of a Dask cluster
"""
