#!/usr/bin/python3
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays RKE2 for the tests; it is not RKE2, and no container runs under it.

What it plays: its command line as far as the collection uses it; config.yaml, of which every key has to be in the list of RKE2's
own reference (keys.json) and of which every value has to fit; the CIS profile's demands of the host; joins by token, passwords of
node names, a state that all servers share in the place of etcd; ports 6443 and 9345 by TLS under one authority; /readyz for those
whom authentication-config lets in; node objects that are ready while their node says so; snapshots, and the reset to one.
"""

import base64
import contextlib
import hashlib
import http.client
import http.server
import json
import os
import pwd
import re
import socket
import ssl
import subprocess
import sys
import threading
import time

VERSION = "@VERSION@"
ETC = "/etc/rancher/rke2"
DATA = "/var/lib/rancher/rke2"
TLS = DATA + "/server/tls"
MEMBER = DATA + "/server/db/etcd/member"
STATE = MEMBER + "/state.json"
SNAPSHOTS = DATA + "/server/db/snapshots"
RESET_FLAG = DATA + "/server/db/reset-flag"
KEYS = "/usr/local/share/rke2/keys.json"
LISTS = re.compile(
    r"tls-san|cluster-cidr|service-cidr|cluster-dns|cni|ingress-controller|disable|airgap-extra-registry|control-plane-.*"
    r"|node-(label|taint|ip|external-ip|internal-dns|external-dns)|.*-arg|.*-extra-(mount|env)"
)
MUST_MATCH = ("cluster-cidr", "service-cidr", "cluster-dns", "cluster-domain", "disable-kube-proxy", "egress-selector-mode")
SYSCTLS = {"vm/overcommit_memory": "1", "vm/panic_on_oom": "0", "kernel/panic": "10", "kernel/panic_on_oops": "1"}
lock = threading.RLock()
beats = {}


def fatal(message):
    sys.stderr.write('level=fatal msg="%s"\n' % message)
    sys.exit(1)


def read(path, default=""):
    try:
        with open(path) as stream:
            return stream.read()
    except OSError:
        return default


def write(path, text, mode=0o600):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".new", "w") as stream:
        os.fchmod(stream.fileno(), mode)
        stream.write(text)
    os.replace(path + ".new", path)


# --- config.yaml ---


def scalar(text):
    text = text.strip()
    if text.startswith('"'):
        return json.loads(text)
    if text in ("true", "false"):
        return text == "true"
    return int(text) if text.isdigit() else text


def parse(text):
    """Top-level keys with a value or a list of values, which is all that config.yaml has."""
    found, key = {}, ""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("  - ") and isinstance(found.get(key), list):
            found[key].append(scalar(line[4:]))
            continue
        key, colon, value = line.partition(":")
        if not colon or line[0] in " -" or key in found:
            fatal("config.yaml line %d can not be read: %s" % (number, line))
        found[key] = scalar(value) if value.strip() else []
    return found


def load_config(role):
    config = parse(read(ETC + "/config.yaml") or fatal("there is no config.yaml"))
    known = json.loads(read(KEYS))[role]
    for key, value in config.items():
        # RKE2 would skip it; the tests want to know.
        if key not in known:
            fatal("config.yaml has the key %s, which is not one of a %s" % (key, role))
        if isinstance(value, list) and not LISTS.fullmatch(key):
            fatal("config.yaml has %r for %s" % (value, key))
    mode = os.stat(ETC + "/config.yaml").st_mode & 0o777
    if mode != 0o600 or "token" in config:
        fatal("config.yaml has mode %o, or the token in it" % mode)
    config["token"] = read(config.get("token-file", "")).strip()
    if not config["token"]:
        fatal("token is required")
    if config.get("profile") == "cis":
        for name, wanted in SYSCTLS.items():
            if read("/proc/sys/" + name).strip() != wanted:
                fatal("invalid kernel parameter value %s" % name)
        if role == "server":
            try:
                pwd.getpwnam("etcd")
            except KeyError:
                fatal("missing required: user: unknown user etcd")
    elif config.get("profile"):
        fatal("invalid value provided for --profile flag")
    config["node-name"] = config.get("node-name") or socket.gethostname()
    config["address"] = config["node-ip"][0]
    return config


# --- The state that servers share ---


def load_state():
    return json.loads(read(STATE, "{}")) or {"revision": 0, "nodes": {}, "servers": {}, "objects": {}, "settings": {}}


def take_state(state):
    with lock:
        if state["revision"] > load_state()["revision"]:
            write(STATE, json.dumps(state))


def change(config, edit):
    """One change, on this server first and then on all that answer."""
    with lock:
        state = load_state()
        edit(state)
        state["revision"] += 1
        write(STATE, json.dumps(state))
    for name, address in state["servers"].items():
        if name != config["node-name"]:
            with contextlib.suppress(OSError):
                ask("https://%s:9345/played/state" % address, config["token"], state)


def ask(url, token, body=None, seconds=5.0, trust=True):
    """POST (or GET without a body) to a supervisor, by the token."""
    host, _slash, path = url[len("https://") :].partition("/")
    known = trust and os.path.exists(TLS + "/server-ca.crt")
    context = ssl.create_default_context(cafile=TLS + "/server-ca.crt") if known else ssl._create_unverified_context()
    connection = http.client.HTTPSConnection(host, timeout=seconds, context=context)
    authorization = base64.b64encode(("node:" + token).encode()).decode()
    try:
        connection.request(
            "GET" if body is None else "POST",
            "/" + path,
            None if body is None else json.dumps(body),
            {"Authorization": "Basic " + authorization},
        )
        response = connection.getresponse()
        text = response.read().decode()
    except http.client.HTTPException as error:
        raise OSError(str(error))
    finally:
        connection.close()
    if response.status in (401, 403):
        fatal("%s answers %d: %s" % (url, response.status, text))
    if response.status != 200:
        raise OSError("%s answers %d" % (url, response.status))
    return json.loads(text or "{}")


# --- Certificates ---


def openssl(*arguments):
    subprocess.run(("openssl",) + arguments, check=True, capture_output=True)


def issue(name, subject, sans):
    path = "%s/%s" % (TLS, name)
    write(path + ".ext", "subjectAltName=%s\n" % ",".join(sans) if sans else "keyUsage=digitalSignature\n")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl("req", *curve, "-subj", subject, "-keyout", path + ".key", "-out", path + ".csr")
    authority = ("-CA", TLS + "/server-ca.crt", "-CAkey", TLS + "/server-ca.key", "-CAcreateserial")
    openssl("x509", "-req", "-in", path + ".csr", *authority, "-days", "30", "-extfile", path + ".ext", "-out", path + ".crt")


def make_authority():
    os.makedirs(TLS, exist_ok=True)
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    files = ("-keyout", TLS + "/server-ca.key", "-out", TLS + "/server-ca.crt")
    openssl("req", "-x509", *curve, "-subj", "/CN=rke2-server-ca", "-days", "30", *files)


def make_certificates(config):
    own = ["kubernetes", "kubernetes.default", "localhost", "127.0.0.1", config["node-name"], config["address"]]
    words = own + config["tls-san"]
    sans = sorted({("IP:" if word[0].isdigit() else "DNS:") + word for word in words})
    issue("serving-kube-apiserver", "/CN=kube-apiserver", sans)
    issue("client-kube-apiserver", "/CN=system:apiserver/O=system:masters", [])
    issue("client-admin", "/CN=system:admin/O=system:masters", [])


def kubeconfig():
    def data(name):
        return base64.b64encode(read("%s/%s" % (TLS, name)).encode()).decode()

    return (
        "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: %s\n    server: https://127.0.0.1:6443\n"
        "  name: default\n"
        "contexts:\n- context:\n    cluster: default\n    user: default\n  name: default\ncurrent-context: default\nkind: Config\n"
        "preferences: {}\nusers:\n- name: default\n  user:\n    client-certificate-data: %s\n    client-key-data: %s\n"
        % (data("server-ca.crt"), data("client-admin.crt"), data("client-admin.key"))
    )


# --- The two ports ---


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10
    config = {}
    anonymous = ()

    def log_message(self, *_words):
        pass

    def answer(self, status, text=""):
        body = (text if isinstance(text, str) else json.dumps(text)).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle(self):
        with contextlib.suppress(OSError):  # somebody only knocked
            super().handle()

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()

    def by_token(self):
        """server, agent or nobody, by the token of the request."""
        word = self.headers.get("Authorization", "").partition(" ")[2]
        token = base64.b64decode(word).decode().partition(":")[2] if word else ""
        if token == self.config["token"]:
            return "server"
        return "agent" if token and token == read(self.config.get("agent-token-file", "")).strip() else ""


class Api(Handler):
    def do_GET(self):
        path = self.path.partition("?")[0]
        if not self.connection.getpeercert() and path not in self.anonymous:
            return self.answer(401, "Unauthorized")
        if path in ("/readyz", "/livez", "/healthz"):
            return self.answer(200, "ok")
        if path == "/api/v1/nodes":
            return self.answer(200, nodes())
        if path.startswith("/played/objects/"):
            value = load_state()["objects"].get(path.rpartition("/")[2])
            return self.answer(404 if value is None else 200, value or "")
        return self.answer(404)

    def do_PUT(self):
        value = self.body()
        if not self.connection.getpeercert():
            return self.answer(401, "Unauthorized")
        change(self.config, lambda state: state["objects"].update({self.path.rpartition("/")[2]: value}))
        return self.answer(200)

    def do_DELETE(self):
        name = self.path.rpartition("/")[2]
        known = name in load_state()["nodes"]
        if not self.connection.getpeercert():
            return self.answer(401, "Unauthorized")
        if known:
            change(self.config, lambda state: (state["nodes"].pop(name), state["servers"].pop(name, "")))
        return self.answer(200 if known else 404)


class Supervisor(Handler):
    def do_GET(self):
        if self.path == "/ping":
            return self.answer(200, "pong")
        if self.path == "/cacerts":
            return self.answer(200, read(TLS + "/server-ca.crt"))
        if self.by_token() != "server":
            return self.answer(401, "Unauthorized")
        if self.path == "/v1-rke2/server-bootstrap":
            files = {name: read("%s/%s" % (TLS, name)) for name in ("server-ca.crt", "server-ca.key")}
            return self.answer(200, {"files": files, "state": load_state()})
        return self.answer(404)

    def do_POST(self):
        text, who = self.body(), self.by_token()
        data = json.loads(text or "{}")
        if not who or (who == "agent" and (data.get("role") == "server" or self.path == "/played/state")):
            return self.answer(401, "token is not valid")
        if self.path == "/played/state":
            take_state(data)
        elif self.path == "/played/beat":
            beats[data["name"]] = (time.monotonic(), data["version"])
            return self.answer(200, {"servers": load_state()["servers"]})
        elif self.path == "/played/join":
            known = load_state()["nodes"].get(data["name"])
            if known and known["password"] != data["password"]:
                return self.answer(403, "Node password rejected, duplicate hostname or other contents: %s" % data["name"])
            change(self.config, lambda state: joined(state, data))
            return self.answer(200, load_state())
        else:
            return self.answer(404)
        return self.answer(200)


def joined(state, data):
    state["nodes"][data["name"]] = {"role": data["role"], "password": data["password"], "address": data["address"]}
    if data["role"] == "server":
        state["servers"][data["name"]] = data["address"]


def nodes():
    now, items = time.monotonic(), []
    for name, node in load_state()["nodes"].items():
        beat, version = beats.get(name, (-1e9, ""))
        items.append({"name": name, "role": node["role"], "ready": now - beat < 8, "version": version, "address": node["address"]})
    return {"items": items}


class Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port, handler):
        super().__init__(("0.0.0.0", port), handler)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(TLS + "/serving-kube-apiserver.crt", TLS + "/serving-kube-apiserver.key")
        self.tls.load_verify_locations(TLS + "/server-ca.crt")
        self.tls.verify_mode = ssl.CERT_OPTIONAL
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def get_request(self):
        plain, address = self.socket.accept()
        plain.settimeout(10)
        # In the thread of the connection: who only knocks must not keep others waiting.
        return self.tls.wrap_socket(plain, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, *_words):
        pass


def anonymous_paths(config):
    """The paths that authentication-config lets in; without one RKE2's API server takes no anonymous request."""
    for argument in config.get("kube-apiserver-arg", []):
        name, _equals, path = argument.partition("=")
        if name == "authentication-config":
            text = read(path) or fatal("authentication-config %s can not be read" % path)
            if "kind: AuthenticationConfiguration" not in text or "apiVersion: apiserver.config.k8s.io/v1" not in text:
                fatal("%s is no AuthenticationConfiguration" % path)
            return tuple(line.partition("path:")[2].strip() for line in text.splitlines() if "path:" in line)
    return ()


