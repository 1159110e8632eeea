"""Compile the terminals' interface (src/openleo/dish/proto/**/*.proto) to the descriptors that ship."""

import subprocess
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent / "src" / "openleo" / "dish" / "proto"
TARGET = ROOT / "descriptors.bin"


def compiled() -> bytes:
    """Return the serialised FileDescriptorSet of every .proto there, imports first."""
    names = sorted(str(path.relative_to(ROOT)) for path in ROOT.rglob("*.proto"))
    google = str(files("grpc_tools") / "_proto")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.bin"
        given = [f"-I{ROOT}", f"-I{google}", "--include_imports", f"--descriptor_set_out={out}"]
        # A process of its own: the compiler brings a protobuf of its own, which need not bear ours.
        if subprocess.run(
            [sys.executable, "-m", "grpc_tools.protoc", *given, *names], check=False
        ).returncode:
            raise SystemExit("error: the .proto files do not compile\nhint: see the lines above")
        return out.read_bytes()


if __name__ == "__main__":
    TARGET.write_bytes(compiled())
    print(f"wrote {TARGET.name}")
