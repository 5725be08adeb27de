"""`tramontane pull` from a hub on this machine (hub_server.py), and models found in its cache."""
import json
import os
import pathlib
import pty

from hub_server import COMMIT, Repo, cut_after, slowly
from pull_support import FILES, NEEDED, WEIGHTS, PullTestCase
from support import STORIES, TRAMONTANE


class CacheTest(PullTestCase):
    def test_writes_the_layout_of_the_hub_s_cache(self):
        folder, stderr = self.pulled()
        self.assertEqual(folder, self.snapshot)
        self.assert_whole(folder)
        self.assertEqual((self.cache / "models--owner--name" / "refs" / "main").read_text(), COMMIT)
        self.assertEqual(os.readlink(folder / "config.json"), f"../../blobs/{self.repo.etag('config.json')}")
        self.assertEqual({p.name for p in self.blobs.iterdir()}, {self.repo.etag(name) for name in NEEDED})
        self.assertTrue((self.cache / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55"))
        self.assertIn("[INFO] owner/name at 26bca36bde83: 300 kB.\n", stderr)

    def test_fetches_nothing_that_is_there(self):
        self.pulled()
        (self.blobs / self.repo.etag("config.json")).unlink()
        before = len(self.hub.requests)
        self.assert_whole(self.pulled()[0])
        self.assertEqual([r[1].split("/")[-1] for r in self.hub.requests[before:]], ["main", "config.json"])

    def test_a_new_commit_shares_what_did_not_change(self):
        self.pulled()
        new = Repo(FILES | {"config.json": b'{"dim": 65}'}, large=self.repo.large, commit="1" * 40)
        self.hub.repos["owner/name"] = new
        before = len(self.hub.requests)
        folder, _ = self.pulled()
        self.assertEqual(folder, self.snapshot.parent / ("1" * 40))
        self.assertEqual(self.content_of(folder)["config.json"], b'{"dim": 65}')
        self.assertEqual(len(self.hub.requests) - before, 2)
        self.assert_whole(self.snapshot)

    def test_revisions(self):
        self.repo.revisions.add("refs/pr/1")
        self.pulled("--revision", "refs/pr/1")
        self.assertEqual((self.cache / "models--owner--name" / "refs" / "refs" / "pr" / "1").read_text(), COMMIT)
        self.assertEqual(self.hub.requests[0][1], "/api/models/owner/name/revision/refs/pr/1")
        folder, _ = self.pulled("--revision", COMMIT)
        self.assert_whole(folder)
        self.assertFalse((self.cache / "models--owner--name" / "refs" / COMMIT).exists())

    def test_the_cache_s_place(self):
        for variables, place in [({"HF_HUB_CACHE": str(self.folder / "a")}, self.folder / "a"),
                                 ({"HF_HOME": "", "XDG_CACHE_HOME": str(self.folder / "b")}, self.folder / "b/huggingface/hub"),
                                 ({"HF_HOME": "~/c", "HOME": str(self.folder)}, self.folder / "c/hub")]:
            folder, _ = self.pulled(environment=variables)
            self.assertTrue(folder.is_relative_to(place), folder)

    def test_without_symbolic_links(self):
        folder, _ = self.pulled(environment={"HF_HUB_DISABLE_SYMLINKS": "1"})
        self.assert_whole(folder)
        self.assertFalse((folder / "config.json").is_symlink())
        self.pulled()

    def test_two_pulls_at_once_fetch_once(self):
        self.assertIn("'model.safetensors': waiting for another process", self.two_pulls())
        self.assertEqual(len(self.hub.asked("config.json")), 1)
        self.assertEqual(self.ranges("model.safetensors"), [None])
        self.assert_whole(self.snapshot)

    def test_a_commit_is_held_to(self):
        self.repo.revisions.add("1" * 40)
        self.assert_fails(self.pull("--revision", "1" * 40), 1, f"owner/name: expected commit {'1' * 40}, found {COMMIT}")
        self.assertFalse(self.cache.exists())


class ChoiceTest(PullTestCase):
    def names(self, *args, files=None):
        if files:
            self.repo.files = {name: bytes(name, "ascii") for name in files}
        result = self.pull("--dry-run", "--json", *args)
        self.assertEqual(result.returncode, 0, result.stderr)
        return {file["name"] for file in json.loads(result.stdout)["files"]}

    def test_one_kind_of_weights(self):
        kinds = [["model.safetensors.index.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"],
                 ["model.safetensors"], ["weights.safetensors"], ["weights.00.safetensors", "weights.01.safetensors"], ["weights.npz"],
                 ["weights.00.npz", "weights.01.npz"], ["consolidated.safetensors"], ["consolidated.00.pth", "consolidated.01.pth"],
                 ["model-00001-of-00002.gguf", "model-00002-of-00002.gguf"]]
        for i, kind in enumerate(kinds):
            rest = [name for names in kinds[i:] for name in names]
            self.assertEqual(self.names(files=["config.json", "params.json", "tekken.json", "other.py", *rest]),
                             {"config.json", "params.json", "tekken.json", *kind})

    def test_an_index_alone_is_no_weights(self):
        self.assertEqual(self.names(files=["model.safetensors.index.json", "weights.npz"]), {"weights.npz"})

    def test_several_ggufs_must_be_chosen_from(self):
        self.repo.files = {"config.json": b"{}", "m.Q4_K_M.gguf": b"44", "m.Q8_0.gguf": b"8888"}
        self.assert_fails(self.pull(), 1, "'m.Q4_K_M.gguf' (2 B), 'm.Q8_0.gguf' (4 B)", "--include")
        self.assertEqual(self.names("--include", "*Q4*"), {"m.Q4_K_M.gguf"})
        self.assertEqual(self.names("--exclude", "*Q4*"), {"config.json", "m.Q8_0.gguf"})

    def test_patterns(self):
        self.assertEqual(self.names("--include", "original/", "--include", "*.json"), {"original/consolidated.00.pth", "config.json"})
        self.assertEqual(self.names("--include", "*", "--exclude", "*.bin", "--exclude", "original/*"),
                         set(FILES) - {"pytorch_model.bin", "original/consolidated.00.pth"})
        self.assert_fails(self.pull("--include", "nothing*"), 1, "none of its 7 files")
        self.assert_fails(self.pull("--exclude", "*"), 1, "expected weights")

    def test_a_dry_run_writes_nothing(self):
        result = self.pull("--dry-run")
        self.assertEqual(result.returncode, 0)
        self.assertIn("  300 kB  model.safetensors  (to fetch)\n", result.stdout.decode())
        self.assertIn(f"  300 kB  of 300 kB to fetch into {self.snapshot}\n", result.stdout.decode())
        self.assertFalse(self.home.exists())
        self.pulled()
        self.assertIn("  300 kB  model.safetensors  (there)\n", self.pull("--dry-run").stdout.decode())

    def test_json(self):
        result = self.pull("--json")
        answer = json.loads(result.stdout)
        self.assertEqual(answer["folder"], str(self.snapshot))
        self.assertEqual(answer["commit"], COMMIT)
        self.assertEqual(answer["bytes"], sum(len(FILES[name]) for name in NEEDED))
        weights = next(file for file in answer["files"] if file["name"] == "model.safetensors")
        self.assertEqual(weights, {"name": "model.safetensors", "bytes": 300_000, "bytes_present": 0,
                                   "sha256": self.repo.etag("model.safetensors")})


class FolderTest(PullTestCase):
    def setUp(self):
        super().setUp()
        self.to = self.folder / "to"

    def test_plain_files(self):
        folder, _ = self.pulled("--to", self.to)
        self.assertEqual(folder, self.to)
        self.assert_whole(self.to)
        self.assertFalse(any(p.is_symlink() for p in self.to.rglob("*")))
        self.assertEqual({p.name for p in self.to.iterdir()}, NEEDED)
        self.assertFalse(self.home.exists())
        before = len(self.hub.requests)
        self.pulled("--to", self.to)
        self.assertEqual(len(self.hub.requests) - before, 1)

    def test_folders_and_files_of_the_same_content(self):
        self.repo.files = {"a/b/one": b"same", "two": b"same", "empty": b"", "c/empty": b""}
        folder, _ = self.pulled("--to", self.to, "--include", "*")
        self.assertEqual(self.content_of(folder), self.repo.files)
        self.assertEqual(len(self.hub.requests), 2)
        self.assertEqual(self.content_of(self.pulled("--include", "*")[0]), self.repo.files)

    def test_another_file_is_not_replaced_unless_forced(self):
        self.to.mkdir()
        for content in [b'{"dim": 99}', b"mine"]:  # of the same size, and not
            (self.to / "config.json").write_bytes(content)
            self.assert_fails(self.pull("--to", self.to), 1, self.to / "config.json", "--force")
            self.assertEqual(self.content_of(self.to), {"config.json": content})
        self.pulled("--to", self.to, "--force")
        self.assert_whole(self.to)

    def test_resumes(self):
        self.hub.faults = [cut_after("model.safetensors", 100_000, WEIGHTS)]
        self.assertEqual(self.pull("--to", self.to, "--retries", 0).returncode, 1)
        self.assertFalse((self.to / "model.safetensors").exists())
        self.hub.faults = []
        self.pulled("--to", self.to)
        self.assert_whole(self.to)
        self.assertEqual({p.name for p in self.to.iterdir()}, NEEDED)
        self.assertEqual(self.ranges("model.safetensors"), [None, "bytes=100000-299999"])

    def test_two_pulls_at_once_fetch_once(self):
        self.assertIn("'model.safetensors': waiting for another process", self.two_pulls("--to", self.to))
        self.assertEqual(self.ranges("model.safetensors"), [None])
        self.assert_whole(self.to)
        self.assertEqual({p.name for p in self.to.iterdir()}, NEEDED)

    def test_no_file_among_the_partial_ones(self):
        name = f".incomplete/{self.repo.etag('model.safetensors')}"
        self.repo.files[name] = b"small"
        self.assert_fails(self.pull("--to", self.to, "--include", "*"), 1, f"owner/name: file '{name}'", "--exclude")
        self.assertFalse(self.to.exists())
        self.pulled("--to", self.to, "--include", "*", "--exclude", ".incomplete/*")
        self.assertEqual((self.pulled("--include", "*")[0] / name).read_bytes(), b"small")

    def test_a_folder_that_cannot_be(self):
        self.to.write_text("a file")
        self.assert_fails(self.pull("--quiet", "--to", self.to), 1, self.to)


class ProgressTest(PullTestCase):
    def test_a_terminal_shows_bytes_rate_and_time_left(self):
        pieces = [WEIGHTS[i:i + 30_000] for i in range(0, len(WEIGHTS), 30_000)]
        self.hub.faults = [slowly("model.safetensors", pieces, 0.15, len(WEIGHTS))]
        pid, fd = pty.fork()
        if pid == 0:
            os.execve(TRAMONTANE, [TRAMONTANE, "pull", "owner/name"], self.environment())
        seen = b""
        try:
            while data := os.read(fd, 65536):
                seen += data
        except OSError:
            pass
        self.assertEqual(os.waitpid(pid, 0)[1], 0)
        os.close(fd)
        bars = [bar for bar in seen.decode().split("\r") if bar.startswith("Pulling [")]
        self.assertRegex(bars[-1], r"^Pulling \[#+ *\] [\d.]+ kB of 300 kB, [\d.]+ [kM]B/s, \d+ s left")
        self.assertLessEqual(len(bars), 25)  # about ten a second

    def test_quiet(self):
        result = self.pull("--quiet")
        self.assertEqual((result.stdout.decode(), result.stderr), (f"{self.snapshot}\n", b""))


class ModelPathTest(PullTestCase):
    def setUp(self):
        super().setUp()
        files = {p.name: p.read_bytes() for p in pathlib.Path(STORIES).iterdir() if p.is_file()}
        self.hub.repos["tell/stories"] = Repo(files, large=[name for name in files if name.endswith((".npz", ".safetensors"))])

    def generate(self, name, **options):
        return self.tramontane("generate", "--model-path", name, "--prompt", "Once upon a time", "-m", 8, **options)

    def test_commands_find_what_was_pulled(self):
        expected = self.generate(STORIES).stdout
        self.assert_fails(self.generate("tell/stories"), 1, "tell/stories: no such folder", "tramontane pull tell/stories")
        self.assertEqual(self.hub.requests, [])
        self.assertEqual(self.tramontane("pull", "tell/stories").returncode, 0)
        asked = len(self.hub.requests)
        for name in ["tell/stories", "tell/stories@main", f"tell/stories@{COMMIT}"]:
            result = self.generate(name)
            self.assertEqual((result.returncode, result.stdout), (0, expected), result.stderr)
        self.assertEqual(self.tramontane("inspect", "tell/stories").returncode, 0)
        text = self.folder / "text"
        text.write_text("Once upon a time there was a little girl.")
        result = self.tramontane("perplexity", "--model-path", "tell/stories", "--reference", "tell/stories", "-f", text, "--ctx", 32)
        self.assertEqual(result.returncode, 0, result.stderr)
        result = self.tramontane("bench", "--model-path", "tell/stories", "--prompt", 4, "--decode", 1, "--repeat", 1, "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(len(self.hub.requests), asked)

    def test_a_folder_comes_first(self):
        self.assertEqual(self.tramontane("pull", "tell/stories").returncode, 0)
        (self.folder / "tell" / "stories").mkdir(parents=True)
        self.assert_fails(self.generate("tell/stories", cwd=self.folder), 1, "tell/stories")

    def test_other_revisions_and_damaged_references(self):
        self.assertEqual(self.tramontane("pull", "tell/stories").returncode, 0)
        self.assert_fails(self.generate("tell/stories@v2"), 1, "tramontane pull tell/stories@v2")
        (self.cache / "models--tell--stories" / "refs" / "main").write_text("../../../..")
        self.assert_fails(self.generate("tell/stories"), 1, "refs/main", "expected a commit")