# --- The program ---


def notify(text):
    path = os.environ.get("NOTIFY_SOCKET", "")
    if path:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stream:
            stream.sendto(text.encode(), "\0" + path[1:] if path.startswith("@") else path)


def password():
    path = "/etc/rancher/node/password"
    if not os.path.exists(path):
        write(path, os.urandom(16).hex())
    return read(path)


def beat(config, servers):
    """Say that this node is there, to each server that it knows of; for ever."""
    while True:
        for address in list(servers.values()):
            try:
                body = {"name": config["node-name"], "version": VERSION}
                servers.update(ask("https://%s:9345/played/beat" % address, config["token"], body, 3)["servers"])
            except OSError:
                pass
        time.sleep(2)


def me(config, role):
    return {"name": config["node-name"], "address": config["address"], "role": role, "password": password()}


def join(config, role):
    """Through the address of config.yaml, until somebody answers there."""
    while True:
        try:
            return ask(config["server"] + "/played/join", config["token"], me(config, role), trust=False)
        except OSError as error:
            sys.stderr.write('level=error msg="Failed to join %s: %s"\n' % (config["server"], error))
            time.sleep(2)


def install_tools():
    os.makedirs(DATA + "/bin", exist_ok=True)
    link = DATA + "/bin/kubectl"
    if not os.path.islink(link):
        os.symlink("/usr/local/bin/rke2", link)


