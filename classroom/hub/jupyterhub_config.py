"""JupyterHub's settings for a class with this book: on a server, and in the trial.

For The Littlest JupyterHub, copy this file to `/opt/tljh/config/jupyterhub_config.d/`.
It expects the book in `/srv/book`. `make hub` reads the same file.
"""

import os

BOOK = os.environ.get("BOOK", "/srv/book")

# What one student may use, all of their kernels together. A chapter needs up to 1 GiB,
# Jupyter itself 0.1 GiB more.
MEMORY_LIMIT = "1536M"
PROCESSOR_LIMIT = 2.0  # cores
START_LIMIT = 180  # seconds: when a class comes at once, the last one waits

c = get_config()  # noqa: F821
c.Spawner.mem_limit = MEMORY_LIMIT
c.Spawner.cpu_limit = PROCESSOR_LIMIT
c.Spawner.start_timeout = c.Spawner.http_timeout = START_LIMIT

# A hub that is restarted leaves the students' servers and kernels running.
c.JupyterHub.cleanup_servers = False

c.Spawner.default_url = "/lab"
c.Spawner.environment = {
    # The settings of nbgrader, such as where the exchange is
    "JUPYTER_CONFIG_PATH": f"{BOOK}/classroom/hub",
    # In thirty kernels with a thread for each core, threads would wait for each other.
    "OPENBLAS_NUM_THREADS": "1",
}

# Where the spawner is systemd's: each student has a /tmp of their own, and can't
# become another user.
c.SystemdSpawner.isolate_tmp = True
c.SystemdSpawner.disable_user_sudo = True
