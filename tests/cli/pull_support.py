"""What the tests of `tramontane pull` share: a model on a hub on this machine."""
import os
import pathlib
import random
import subprocess
import threading
import time

from hub_server import COMMIT, Hub, Repo, held, once
from support import TRAMONTANE, CommandTest

WEIGHTS = random.Random(1).randbytes(300_000)
FILES = {
    "config.json": b'{"dim": 64}',
    "tokenizer.model": b"pieces" * 50,
    "model.safetensors": WEIGHTS,
    "README.md": b"# a card",
    "LICENSE": b"do as you like",
    "pytorch_model.bin": b"not wanted",
    "original/consolidated.00.pth": b"not wanted either",
}
NEEDED = {"config.json", "tokenizer.model", "model.safetensors", "LICENSE"}


class PullTestCase(CommandTest):
    def setUp(self):
        super().setUp()
        self.repo = Repo(FILES, large=["model.safetensors", "model-big.safetensors", "pytorch_model.bin"])
        self.hub = Hub({"owner/name": self.repo})
        self.addCleanup(self.hub.close)
        self.home = self.folder / "home"
        self.cache = self.home / "hub"
        self.blobs = self.cache / "models--owner--name" / "blobs"
        self.snapshot = self.cache / "models--owner--name" / "snapshots" / COMMIT

    def environment(self, **variables):
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGING", "XDG_")) and not k.lower().endswith("_proxy")}
        return kept | {"HF_ENDPOINT": self.hub.url, "HF_HOME": str(self.home), "NO_PROXY": "*"} | variables

    def tramontane(self, *args, environment=(), **options):
        return subprocess.run([TRAMONTANE, *map(str, args)], capture_output=True, timeout=60,
                              env=self.environment(**dict(environment)), **options)

    def pull(self, *args, **options):
        return self.tramontane("pull", "owner/name", *args, **options)

    def pulled(self, *args, **options):
        """A pull that goes well: (folder, stderr)."""
        result = self.pull(*args, **options)
        self.assertEqual(result.returncode, 0, result.stderr)
        return pathlib.Path(result.stdout.decode().removesuffix("\n")), result.stderr.decode()

    def two_pulls(self, *args):
        """Runs two at once; the weights come when one of them waits for the other. What both say, when all went well."""
        come = threading.Event()
        self.addCleanup(come.set)
        self.hub.faults = [once(held("model.safetensors", WEIGHTS[:1000], come, WEIGHTS[1000:], len(WEIGHTS)))]
        environment = self.environment(HF_HUB_DOWNLOAD_TIMEOUT="60")
        path = self.folder / "stderr"
        with open(path, "ab") as stderr:
            both = [subprocess.Popen([TRAMONTANE, "pull", "owner/name", *map(str, args)], env=environment, stdout=subprocess.DEVNULL,
                                     stderr=stderr) for _ in range(2)]
        while b"waiting for another process" not in path.read_bytes() and all(process.poll() is None for process in both):
            time.sleep(0.01)
        come.set()
        codes = [process.wait(60) for process in both]
        said = path.read_text()
        path.unlink()
        self.assertEqual(codes, [0, 0], said)
        return said

    def content_of(self, folder):
        return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}

    def assert_whole(self, folder):
        self.assertEqual(self.content_of(folder), {name: FILES[name] for name in NEEDED})

    def ranges(self, text):
        return [request[2] for request in self.hub.asked(text, "cdn")]
