"""What a notebook of a page folds away: checks, plotting code, and solutions.

`folds` changes a notebook; `contents` has the Jupyter Server do so when JupyterLab
opens a page, and undo it on saving. `website/jupyter/etc` switches it on.
"""


def _jupyter_server_extension_points():
    """Tell Jupyter Server where its extension is."""
    return [{"module": "website.notebook_folds.contents"}]