def server():
    config = load_config("server")
    install_tools()
    settings = {key: config.get(key) for key in MUST_MATCH}
    if os.path.exists(STATE):
        # With data the key server means nothing.
        for address in load_state()["servers"].values():
            if address != config["address"]:
                with contextlib.suppress(OSError):
                    take_state(ask("https://%s:9345/v1-rke2/server-bootstrap" % address, config["token"])["state"])
    elif config.get("server"):
        state = join(config, "server")
        given = ask(config["server"] + "/v1-rke2/server-bootstrap", config["token"], trust=False)
        if state["settings"] != settings:
            fatal("critical configuration value mismatch between servers: %s" % settings)
        for name, text in given["files"].items():
            write("%s/%s" % (TLS, name), text)
        write(STATE, json.dumps(state))
    else:
        time.sleep(2)
        make_authority()
        state = load_state()
        state["settings"] = settings
        joined(state, me(config, "server"))
        write(STATE, json.dumps(state))
    make_certificates(config)
    digest = hashlib.sha256(read(TLS + "/server-ca.crt").encode()).hexdigest()
    write(DATA + "/server/token", "K10%s::server:%s\n" % (digest, config["token"]))
    write(ETC + "/rke2.yaml", kubeconfig(), int(config["write-kubeconfig-mode"], 8))
    Handler.config = config
    Handler.anonymous = anonymous_paths(config)
    Listener(6443, Api)
    Listener(9345, Supervisor)
    if os.path.exists(RESET_FLAG):
        os.unlink(RESET_FLAG)
    notify("READY=1")
    beat(config, dict(load_state()["servers"]))


