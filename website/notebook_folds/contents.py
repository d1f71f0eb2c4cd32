"""Have Jupyter Server fold a page when it's opened, and unfold it on saving."""

from asyncio import iscoroutinefunction

from jupyterlab_jupytext import load_jupyter_server_extension as load_jupytext

from website.notebook_folds.folds import fold, unfold


def is_page(path, model):
    """Tell whether a model of the contents manager is a page, opened as a notebook."""
    return (
        path.endswith(".md")
        and model.get("type") == "notebook"
        and model.get("content") is not None  # not asked for, in a listing
    )


def folding(manager_class):
    """Derive from Jupytext's contents manager one that folds pages.

    Parameters
    ----------
    manager_class : type
        A contents manager whose methods are coroutines.
    """

    class FoldingContentsManager(manager_class):
        async def get(self, path, *args, **options):
            model = await super().get(path, *args, **options)
            if is_page(path, model):
                model["content"] = fold(model["content"])
            return model

        async def save(self, model, path=""):
            if is_page(path, model):
                model = model | {"content": unfold(model["content"])}
            return await super().save(model, path)

    return FoldingContentsManager


def _load_jupyter_server_extension(app):
    """Replace the server's contents manager, as Jupytext does."""
    load_jupytext(app)  # which extension comes first isn't sure; this one builds on it
    if not iscoroutinefunction(app.contents_manager_class.get):
        app.log.warning("Pages aren't folded: the contents manager isn't asynchronous.")
        return
    app.contents_manager_class = folding(app.contents_manager_class)
    app.contents_manager = app.contents_manager_class(parent=app, log=app.log)
    app.session_manager.contents_manager = app.contents_manager
    app.web_app.settings["contents_manager"] = app.contents_manager
