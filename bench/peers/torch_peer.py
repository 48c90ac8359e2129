"""PyTorch as a peer of the benchmark: the notebooks' loop, or the same tuned as well as PyTorch allows.

    python torch_peer.py notebook|tuned [--device cpu|cuda] [--tf32]

notebook: batches of 100, every parameter asks for its gradient, batch norm in training mode, as the notebooks run it.
tuned: weights frozen, eval(), channels_last; the benchmark looks for the best batch.
"""
import argparse
import platform
import time

import protocol

try:
    import torch
    from torch import nn
    from torch.nn import functional as F
except ImportError:
    torch = None

EPSILON = 0.38
NOTEBOOK_BATCH = 100


def resnet18(channels, classes, width):
    """torchvision's ResNet-18 with its module names."""

    class Block(nn.Module):
        def __init__(self, inputs, outputs, stride):
            super().__init__()
            self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
            self.bn1 = nn.BatchNorm2d(outputs)
            self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
            self.bn2 = nn.BatchNorm2d(outputs)
            projected = stride > 1
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)) if projected else nn.Identity()

        def forward(self, x):
            inner = F.relu(self.bn1(self.conv1(x)), inplace=True)
            return F.relu(self.bn2(self.conv2(inner)) + self.downsample(x), inplace=True)

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(channels, width, 7, 2, padding=3, bias=False)
            self.bn1 = nn.BatchNorm2d(width)
            for stage in range(4):
                outputs = width << stage
                first = Block(outputs // 2, outputs, 2) if stage else Block(width, width, 1)
                self.add_module(f"layer{stage + 1}", nn.Sequential(first, Block(outputs, outputs, 1)))
            self.fc = nn.Linear(8 * width, classes)

        def forward(self, x):
            x = F.max_pool2d(F.relu(self.bn1(self.conv1(x)), inplace=True), 3, 2, padding=1)
            for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
                x = stage(x)
            return self.fc(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))

    return Network()


class Peer:
    def __init__(self, mode, device, tf32):
        self.notebook, self.device, self.tf32 = mode == "notebook", device, tf32
        self.works = {"unit": self.unit} if self.notebook else {"forward": self.forward, "gradient": self.gradient, "unit": self.unit}

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
        net = resnet18(case["input"]["channels"], case["classes"], case["width"])
        net.load_state_dict({name: torch.tensor(array) for name, array in protocol.read_safetensors(files["weights"]).items()}, strict=False)
        self.images, self.work = protocol.Images(files["images"]), self.works[case["work"]]
        self.batches = {}
        net.to(self.device).eval()
        if not self.notebook:
            net.requires_grad_(False).to(memory_format=torch.channels_last)
        self.net = net
        with torch.no_grad():
            logits = net(self.batch(protocol.CHECKED)[0].to(self.device)).flatten().tolist()
        net.train(self.notebook)
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
