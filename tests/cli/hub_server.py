"""A hub on this machine, for the tests of `tramontane pull`: the HTTP interface of a model repository, and its faults."""
import hashlib
import http.server
import json
import re
import ssl
import threading
import time
import urllib.parse

COMMIT = "26bca36bde8333b5d7f72e9ed20ccda6a618af24"


def git_sha1(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class Repo:
    """The files of a model at one commit: {name: bytes}. Those named in `large` are LFS files."""

    def __init__(self, files, large=(), commit=COMMIT, revisions=("main",)):
        self.files, self.large, self.commit, self.revisions = dict(files), set(large), commit, set(revisions) | {commit}

    def etag(self, name):
        content = self.files[name]
        return hashlib.sha256(content).hexdigest() if name in self.large else git_sha1(content)

    def listing(self):
        siblings = []
        for name, content in self.files.items():
            entry = {"rfilename": name, "size": len(content), "blobId": git_sha1(content)}
            if name in self.large:
                entry["lfs"] = {"sha256": self.etag(name), "size": len(content), "pointerSize": 135}
            siblings.append(entry)
        return {"_id": "0", "id": "x/y", "sha": self.commit, "private": False, "gated": False, "siblings": siblings}


class Request:
    """What a fault may look at and answer with."""

    def __init__(self, handler):
        self.handler = handler
        self.path = urllib.parse.unquote(handler.path.split("?")[0])
        self.headers = handler.headers
        self.port = handler.server.server_address[1]

    def reply(self, status, body=b"", headers=(), length=None):
        handler = self.handler
        handler.send_response(status)
        for name, value in dict(headers).items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body) if length is None else length))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(body)
        if length is not None and length > len(body):
            self.cut()

    def cut(self):
        self.handler.wfile.flush()
        self.handler.close_connection = True


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        try:
            self.server.hub.answer(Request(self), cdn=self.server.is_cdn)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # clients that go away are part of the tests


class Hub:
    """Two servers, the hub and its CDN, so that redirects leave the origin. `faults` are functions of a Request, tried in
    order for each; the first that returns True has answered it. `requests` are (where, path, Range, Authorization).
    `certificate`: a file with certificate and key, to speak TLS with."""

    def __init__(self, repos, certificate=None):
        self.repos = repos  # {"owner/name": Repo}
        self.faults = []
        self.requests = []
        self.lock = threading.Lock()
        self.servers = []
        for is_cdn in (False, True):
            server = Server(("127.0.0.1", 0), Handler)
            server.hub, server.is_cdn = self, is_cdn
            if certificate:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(certificate)
                server.socket = context.wrap_socket(server.socket, server_side=True)
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
            self.servers.append(server)
        self.url, self.cdn = (f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_address[1]}" for server in self.servers)

    def close(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def asked(self, text, where=None):
        """The requests whose path holds the text."""
        with self.lock:
            return [r for r in self.requests if text in r[1] and where in (None, r[0])]

    def answer(self, request, cdn):
        where = "cdn" if cdn else "hub"
        request.where = where
        with self.lock:
            self.requests.append((where, request.path, request.headers.get("Range"), request.headers.get("Authorization")))
        for fault in list(self.faults):
            if fault(request):
                return
        if cdn:
            return self.serve_file(request)
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/(?:revision|tree)/(.+)", request.path):
            return self.serve_api(request, *match.groups())
        if match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", request.path):
            return self.serve_resolve(request, *match.groups())
        request.reply(404)

    def find(self, request, name, revision):
        repo = self.repos.get(name)
        if repo is None:
            request.reply(401, headers={"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"})
        elif revision not in repo.revisions:
            request.reply(404, headers={"X-Error-Code": "RevisionNotFound", "X-Error-Message": "Invalid rev id"})
            repo = None
        return repo

    def serve_api(self, request, name, revision):
        repo = self.find(request, name, revision)
        if repo is None:
            return
        if "/tree/" in request.path:
            tree = [{"type": "file", "path": s["rfilename"], "size": s["size"], "oid": s["blobId"],
                     **({"lfs": {"oid": s["lfs"]["sha256"], "size": s["size"], "pointerSize": 135}} if "lfs" in s else {})}
                    for s in repo.listing()["siblings"]]
            return request.reply(200, json.dumps(tree).encode(), {"Content-Type": "application/json"})
        request.reply(200, json.dumps(repo.listing()).encode(), {"Content-Type": "application/json"})

    def serve_resolve(self, request, name, revision, file):
        repo = self.find(request, name, revision)
        if repo is None:
            return
        if file not in repo.files:
            return request.reply(404, headers={"X-Error-Code": "EntryNotFound", "X-Error-Message": "Entry not found"})
        headers = {"X-Repo-Commit": repo.commit, "ETag": f'"{repo.etag(file)}"'}
        if file not in repo.large:
            return self.serve_content(request, repo.files[file], headers)
        headers |= {"Location": f"{self.cdn}/{name}/{urllib.parse.quote(file)}?Signature=a%2Fb~c&Expires=1",
                    "X-Linked-Size": str(len(repo.files[file])), "X-Linked-Etag": headers["ETag"]}
        request.reply(302, b"Found. Redirecting", headers)

    def serve_file(self, request):
        owner, name, file = request.path.lstrip("/").split("/", 2)
        self.serve_content(request, self.repos[f"{owner}/{name}"].files[file], {"ETag": '"of-the-cdn"'})

    @staticmethod
    def serve_content(request, content, headers):
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("Range") or "")
        if not wanted:
            return request.reply(200, content, headers)
        first, last = int(wanted[1]), min(int(wanted[2] or len(content) - 1), len(content) - 1)
        if first > last:
            return request.reply(416, b"", {"Content-Range": f"bytes */{len(content)}"})
        request.reply(206, content[first:last + 1], headers | {"Content-Range": f"bytes {first}-{last}/{len(content)}"})