def agent():
    config = load_config("agent")
    servers = dict(join(config, "agent")["servers"])
    write(DATA + "/agent/kubelet.kubeconfig", "# played\n")
    notify("READY=1")
    beat(config, servers)


def save(arguments):
    name = arguments[arguments.index("--name") + 1]
    state = load_state()
    if not state["nodes"]:
        fatal("there is no etcd here")
    config = load_config("server")
    token = hashlib.sha256(config["token"].encode()).hexdigest()
    path = "%s/%s-%s-%d" % (SNAPSHOTS, name, config["node-name"], time.time())
    files = {name: read("%s/%s" % (TLS, name)) for name in ("server-ca.crt", "server-ca.key")}
    write(path, json.dumps({"token": token, "state": state, "files": files}))


def cluster_reset(arguments):
    config = load_config("server")
    if config.get("server"):
        fatal("cannot perform cluster-reset while server URL is set - remove server from configuration before resetting")
    prefix = "--cluster-reset-restore-path="
    path = next(word for word in arguments if word.startswith(prefix))[len(prefix) :]
    if os.path.exists(RESET_FLAG):
        fatal("a cluster-reset was performed already; start RKE2 without --cluster-reset")
    with socket.socket() as knock:
        if knock.connect_ex(("127.0.0.1", 9345)) == 0:
            fatal("RKE2 still runs here")
    snapshot = json.loads(read(path) or fatal("there is no snapshot %s" % path))
    if snapshot["token"] != hashlib.sha256(config["token"].encode()).hexdigest():
        fatal("bootstrap data was encrypted with another token")
    if os.path.exists(DATA + "/server/db/etcd"):
        os.rename(DATA + "/server/db/etcd", DATA + "/server/db/etcd-old-%d" % time.time())
    for name, text in snapshot["files"].items():
        write("%s/%s" % (TLS, name), text)
    state = snapshot["state"]
    state["servers"] = {config["node-name"]: config["address"]}
    write(STATE, json.dumps(state))
    write(RESET_FLAG, "")
    print("Managed etcd cluster membership has been reset, restart without --cluster-reset flag now.")


