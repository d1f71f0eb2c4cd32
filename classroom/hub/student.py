"""What a student's browser does on a hub: log in, start a server, run cells, hand in.

Through HTTP and the kernel's websocket, as JupyterLab does, so that the load on the hub
is a class's.
"""

import json
import re
import time
import uuid
from urllib.parse import quote, urlsplit

import requests
import websocket

from classroom.hub import COURSE_ID

PATIENCE = 300  # seconds that a student waits for anything


class HubError(Exception):
    """What a student sees that isn't what it should be."""


class Browser:
    """A student's browser, logged in.

    Parameters
    ----------
    address : str
        The hub's address, such as "http://127.0.0.1:8000".
    name, password : str
        The account.

    Raises
    ------
    HubError
        If the hub doesn't let this account in.
    """

    def __init__(self, address, name, password):
        self.address, self.name = address.rstrip("/"), name
        self.session = requests.Session()
        self.session.trust_env = False  # no proxy stands between them
        form = self.session.get(f"{self.address}/hub/login", timeout=PATIENCE)
        token = re.search(r'name="_xsrf" value="([^"]+)"', form.text)
        answer = self.session.post(
            f"{self.address}/hub/login?next=/hub/home",
            data={
                "username": name,
                "password": password,
                "_xsrf": token[1] if token else "",
            },
            timeout=PATIENCE,
        )
        if urlsplit(answer.url).path != "/hub/home":
            raise HubError(f"{name} isn't let in: {answer.status_code}")

    def call(self, method, path, data=None, server=True, expected=(200, 201, 204)):
        """Call the student's server, or the hub; return what it answers.

        Raises
        ------
        HubError
            If the answer's status isn't expected.
        """
        prefix = f"/user/{self.name}/" if server else "/hub/"
        answer = self.session.request(
            method,
            self.address + prefix + path,
            json=data,
            headers={"X-XSRFToken": self.cookie("_xsrf", prefix)},
            timeout=PATIENCE,
        )
        if answer.status_code not in expected:
            text = " ".join(answer.text.split())[:200]
            raise HubError(f"{method} {prefix}{path}: {answer.status_code} {text}")
        return answer

    def cookie(self, name, path):
        """Return a cookie of this part of the hub."""
        found = [c.value for c in self.session.cookies if c.name == name]
        exact = [
            c.value for c in self.session.cookies if (c.name, c.path) == (name, path)
        ]
        return (exact or found or [""])[-1]

    def start_server(self):
        """Start the student's server, wait until it runs, and open JupyterLab there.

        Raises
        ------
        HubError
            If it doesn't start.
        """
        self.call(
            "POST",
            f"api/users/{self.name}/server",
            server=False,
            expected=(201, 202, 400),  # the last: it runs already
        )
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            user = self.call("GET", f"api/users/{self.name}", server=False).json()
            server = user["servers"].get("", {})
            if server.get("ready"):
                self.call("GET", "lab")
                return
            if not server.get("pending") and not server:
                raise HubError(f"{self.name}: the server didn't start")
            time.sleep(0.5)
        raise HubError(f"{self.name}: the server didn't start in {PATIENCE} s")

    def fetch(self, chapter):
        """Fetch a chapter from nbgrader's exchange, as the Assignment List does."""
        self.assignment("fetch", chapter)
        return self.read(f"{chapter}/{chapter}.ipynb")

    def hand_in(self, chapter):
        """Hand a chapter in.

        Raises
        ------
        HubError
            If nbgrader refuses it.
        """
        answer = self.assignment("submit", chapter)
        handed_in = [
            item
            for item in answer.get("value", ())
            if item["status"] == "submitted" and item["assignment_id"] == chapter
        ]
        if not answer["success"] or not handed_in:
            raise HubError(f"{self.name} can't hand in: {answer}")

    def assignment(self, action, chapter):
        """Have nbgrader fetch, submit, or fetch_feedback; return its answer."""
        data = {"course_id": COURSE_ID, "assignment_id": chapter}
        return self.call("POST", f"assignments/{action}", data).json()

    def read(self, path):
        """Open a notebook."""
        answer = self.call("GET", f"api/contents/{quote(path)}?type=notebook")
        return answer.json()["content"]

    def save(self, path, notebook):
        """Save a notebook."""
        data = {"type": "notebook", "format": "json", "content": notebook}
        self.call("PUT", f"api/contents/{quote(path)}", data)

    def open_kernel(self, path):
        """Start the kernel of a notebook, and connect to it."""
        data = {
            "path": path,
            "name": path,
            "type": "notebook",
            "kernel": {"name": "python3"},
        }
        session = self.call("POST", "api/sessions", data).json()
        return Kernel(self, session["kernel"]["id"])


class Kernel:
    """A kernel that a browser is connected to.

    Parameters
    ----------
    browser : Browser
        Whose it is.
    kernel_id : str
        As the server says.
    """

    def __init__(self, browser, kernel_id):
        self.id, self.session = kernel_id, uuid.uuid4().hex
        scheme, host = urlsplit(browser.address)[:2]
        url = f"{scheme.replace('http', 'ws')}://{host}/user/{browser.name}/api/kernels"
        request = requests.Request("GET", url.replace("ws", "http", 1))
        prepared = browser.session.prepare_request(request)
        self.socket = websocket.create_connection(
            f"{url}/{kernel_id}/channels?session_id={self.session}",
            cookie=prepared.headers.get("Cookie", ""),
            timeout=PATIENCE,
        )

    def run(self, code):
        """Run code; return its outputs when it's done.

        Raises
        ------
        HubError
            If the code fails, or its kernel dies.
        """
        header = {
            "msg_id": uuid.uuid4().hex,
            "msg_type": "execute_request",
            "username": "",
            "session": self.session,
            "version": "5.3",
        }
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": True,
        }
        message = {
            "header": header,
            "parent_header": {},
            "metadata": {},
            "content": content,
            "channel": "shell",
        }
        self.socket.send(json.dumps(message))
        outputs, waits_for = [], {"reply", "idle"}
        while waits_for:
            answer = json.loads(self.socket.recv())
            kind, content = answer["header"]["msg_type"], answer["content"]
            if content.get("execution_state") in ("restarting", "dead"):
                raise HubError("the kernel died")
            if answer["parent_header"].get("msg_id") != header["msg_id"]:
                continue
            if kind in ("stream", "execute_result", "display_data"):
                outputs.append(content.get("text") or content["data"].get("text/plain"))
            elif kind == "error":
                outputs.append(f"{content['ename']}: {content['evalue']}")
            elif kind == "execute_reply":
                waits_for.discard("reply")
                if content["status"] != "ok":
                    raise HubError(f"{content.get('ename')}: {content.get('evalue')}")
            elif content.get("execution_state") == "idle":
                waits_for.discard("idle")
        return outputs

    def close(self):
        """Disconnect, as a closed lid does: the kernel goes on."""
        self.socket.close()
