"""JupyterHub's settings in the trial: a server's, and what one computer needs."""

import json
import os
import sys
from pathlib import Path

from classroom.course import ROOT, TEACHING
from classroom.hub import FOLDER, HUB
from classroom.hub.accounts import AUTHENTICATOR, SPAWNERS

os.environ["BOOK"] = str(ROOT)
c = get_config()  # noqa: F821
load_subconfig(str(FOLDER / "jupyterhub_config.py"))  # noqa: F821

folder = Path(os.environ["TRIAL"])
trial = json.loads((folder / "accounts.json").read_text("utf-8"))
state = folder / "hub"

c.JupyterHub.bind_url = trial["address"]
c.JupyterHub.hub_port = trial["hub_port"]
c.JupyterHub.db_url = f"sqlite:///{state / 'jupyterhub.sqlite'}"
c.JupyterHub.cookie_secret_file = str(state / "cookie_secret")
c.JupyterHub.log_level = "WARN"

# The proxy is a program of its own, as on a server: a restart of the hub leaves it be.
c.JupyterHub.cleanup_proxy = False
c.ConfigurableHTTPProxy.should_start = False
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{trial['proxy_port']}"
c.ConfigurableHTTPProxy.auth_token = trial["proxy_token"]

c.JupyterHub.authenticator_class = AUTHENTICATOR
c.Authenticator.allowed_users = set(trial["passwords"])
c.Authenticator.admin_users = {trial["teacher"]}

c.JupyterHub.spawner_class = SPAWNERS[trial["separate"]]
c.SimpleLocalProcessSpawner.home_dir_template = str(folder / "homes" / "{username}")
c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]
c.Spawner.env_keep = ["PATH", "LANG", "LC_ALL", "TRIAL"]
c.Spawner.environment |= {
    "PYTHONPATH": os.pathsep.join(map(str, (HUB, TEACHING))),
    "JUPYTER_PATH": str(TEACHING / "share" / "jupyter"),
    "JUPYTER_CONFIG_PATH": os.pathsep.join(
        (str(FOLDER), str(TEACHING / "etc" / "jupyter"))
    ),
    "NBGRADER_EXCHANGE": str(folder / "exchange"),
}
if not trial["separate"]:
    c.Spawner.args = ["--allow-root"] if os.geteuid() == 0 else []
    c.Spawner.environment["NBGRADER_STUDENT"] = lambda spawner: spawner.user.name

# Who does nothing for half an hour is stopped; what is saved stays.
c.JupyterHub.services = [
    {
        "name": "idle-culler",
        "command": [
            sys.executable,
            "-m",
            "jupyterhub_idle_culler",
            f"--timeout={trial['idle_seconds']}",
        ],
        # By which the trial's end finds it: a service inherits little
        "environment": {"TRIAL": str(folder)},
    }
]
c.JupyterHub.load_roles = [
    {
        "name": "idle-culler",
        "scopes": [
            "list:users",
            "read:users:activity",
            "read:servers",
            "delete:servers",
        ],
        "services": ["idle-culler"],
    }
]
