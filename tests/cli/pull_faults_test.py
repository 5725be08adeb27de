"""`tramontane pull` when things go wrong: connections, contents, answers, disks, names."""
import hashlib
import json
import random
import resource
import signal
import subprocess
import threading
import time

from hub_server import COMMIT, Fault, Hub, cut_after, held, on_cdn, once, reply, slowly
from pull_support import FILES, WEIGHTS, PullTestCase
from support import TRAMONTANE

BIG = random.Random(3).randbytes(1 << 20) * 70  # three parts
TOKEN = "hf_secretsecret"


class TransferTest(PullTestCase):
    def test_a_large_file_comes_in_parts(self):
        self.repo.files["model.safetensors"] = BIG
        folder, _ = self.pulled("--quiet")
        self.assertEqual((folder / "model.safetensors").read_bytes(), BIG)
        part = 32 << 20
        self.assertEqual(sorted(self.ranges("model.safetensors")),
                         sorted(f"bytes={i}-{min(i + part, len(BIG)) - 1}" for i in range(0, len(BIG), part)))

    def test_a_part_that_is_cut_goes_on(self):
        self.repo.files["model.safetensors"] = BIG
        self.hub.faults = [once(cut_after("model.safetensors", 5_000_000, BIG), times=3)]
        folder, stderr = self.pulled()
        self.assertEqual((folder / "model.safetensors").read_bytes(), BIG)
        self.assertEqual(len(self.ranges("model.safetensors")), 6)
        self.assertEqual(stderr.count("trying again"), 3)

    def test_one_connection_asks_for_no_parts(self):
        self.repo.files["model.safetensors"] = BIG
        self.assertEqual((self.pulled("--jobs", 1)[0] / "model.safetensors").read_bytes(), BIG)
        self.assertEqual(self.ranges("model.safetensors"), [None])

    def test_a_cut_connection_is_resumed(self):
        self.hub.faults = [once(cut_after("model.safetensors", 100_000, WEIGHTS))]
        folder, stderr = self.pulled()
        self.assert_whole(folder)
        self.assertEqual(self.ranges("model.safetensors"), [None, "bytes=100000-299999"])
        self.assertRegex(stderr, r"\[WARNING\] 'model.safetensors': .*; trying again in 0\.\d s\n")

    def leave_partial(self, content):
        self.blobs.mkdir(parents=True)
        (self.blobs / (self.repo.etag("model.safetensors") + ".incomplete")).write_bytes(content)

    def test_an_earlier_attempt_is_taken_up(self):
        self.leave_partial(WEIGHTS[:70_000])
        folder, stderr = self.pulled()
        self.assert_whole(folder)
        self.assertEqual(self.ranges("model.safetensors"), ["bytes=70000-299999"])
        self.assertIn("300 kB, 70 kB of it there", stderr)
        self.assertEqual(list(self.blobs.glob("*.incomplete")), [])

    def test_an_earlier_attempt_may_be_whole_or_too_long(self):
        self.leave_partial(WEIGHTS)
        self.assert_whole(self.pulled()[0])
        self.assertEqual(self.ranges("model.safetensors"), [])
        (self.blobs / self.repo.etag("model.safetensors")).rename(self.blobs / (self.repo.etag("model.safetensors") + ".incomplete"))
        with open(self.blobs / (self.repo.etag("model.safetensors") + ".incomplete"), "ab") as file:
            file.write(b"more")
        self.assert_whole(self.pulled()[0])
        self.assertEqual(self.ranges("model.safetensors"), [None])

    def test_a_damaged_earlier_attempt_is_fetched_again(self):
        self.leave_partial(b"x" * 70_000)
        folder, stderr = self.pulled()
        self.assert_whole(folder)
        self.assertIn("fetching it again", stderr)
        self.assertEqual(self.ranges("model.safetensors"), ["bytes=70000-299999", None])

    def test_a_server_may_ignore_ranges(self):
        self.leave_partial(WEIGHTS[:70_000])
        self.hub.faults = [reply("model.safetensors", 200, WEIGHTS, where="cdn")]
        self.assert_whole(self.pulled()[0])
        self.repo.files["model.safetensors"] = BIG
        self.hub.faults = [reply("model.safetensors", 200, BIG, where="cdn")]
        self.assert_fails(self.pull("--quiet"), 1, "'model.safetensors'", "--jobs 1")

    def test_a_wrong_answer_to_a_range(self):
        self.leave_partial(WEIGHTS[:70_000])
        for header in ["bytes 0-229999/300000", "bytes 70000-299999/300001", "lines 1-2", ""]:
            self.hub.faults = [reply("model.safetensors", 206, WEIGHTS[70_000:], {"Content-Range": header}, where="cdn")]
            self.assert_fails(self.pull("--quiet"), 1, "'model.safetensors'", "expected")

    def test_a_wrong_digest_is_fetched_once_more(self):
        wrong = WEIGHTS[:-1] + b"?"
        self.hub.faults = [once(reply("model.safetensors", 200, wrong, where="cdn"))]
        folder, stderr = self.pulled()
        self.assert_whole(folder)
        self.assertIn(f"expected SHA-256 {self.repo.etag('model.safetensors')}, found {hashlib.sha256(wrong).hexdigest()}", stderr)

    def test_a_digest_that_stays_wrong_leaves_no_file(self):
        for name, kind in [("model.safetensors", "SHA-256"), ("config.json", "git SHA-1")]:
            content = FILES[name][:-1] + b"?"
            self.hub.faults = [reply(name, 200, content, where="cdn" if name in self.repo.large else "hub")]
            result = self.pull("--include", name)
            self.assert_fails(result, 1, f"'{name}': expected {kind} {self.repo.etag(name)}", "damaged twice")
            self.assertEqual([p for p in self.blobs.iterdir() if p.name.startswith(self.repo.etag(name))], [])
            self.assertFalse(self.snapshot.exists())

    def test_an_empty_file_with_another_one_s_digest(self):
        self.repo.files["config.json"] = b""
        listing = self.repo.listing()
        entry = next(s for s in listing["siblings"] if s["rfilename"] == "config.json")
        entry["blobId"] = "0" * 40
        self.hub.faults = [reply("/api/", 200, json.dumps(listing).encode())]
        self.assert_fails(self.pull("--quiet"), 1, f"'config.json': expected git SHA-1 {'0' * 40}, found", "empty file")
        self.assertEqual(list(self.blobs.glob("0*")), [])

    def test_an_answer_that_is_too_long(self):
        def answer(request):  # without a length
            request.handler.send_response(200)
            request.handler.end_headers()
            request.handler.wfile.write(WEIGHTS + b"?")
            request.cut()
        self.hub.faults = [on_cdn("model.safetensors", answer)]
        self.assert_fails(self.pull("--quiet"), 1, "'model.safetensors': expected 300000 bytes, more of them come")

    def test_a_wrong_size(self):
        for length in [299_999, 300_001]:
            self.hub.faults = [reply("model.safetensors", 200, (WEIGHTS + b"?")[:length], where="cdn")]
            self.assert_fails(self.pull(), 1, f"'model.safetensors': expected size 300000, found '{length}'")

    def test_a_file_that_is_another_one_on_the_hub(self):
        for header, value in [("X-Linked-Size", "5"), ("X-Linked-Etag", '"' + "0" * 64 + '"'), ("X-Repo-Commit", "0" * 40)]:
            self.hub.faults = [reply("model.safetensors", 200, WEIGHTS, {header: value}, where="hub")]
            self.assert_fails(self.pull(), 1, "'model.safetensors': expected", value.strip('"'))

    def test_a_slow_peer_is_left(self):
        self.hub.faults = [once(slowly("model.safetensors", [b"", b""], 2, len(WEIGHTS)))]
        folder, stderr = self.pulled(environment={"HF_HUB_DOWNLOAD_TIMEOUT": "1"})
        self.assert_whole(folder)
        self.assertRegex(stderr, "too slow.*; trying again")

    def test_interrupts_keep_what_came(self):
        ended = threading.Event()
        self.addCleanup(ended.set)
        self.hub.faults = [once(held("model.safetensors", WEIGHTS[:150_000], ended, b"", len(WEIGHTS)))]
        process = subprocess.Popen([TRAMONTANE, "pull", "owner/name"], env=self.environment(), stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        partial = self.blobs / (self.repo.etag("model.safetensors") + ".incomplete")
        while not partial.exists() or partial.stat().st_size < 150_000:
            self.assertIsNone(process.poll())
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=20)
        self.assertEqual((process.returncode, stdout), (130, b""), stderr)
        self.assertIn(b"Interrupted", stderr)
        self.assertFalse(self.snapshot.exists())
        self.assert_whole(self.pulled()[0])
        self.assertEqual(self.ranges("model.safetensors"), [None, "bytes=150000-299999"])

    def test_a_disk_that_takes_no_more(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        result = self.pull("--quiet", preexec_fn=limit, restore_signals=False)
        self.assert_fails(result, 1, ".incomplete: cannot write: File too large")
        partial = self.blobs / (self.repo.etag("model.safetensors") + ".incomplete")
        self.assertEqual(partial.read_bytes(), WEIGHTS[:200_000])
        self.assert_whole(self.pulled()[0])

    def test_a_disk_too_small(self):
        listing = self.repo.listing()
        next(s for s in listing["siblings"] if s["rfilename"] == "model.safetensors")["lfs"]["size"] = 1 << 44
        self.hub.faults = [reply("/api/", 200, json.dumps(listing).encode())]
        self.assert_fails(self.pull("--quiet"), 1, self.cache, "expected 17.6 TB of free space on the disk, found")


class AnswerTest(PullTestCase):
    def test_the_token_goes_to_the_hub_alone(self):
        self.pulled(environment={"HF_TOKEN": TOKEN})
        self.assertEqual({r[3] for r in self.hub.requests if r[0] == "hub"}, {f"Bearer {TOKEN}"})
        self.assertEqual({r[3] for r in self.hub.requests if r[0] == "cdn"}, {None})

    def test_the_token_does_not_come_back_through_a_redirect_elsewhere(self):
        """hub -> CDN -> hub: the last hop is the hub's own address again, and may see it; the CDN never does."""
        back = {"Location": f"{self.hub.url}/owner/name/resolve/{COMMIT}/config.json"}
        self.hub.faults = [reply("model.safetensors", 302, headers=back, where="cdn")]
        self.pull("--include", "model.safetensors", "--retries", 0, environment={"HF_TOKEN": TOKEN})
        self.assertEqual([r[:2] for r in self.hub.requests[1:]], [
            ("hub", f"/owner/name/resolve/{COMMIT}/model.safetensors"), ("cdn", "/owner/name/model.safetensors"),
            ("hub", f"/owner/name/resolve/{COMMIT}/config.json")])
        self.assertEqual({r[3] for r in self.hub.requests if r[0] == "cdn"}, {None})

    def test_the_token_s_file(self):
        self.home.mkdir()
        (self.home / "token").write_text(TOKEN + "\n")
        other = self.folder / "other"
        other.write_text("hf_other")
        for variables, expected in [({}, f"Bearer {TOKEN}"), ({"HF_TOKEN_PATH": str(other)}, "Bearer hf_other"),
                                    ({"HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}, None), ({"HF_TOKEN": "hf_x"}, "Bearer hf_x")]:
            before = len(self.hub.requests)
            self.pull("--dry-run", environment=variables)
            self.assertEqual(self.hub.requests[before][3], expected, variables)

    def test_a_token_that_would_break_the_request(self):
        result = self.pull(environment={"HF_TOKEN": "a\r\nX-Evil: 1"})
        self.assert_fails(result, 1, "HF_TOKEN: expected a token")
        self.assertNotIn(b"Evil", result.stderr)
        self.assertEqual(self.hub.requests, [])

    def test_refusals_say_what_to_do(self):
        gated = {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access to model owner/name is restricted"}
        secret = {"HF_TOKEN": TOKEN}
        for status, headers, variables, words in [
                (401, {}, {}, ["no such model", "private", "set HF_TOKEN"]),
                (401, {}, secret, ["no such model", "HF_TOKEN", "not valid"]),
                (401, gated, {}, ["gated", f"accept its terms at {self.hub.url}/owner/name", "set HF_TOKEN"]),
                (403, gated, secret, ["gated", f"accept its terms at {self.hub.url}/owner/name", "is restricted"]),
                (403, {"X-Error-Message": "Blocked\x1b[31m"}, secret, ["forbids access", "HF_TOKEN"]),
                (404, {"X-Error-Code": "RepoNotFound"}, {}, ["no such model"]),
                (404, {}, {}, ["has no"]),
                (400, {"X-Error-Message": "what?"}, {}, ["400", "what?"]),
                (410, {}, {}, ["410"])]:
            self.hub.faults = [reply("/api/", status, b"{}", headers)]
            result = self.pull(environment=variables)
            self.assert_fails(result, 1, "owner/name: ", *words)
            self.assertNotIn(TOKEN.encode(), result.stderr)
        self.hub.faults = [reply("model.safetensors", 403, b"no", gated)]
        self.assert_fails(self.pull("--quiet"), 1, "gated")

    def test_what_is_not_there(self):
        self.assert_fails(self.tramontane("pull", "owner/other"), 1, "owner/other: there is no such model")
        self.assert_fails(self.pull("--revision", "v9"), 1, "owner/name: ", "no revision 'v9'")
        for name in ["name", "a/b/c", "../x/y", "owner/..", "owner/na me", "owner/name@", "owner/-x", "o--w/n", "", "owner/x.git"]:
            self.assert_fails(self.tramontane("pull", name), 2, "OWNER/NAME")
        for revision in ["../../x", "a..b", "-x", "a\nb", "/a", "a/", "x.lock"]:
            self.assert_fails(self.pull(f"--revision={revision}"), 2, "branch, tag or commit")

    def test_too_many_requests_wait_as_long_as_asked(self):
        self.hub.faults = [once(reply("/api/", 429, headers={"Retry-After": "1"}))]
        start = time.monotonic()
        _, stderr = self.pulled()
        self.assertGreaterEqual(time.monotonic() - start, 1)
        self.assertIn("answers 429; trying again in 1.0 s", stderr)
        self.hub.faults = [reply("/api/", 429, headers={"Retry-After": "3600"})]
        self.assert_fails(self.pull(), 1, "429", "3600 s")

    def test_a_server_s_faults_are_tried_again_and_given_up(self):
        self.hub.faults = [once(reply("/api/", 503)), once(reply("model.safetensors", 500, where="cdn"), times=2)]
        self.assert_whole(self.pulled()[0])
        self.hub.faults = [reply("/api/", 502)]
        result = self.pull("--retries", 1)
        self.assert_fails(result, 1, "owner/name: 127.0.0.1 answers 502; given up")
        self.assertEqual(result.stderr.count(b"trying again"), 1)

    def test_nobody_answers(self):
        self.assert_fails(self.pull("--retries", 0, environment={"HF_ENDPOINT": "http://127.0.0.1:1"}), 1, "owner/name: ", "given up")

    def test_redirects(self):
        for location, words in [("/api/models/owner/name/revision/main", ["redirects"]), ("file:///etc/passwd", ["URL"]),
                                ("ftp://127.0.0.1/x", ["http"]), ("", ["URL"])]:
            self.hub.faults = [reply("/api/", 302, headers={"Location": location})]
            self.assert_fails(self.pull(), 1, *words)
        self.assertLess(len(self.hub.requests), 20)
        self.hub.repos["new/name"] = self.repo  # renamed: a relative redirect
        self.hub.faults = [reply("/api/models/owner/", 307, headers={"Location": "/api/models/new/name/revision/main?blobs=true"})]
        self.assert_whole(self.pulled()[0])

    def test_certificates_are_checked(self):
        pem = self.folder / "certificate.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                        "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", pem, "-out", self.folder / "public"],
                       check=True, capture_output=True)
        with open(pem, "ab") as file:
            file.write((self.folder / "public").read_bytes())
        secure = Hub(self.hub.repos, pem)
        self.addCleanup(secure.close)
        self.assert_fails(self.pull(environment={"HF_ENDPOINT": secure.url}), 1, secure.url, "certificate")
        trusting = {"HF_ENDPOINT": secure.url, "SSL_CERT_FILE": str(self.folder / "public")}
        self.assert_whole(self.pulled(environment=trusting)[0])
        self.assertEqual(len(secure.asked("model.safetensors", "cdn")), 1)
        secure.faults = [reply("/api/", 302, headers={"Location": f"{self.hub.url}/api/models/owner/name/revision/main"})]
        self.assert_fails(self.pull(environment=trusting), 1, "https")
        self.assertEqual(self.hub.requests, [])

    def test_endless_headers(self):
        def answer(request):
            request.handler.send_response(200)
            for i in range(40_000):
                request.handler.send_header(f"X-{i}", "x" * 100)
            request.handler.end_headers()
        self.hub.faults = [Fault(lambda request: True, answer)]
        self.assert_fails(self.pull("--retries", 0), 1, "given up")

    def test_a_list_that_is_not_one(self):
        good = json.dumps(self.repo.listing()).encode()
        for body, words in [(good[:200], ["syntax error"]), (b"[]", ["expected an object"]), (b"{}", ["'sha'"]), (b"", ["JSON"]),
                            (good.replace(b'"sha"', b'"no"'), ["'sha'"]),
                            (good.replace(COMMIT.encode(), b"../../../../etc"), ["'sha'"]),
                            (good.replace(self.repo.etag("config.json").encode(), b"../../x"), ["blobId"]),
                            (good.replace(b'"size": 11', b'"size": -1'), ["size"]),
                            (b"[" * 100_000, ["nested"]), (b" " * (33 << 20), ["at most"])]:
            self.hub.faults = [reply("/api/", 200, body)]
            self.assert_fails(self.pull(), 1, "owner/name", *words)
        self.assertFalse(self.cache.exists())

    def test_names_that_lead_elsewhere(self):
        for name in ["../evil", "/evil", "a/../../evil", "a//b", "a/./b", "", "a\\b", "evil\n", "\x1b[2J", "x" * 300, "a/", "\ud800"]:
            listing = self.repo.listing()
            listing["siblings"][0]["rfilename"] = name
            self.hub.faults = [reply("/api/", 200, json.dumps(listing).encode())]
            for args in [(), ("--to", self.folder / "to", "--include", "*")]:
                self.assert_fails(self.pull(*args), 1, "owner/name")
        self.assertEqual({p.name for p in self.folder.rglob("*")}, set())

    def test_offline(self):
        self.assert_fails(self.pull(environment={"HF_HUB_OFFLINE": "1"}), 1, "HF_HUB_OFFLINE")
        self.assertEqual(self.hub.requests, [])

    def test_wrong_variables(self):
        for name, value in [("HF_ENDPOINT", "ftp://x"), ("HF_ENDPOINT", "http://user:word@x"), ("HF_HUB_DOWNLOAD_TIMEOUT", "soon")]:
            self.assert_fails(self.pull(environment={name: value}), 1, name)
