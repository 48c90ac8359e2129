"""tinygrad on its WebGPU backend as a peer of the benchmark; its forward pass alone is compared.

Needs the packages tinygrad and dawn-python, which brings the Dawn library.
"""
import importlib.util
import os
import platform
import sys
import time
from pathlib import Path

import protocol


def find_dawn():
    """Where dawn-python keeps the library, or None."""
    package = importlib.util.find_spec("pydawn")
    ending = {"linux": "_x86_64.so" if platform.machine() == "x86_64" else "_aarch64.so", "darwin": f"_{platform.machine()}.dylib", "win32": ".dll"}.get(sys.platform)
    library = Path(package.origin).parent / "lib" / f"libwebgpu_dawn{ending}" if package and ending else None
    return str(library) if library and library.is_file() else None


class Peer:
    def hello(self):
        if importlib.util.find_spec("tinygrad") is None:
            return {"missing": "this Python has no tinygrad"}
        dawn = os.environ.get("WEBGPU_PATH") or find_dawn()
        if dawn is None:
            return {"missing": "this Python has no dawn-python, whose Dawn library tinygrad needs"}
        os.environ.update(WEBGPU_PATH=dawn, DEV="WEBGPU", WEBGPU="1")
        from importlib.metadata import version

        from tinygrad import Device

        Device["WEBGPU"]
        return {"name": "tinygrad WEBGPU", "version": f"{version('tinygrad')}, Python {platform.python_version()}", "device": None, "works": ["forward"]}

    def prepare(self, case, files):
        from tinygrad import Tensor

        if case["network"] != "resnet18":
            raise ValueError("knows resnet18 only")
        self.weights = {name: Tensor(array, device="WEBGPU").realize() for name, array in protocol.read_safetensors(files["weights"]).items()}
        self.images = protocol.Images(files["images"])
        self.compiled = {}
        return {"slices": 1, "logits": self.network(Tensor(self.images.take(protocol.CHECKED)[0], device="WEBGPU")).flatten().tolist()}

    def conv(self, name, norm, x, stride, pad):
        w = self.weights
        mean, variance, scale, shift = (w[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
        return x.conv2d(w[f"{name}.weight"], stride=stride, padding=pad).batchnorm(scale, shift, mean, (variance + 1e-5).rsqrt())

    def block(self, name, x):
        stride = 2 if f"{name}.downsample.0.weight" in self.weights else 1
        shortcut = self.conv(f"{name}.downsample.0", f"{name}.downsample.1", x, stride, 0) if stride == 2 else x
        inner = self.conv(f"{name}.conv1", f"{name}.bn1", x, stride, 1).relu()
        return (self.conv(f"{name}.conv2", f"{name}.bn2", inner, 1, 1) + shortcut).relu()

    def network(self, x):
        x = self.conv("conv1", "bn1", x, 2, 3).relu().max_pool2d(3, 2, padding=1)
        for stage in range(1, 5):
            for block in range(2):
                x = self.block(f"layer{stage}.{block}", x)
        return x.mean((2, 3)).linear(self.weights["fc.weight"].T, self.weights["fc.bias"])

    def forward(self, batch):
        from tinygrad import TinyJit

        if batch not in self.compiled:
            self.compiled[batch] = TinyJit(lambda x, y: self.network(x).sparse_categorical_crossentropy(y).realize())
        from tinygrad import Tensor

        x, y = self.images.take(batch) if batch != self.last else self.batch
        self.last, self.batch = batch, (x, y)
        return self.compiled[batch](Tensor(x, device="WEBGPU").realize(), Tensor(y.astype("int32"), device="WEBGPU").realize()).item()

    last, batch = 0, None

    def warm(self, batch):
        for _ in range(3):  # TinyJit looks at the first, captures the second and replays from the third on
            self.forward(batch)

    def run(self, batch, batches):
        start = time.perf_counter()
        for _ in range(batches):
            self.forward(batch)
        return batch * batches, time.perf_counter() - start


if __name__ == "__main__":
    protocol.serve(Peer())
