#!/usr/bin/env python3
"""Runs the admin page behind Caddy and behind nginx, each with the lines that docs/guide/admin.md gives, and says what holds.

    apt-get install caddy nginx-light
    python3 tests/proxies.py target/release/pregonero

Only the ports, the certificate and the page's address are replaced; before Caddy 2.7, also the line that the guide names. Needs Python's standard library, `caddy`, `nginx` and
`openssl`; it is not part of CI. It exits with 1 if something does not hold.
"""

import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.parse
from pathlib import Path

GUIDE = Path(__file__).resolve().parent.parent / "docs/guide/admin.md"
NAME, PASSWORD = "bot.example.org", "una frase inventada"
ORIGIN = {"Origin": f"https://{NAME}", "Sec-Fetch-Site": "same-origin"}
CADDY_TOP = "{{\n    admin off\n    local_certs\n    skip_install_trust\n    http_port {}\n    https_port {}\n}}\n"
NGINX_TOP = "daemon off;\npid {0}/nginx.pid;\nerror_log {0}/nginx.log;\nevents {{}}\nhttp {{\naccess_log off;\n"
failed = []


def holds(what, found, wanted):
    """Prints whether something is as it must be."""
    print(f"    {'ok    ' if found == wanted else 'FAILED'} {what}" + ("" if found == wanted else f": {found}, not {wanted}"))
    if found != wanted:
        failed.append(what)


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def blocks():
    """Returns the guide's lines for Caddy, for nginx and for the bot."""
    text = GUIDE.read_text()
    section = text[text.index("## Behind a proxy"):]
    caddy, nginx = re.findall(r"```text\n(.*?)```", section, re.S)[:2]
    return caddy, nginx, re.search(r"```toml\n\[admin\]\n(.*?)```", section, re.S)[1]


class Proxy:
    """A browser's way through the proxy to the page."""

    def __init__(self, port):
        self.port, self.trust = port, ssl._create_unverified_context()

    def ask(self, method, path, headers=None, form=None, source="127.0.0.2", host=NAME):
        """Returns an answer; `source` is the visitor's address, which the proxy passes on."""
        raw = socket.create_connection(("127.0.0.1", self.port), timeout=20, source_address=(source, 0))
        connection = http.client.HTTPConnection(host)
        connection.sock = self.trust.wrap_socket(raw, server_hostname=NAME)
        body = urllib.parse.urlencode(form) if form is not None else None
        kind = {"Content-Type": "application/x-www-form-urlencoded"} if body is not None else {}
        connection.request(method, path, body, {**kind, **(headers or {})})
        answer = connection.getresponse()
        answer.text = answer.read().decode()
        connection.close()
        return answer

    def sign_in(self, password, headers=ORIGIN, **other):
        return self.ask("POST", "/sign-in", headers, {"name": "ana", "password": password}, **other)


def wait_for(what, act):
    for _ in range(300):
        try:
            return act()
        except (OSError, http.client.HTTPException):
            time.sleep(0.2)
    sys.exit(f"{what} did not come up")


def check(proxy, log):
    """Asks through the proxy as a browser, as a foreign site, and as somebody who guesses passwords."""
    holds("the sign-in form is served", proxy.ask("GET", "/sign-in").status, 200)
    signed_in = proxy.sign_in(PASSWORD, {**ORIGIN, "X-Forwarded-For": "198.51.100.1"})
    cookie = signed_in.getheader("set-cookie") or ""
    holds("a sign-in leads to the overview", (signed_in.status, signed_in.getheader("location")), (303, "/"))
    holds("its cookie is for https alone", cookie.startswith("__Host-pregonero=") and "; Secure" in cookie, True)
    holds("browsers are told to stay with https", signed_in.getheader("strict-transport-security"), "max-age=31536000")
    session = {"Cookie": cookie.split(";")[0]}
    holds("the overview is served with that cookie", proxy.ask("GET", "/", session).status, 200)
    paused = proxy.ask("POST", "/pause", {**session, **ORIGIN}, {"reason": "una prueba"})
    holds("a form of the page is accepted", paused.status, 303)
    holds("and had its effect", "una prueba" in proxy.ask("GET", "/", session).text, True)
    resumed = proxy.ask("POST", "/resume", {**session, "Origin": f"https://{NAME}"}, {})
    holds("so is one of a browser that sends only Origin", resumed.status, 303)
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {}):
        refused = proxy.ask("POST", "/pause", {**session, **headers}, {"reason": "x"})
        holds(f"a form of another site ({headers}) is refused", refused.status, 403)
    # Caddy answers for no other name; nginx gives it to the only server that it has, and the page refuses it.
    other = proxy.ask("GET", "/sign-in", host="evil.example")
    holds("another name does not lead to the page", "password" in other.text, False)
    for path in ("/metrics", "/readyz"):
        holds(f"{path} is not there for visitors", proxy.ask("GET", path).status, 404)
    large = proxy.ask("POST", "/sign-in", ORIGIN, {"name": "a" * 100_000, "password": "b"})
    holds("a form of 100 kB is refused", large.status, 413)
    with open(log) as lines:
        text = lines.read()
    holds("the log has the visitor's address", "address=127.0.0.2" in text or '"address":"127.0.0.2"' in text, True)
    holds("and not one that the visitor made up", "198.51.100.1" in text, False)
    wrong = [proxy.sign_in("otra cosa distinta", source="127.0.0.3").status for _ in range(6)]
    holds("after five wrong passwords, the address waits", wrong, [401] * 5 + [429])
    invented = proxy.sign_in("otra cosa distinta", {**ORIGIN, "X-Forwarded-For": "203.0.113.5"}, source="127.0.0.3")
    holds("also with a made-up X-Forwarded-For", invented.status, 429)
    holds("another address does not", proxy.sign_in(PASSWORD, source="127.0.0.4").status, 303)


