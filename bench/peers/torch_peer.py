"""PyTorch as a peer of the benchmark: the notebooks' loop, or the same tuned as well as PyTorch allows.

    python torch_peer.py notebook|tuned [--device cpu|cuda] [--tf32]

notebook: batches of 100, every parameter asks for its gradient, batch norm in training mode, as the notebooks run it.
tuned: weights frozen, eval(), channels_last; the benchmark looks for the best batch.
A training's step is Adam's in both, batch norm in training mode; tuned: channels_last, the optimizer fused, the case's batch.
"""
import argparse
import platform
import time

import protocol

try:
    import torch
    from torch.nn import functional as F
    from torch_networks import build
except ImportError:
    torch = None

EPSILON = 0.38
NOTEBOOK_BATCH = 100


class Peer:
    def __init__(self, mode, device, tf32):
        self.notebook, self.device, self.tf32 = mode == "notebook", device, tf32
        self.works = {"unit": self.unit} if self.notebook else {"forward": self.forward, "gradient": self.gradient, "unit": self.unit}
        self.works["train"] = self.train

    def hello(self):
        if torch is None:
            return {"missing": "this Python has no torch"}
        if self.device == "cuda" and not torch.cuda.is_available():
            return {"unable": "PyTorch sees no CUDA device"}
        cpu = f"CPU, {torch.get_num_threads()} threads"
        name = torch.cuda.get_device_name() if self.device == "cuda" else cpu
        batch = {"batch": NOTEBOOK_BATCH} if self.notebook else {}
        return {"name": "PyTorch", "version": f"{torch.__version__}, Python {platform.python_version()}", "device": name, "works": list(self.works), **batch}

    def prepare(self, case, files):
        if self.device == "cuda" and not self.notebook:
            torch.backends.cudnn.benchmark = True
            torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = self.tf32
        weights = protocol.read_safetensors(files["weights"])
        net = build(case, weights)
        missing, unexpected = net.load_state_dict({name: torch.tensor(array) for name, array in weights.items()}, strict=False)
        if unexpected or any(not name.endswith("num_batches_tracked") for name in missing):
            raise RuntimeError(f"has not the same tensors: {[*unexpected, *missing][0]}")
        self.images, self.work = protocol.Images(files["images"]), self.works[case["work"]]
        self.batches = {}
        net.to(self.device).eval()
        trains = case["work"] == "train"
        if not self.notebook:
            net.requires_grad_(trains).to(memory_format=torch.channels_last)
        self.net = net
        self.optimizer = torch.optim.Adam(net.parameters(), fused=not self.notebook) if trains else None
        with torch.no_grad():
            logits = net(self.batch(protocol.CHECKED)[0].to(self.device)).flatten().tolist()
        net.train(self.notebook or trains)
        return {"slices": 1, "logits": logits}

    def batch(self, n):
        """Images and labels in the host's memory."""
        if n not in self.batches:
            images, labels = (torch.from_numpy(array) for array in self.images.take(n))
            self.batches[n] = (images if self.notebook else images.contiguous(memory_format=torch.channels_last), labels)
        return self.batches[n]

    def forward(self, x, y):
        with torch.inference_mode():
            return F.cross_entropy(self.net(x), y)

    def gradient(self, x, y):
        x.requires_grad_(True)
        loss = F.cross_entropy(self.net(x), y)
        if self.notebook:
            self.net.zero_grad()
        loss.backward()
        return loss.detach()

    def train(self, x, y):
        self.optimizer.zero_grad()
        loss = F.cross_entropy(self.net(x), y)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def unit(self, x, y):
        loss = self.gradient(x, y)
        with torch.no_grad():
            return loss + F.cross_entropy(self.net(x + EPSILON * x.grad.sign()), y)

    def warm(self, batch):
        self.run(batch, 2)

    def run(self, batch, batches):
        images, labels = self.batch(batch)
        losses = []
        start = time.perf_counter()
        for _ in range(batches):
            x, y = images.to(self.device, copy=True), labels.to(self.device)
            losses.append(self.work(x, y))
            if self.notebook:
                losses[-1].item()
        torch.stack(losses).tolist()  # waits for the device
        return batch * batches, time.perf_counter() - start


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=["notebook", "tuned"])
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--tf32", action="store_true", help="let CUDA round products to 10 bits of mantissa")
    options = parser.parse_args()
    protocol.serve(Peer(options.mode, options.device, options.tf32))