def kubectl(arguments):
    """get nodes --no-headers, drain and delete, by a kubeconfig of a server of its own."""
    words = arguments[1:]
    context = ssl.create_default_context(cafile=TLS + "/server-ca.crt")
    context.load_cert_chain(TLS + "/client-admin.crt", TLS + "/client-admin.key")
    connection = http.client.HTTPSConnection("127.0.0.1", 6443, timeout=5, context=context)
    if words == ["get", "nodes", "--no-headers"]:
        connection.request("GET", "/api/v1/nodes")
        for node in json.loads(connection.getresponse().read().decode())["items"]:
            roles = "control-plane,etcd" if node["role"] == "server" else "<none>"
            print("%s   %s   %s   1m   %s" % (node["name"], "Ready" if node["ready"] else "NotReady", roles, node["version"]))
    elif words[:2] == ["delete", "node"]:
        connection.request("DELETE", "/api/v1/nodes/" + words[2])
        print("node %s deleted" % words[2] if connection.getresponse().status == 200 else "")
    elif words[0] == "drain":
        print("node/%s drained" % words[1])
    elif words[:2] != ["delete", "secret"]:  # passwords are with the nodes here
        fatal("kubectl plays no %s" % arguments)


def main():
    arguments = sys.argv[1:]
    if os.path.basename(sys.argv[0]) == "kubectl":
        kubectl(arguments)
    elif arguments == ["--version"]:
        print("%s version %s (played)\ngo version none" % (os.path.basename(sys.argv[0]), VERSION))
    elif arguments == ["server"]:
        server()
    elif arguments == ["agent"]:
        agent()
    elif arguments[:2] == ["etcd-snapshot", "save"]:
        save(arguments)
    elif arguments[:2] == ["server", "--cluster-reset"]:
        cluster_reset(arguments)
    else:
        fatal("rke2 plays no %s" % arguments)


if __name__ == "__main__":
    main()