class Fault:
    """Answers requests that match in its own way; `times`: only the first so many."""

    def __init__(self, matches, answer):
        self.matches, self.answer, self.left, self.lock = matches, answer, -1, threading.Lock()

    def __call__(self, request):
        if not self.matches(request):
            return False
        with self.lock:
            if self.left == 0:
                return False
            self.left -= 1
        self.answer(request)
        return True


def once(fault, times=1):
    """The fault, for the first requests that it matches."""
    fault.left = times
    return fault


def reply(text, status, body=b"", headers=(), where=None, **options):
    """A fault: this answer for paths that hold the text."""
    return Fault(lambda request: text in request.path and where in (None, request.where),
                 lambda request: request.reply(status, body, headers, **options))


def on_cdn(text, answer):
    """A fault of the CDN, for paths that hold the text."""
    return Fault(lambda request: request.where == "cdn" and text in request.path, answer)


def cut_after(text, count, content):
    """A fault: the connection ends after some bytes of what was asked for."""
    def answer(request):
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("Range") or "")
        first, end = (int(wanted[1]), int(wanted[2]) + 1) if wanted else (0, len(content))
        headers = {"Content-Range": f"bytes {first}-{end - 1}/{len(content)}"} if wanted else {}
        request.reply(206 if wanted else 200, content[first:min(first + count, end)], headers, length=end - first)
    return on_cdn(text, answer)


def held(text, first, event, rest, length):
    """A fault: some bytes come, and others when the event is set; then the connection ends."""
    def answer(request):
        request.handler.send_response(200)
        request.handler.send_header("Content-Length", str(length))
        request.handler.end_headers()
        request.handler.wfile.write(first)
        request.handler.wfile.flush()
        event.wait(60)
        request.handler.wfile.write(rest)
        request.cut()
    return on_cdn(text, answer)


def slowly(text, pieces, seconds, length):
    """A fault: the pieces come one by one, with a pause after each, and then the connection ends."""
    def answer(request):
        request.handler.send_response(200)
        request.handler.send_header("Content-Length", str(length))
        request.handler.end_headers()
        for piece in pieces:
            request.handler.wfile.write(piece)
            request.handler.wfile.flush()
            time.sleep(seconds)
        request.cut()
    return on_cdn(text, answer)
