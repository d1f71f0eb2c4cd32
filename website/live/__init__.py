"""Python in the reader's browser: Pyodide, carried by the built site.

- `pyodide_files`: fetches Pyodide and verifies it; `python -m website.live` does so
- `cells`: what a live page needs to know of its cells
- `assemble`: writes the folder `_live` of the site
- `kernel.js`, `worker.js`, `page_kernel.py`: run cells in the reader's browser
- `page_bytecode.py`: keeps there what Python has compiled, for the next start
- `measure`: finds out which pages are quick enough, and records it in `measured.json`
- `page`: what the reader sees
"""