def certificate(folder):
    """Makes a certificate, and returns the paths of it and of its key."""
    paths = f"{folder}/cert.pem", f"{folder}/key.pem"
    make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2".split()
    make += ["-subj", f"/CN={NAME}", "-out", paths[0], "-keyout", paths[1]]
    subprocess.run(make, check=True, capture_output=True)
    return paths


def caddy_of(lines, page, folder):
    port = free_port()
    version = subprocess.run(["caddy", "version"], capture_output=True, text=True).stdout.lstrip("v")
    if tuple(map(int, version.split(".")[:2])) < (2, 7):
        lines = lines.replace("request_buffers 64KiB", "buffer_requests")
    lines = lines.replace("127.0.0.1:8787", page)
    Path(folder, "Caddyfile").write_text(CADDY_TOP.format(free_port(), port) + lines)
    command = ["caddy", "run", "--adapter", "caddyfile", "--config", f"{folder}/Caddyfile"]
    environment = {**os.environ, "XDG_DATA_HOME": folder, "XDG_CONFIG_HOME": folder, "HOME": folder}
    return port, subprocess.Popen(command, env=environment, stderr=open(f"{folder}/caddy.log", "w"))


def nginx_of(lines, page, folder):
    port, (cert, key) = free_port(), certificate(folder)
    lines = lines.replace("127.0.0.1:8787", page).replace("listen 443", f"listen {port}")
    lines = re.sub(r"ssl_certificate \S+;", f"ssl_certificate {cert};", lines)
    lines = re.sub(r"ssl_certificate_key \S+;", f"ssl_certificate_key {key};", lines)
    Path(folder, "nginx.conf").write_text(NGINX_TOP.format(folder) + lines + "}\n")
    return port, subprocess.Popen(["nginx", "-c", f"{folder}/nginx.conf", "-e", f"{folder}/nginx.log"])


def bot_at(program, keys, folder):
    """Starts a bot with its page; returns the page's address, the process and its log."""
    page = f"127.0.0.1:{free_port()}"
    run = lambda *words, **other: subprocess.run([program, *words], cwd=folder, check=True, capture_output=True, **other)
    run("init", "--handle", "mi_bot", "--operator", "ana", "--timezone", "America/Bogota")
    config = Path(folder, "config.toml")
    text = re.sub(r"(?ms)^\[admin\]\n.*?(?=^\[)", f"[admin]\n{keys.replace('127.0.0.1:8787', page)}\n", config.read_text())
    if "[admin]" not in text:
        text += f"\n[admin]\n{keys.replace('127.0.0.1:8787', page)}\n"
    config.write_text(text)
    run("once")
    run("admin", "user", "add", "ana", "--role", "admin", "--password-stdin", input=f"{PASSWORD}\n".encode())
    log = f"{folder}/bot.log"
    return page, subprocess.Popen([program, "run"], cwd=folder, stderr=open(log, "w")), log


def main():
    program = os.path.abspath(sys.argv[1])
    caddy, nginx, keys = blocks()
    versions = {"caddy": ["caddy", "version"], "nginx": ["nginx", "-v"]}
    for name, start, lines in (("caddy", caddy_of, caddy), ("nginx", nginx_of, nginx)):
        said = subprocess.run(versions[name], capture_output=True, text=True)
        print(f"{name} {(said.stdout + said.stderr).strip()}")
        folder = tempfile.mkdtemp()
        page, bot, log = bot_at(program, keys, folder)
        port, server = start(lines, page, folder)
        try:
            proxy = Proxy(port)
            address = page.rsplit(":", 1)
            wait_for("the page", lambda: socket.create_connection((address[0], int(address[1]))).close())
            wait_for(name, lambda: proxy.ask("GET", "/sign-in"))
            check(proxy, log)
        finally:
            for process in (server, bot):
                process.terminate()
                process.wait()
        shutil.rmtree(folder)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
