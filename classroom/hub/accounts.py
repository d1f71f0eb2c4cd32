"""The trial's accounts: who may log in, and as whom their servers run.

With the rights of root on Linux, each student is a user of their own, as on a server.
These users are known in the trial alone, see `separate.py`. Elsewhere all servers run
as whoever started the trial.
"""

import os
import resource
from hmac import compare_digest

from jupyterhub.auth import Authenticator
from jupyterhub.spawner import LocalProcessSpawner, SimpleLocalProcessSpawner

from classroom.hub.trial import read_trial


class HandedOutPasswords(Authenticator):
    """Let in whoever knows the password that was made up for their account."""

    async def authenticate(self, handler, data):
        """Return the name, or None if the password is wrong."""
        passwords = read_trial(os.environ["TRIAL"])["passwords"]
        known = passwords.get(data["username"], "").encode()
        is_right = compare_digest(known, data["password"].encode())
        return data["username"] if known and is_right else None


def limited(spawner, prepare):
    """Return what a new server does first: keep to its limit of memory, and `prepare`.

    On a server, systemd or Kubernetes limits a student's processes together. Here each
    process is limited by itself, which any Linux can do for any user.
    """
    limit = spawner.mem_limit

    def preexec():
        if limit:
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        os.umask(0o077)
        prepare()

    return preexec


class SeparateSpawner(LocalProcessSpawner):
    """Starts each student's server as a user of their own."""

    def make_preexec_fn(self, name):
        """Limit the server, then become the user."""
        return limited(self, super().make_preexec_fn(name))


class SharedSpawner(SimpleLocalProcessSpawner):
    """Starts all servers as the same user, each in a folder of its own."""

    def make_preexec_fn(self, name):
        """Limit the server, then go to the student's folder."""
        return limited(self, super().make_preexec_fn(name))


AUTHENTICATOR = HandedOutPasswords
SPAWNERS = {True: SeparateSpawner, False: SharedSpawner}
