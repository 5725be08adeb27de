#!/usr/bin/env python3
"""The hub's cache, shared with the huggingface_hub library: what `tramontane pull` wrote it finds whole, offline and without
fetching anything again, and the other way round. The hub is tests/cli/hub_server.py.

    python tests/oracle/hub_cache.py --build build/release
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "cli"))
from hub_server import COMMIT, Hub, Repo  # noqa: E402

FILES = {"config.json": b"{}", "a/b": b"deep", "model.safetensors": b"w" * 1000, "tokenizer.model": b"t", "again": b"t"}
# In a process of its own: the library reads its variables when it is imported.
LIBRARY = """
import json, sys
import huggingface_hub as hub
offline = sys.argv[1] == "offline"
folder = hub.snapshot_download("owner/name", local_files_only=offline)
scan = hub.scan_cache_dir()
print(json.dumps({"folder": folder, "version": hub.__version__, "warnings": [str(w) for w in scan.warnings],
                  "repos": [[r.repo_id, r.nb_files, r.size_on_disk, [[v.commit_hash, sorted(v.refs)] for v in r.revisions]]
                            for r in scan.repos]}))
"""


def links(home: Path) -> dict:
    """What the snapshot's files are links to, and which blobs and references there are."""
    repo = home / "hub" / "models--owner--name"
    return {str(p.relative_to(repo)): os.readlink(p) if p.is_symlink() else p.read_bytes()
            for part in ("blobs", "refs", "snapshots") for p in (repo / part).rglob("*") if not p.is_dir()}


class Check:
    def __init__(self, build: Path, hub: Hub, home: Path):
        self.build, self.hub, self.home = build, hub, home
        self.environment = {**os.environ, "HF_ENDPOINT": hub.url, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1",
                            "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "NO_PROXY": "*"}

    def run(self, *command: str) -> str:
        return subprocess.run(command, env=self.environment, stdout=subprocess.PIPE, text=True, timeout=120, check=True).stdout

    def library(self, mode: str) -> dict:
        answer = json.loads(self.run(sys.executable, "-c", LIBRARY, mode))
        contents = set(FILES.values())  # two files share one
        expected = [["owner/name", len(contents), sum(map(len, contents)), [[COMMIT, ["main"]]]]]
        assert answer["repos"] == expected and not answer["warnings"], answer
        assert Path(answer["folder"]) == self.home / "hub" / "models--owner--name" / "snapshots" / COMMIT, answer
        return answer

    def pull(self) -> None:
        self.run(str(self.build / "tramontane"), "pull", "owner/name", "--include", "*", "--quiet")

    def fetched(self) -> int:
        return len(self.hub.asked("/resolve/"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, required=True, help="where tramontane is")
    build = parser.parse_args().build.resolve()
    hub = Hub({"owner/name": Repo(FILES, large=["model.safetensors"])})
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = (Check(build, hub, Path(folder) / name) for name in ("ours", "theirs"))
        ours.pull()
        written = links(ours.home)
        once = ours.fetched()
        ours.library("offline")
        version = ours.library("online")["version"]
        assert ours.fetched() == once, "the library fetched again what pull had fetched"
        assert links(ours.home) == written, "the library changed what pull had written"

        theirs.library("online")
        once = theirs.fetched()
        theirs.pull()
        assert theirs.fetched() == once, "pull fetched again what the library had fetched"
        assert links(theirs.home) == written, "pull and the library write different caches"
    print(f"huggingface_hub {version}: {len(written)} files of the cache are the same")
    return 0


if __name__ == "__main__":
    sys.exit(main())
