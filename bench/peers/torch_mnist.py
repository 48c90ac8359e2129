"""What test accuracy PyTorch reaches with the settings of `wgpu-inferlink train`: torchvision's ResNet-18 for one channel, MNIST's raw
files, Adam 1e-3, batches of 100 in a new order each epoch. One line an epoch.

    python bench/peers/torch_mnist.py FOLDER [--epochs 2] [--seeds 0 1 2]
"""
import argparse
import pathlib

import torch
from torch.nn import functional as F
from torchvision import models

BATCH = 100


def read(folder, split):
    images, labels = [torch.frombuffer(bytearray((folder / f"{split}-{what}-ubyte").read_bytes()), dtype=torch.uint8) for what in ("images-idx3", "labels-idx1")]
    return (images[16:].reshape(-1, 1, 28, 28).float() / 255 - 0.1307) / 0.3081, labels[8:].long()


def network():
    net = models.resnet18(num_classes=10)
    net.conv1 = torch.nn.Conv2d(1, 64, 7, 2, 3, bias=False)
    torch.nn.init.kaiming_normal_(net.conv1.weight, mode="fan_out", nonlinearity="relu")
    return net


def epoch(net, optimizer, x, y):
    net.train()
    for chosen in torch.randperm(len(x)).split(BATCH):
        optimizer.zero_grad()
        F.cross_entropy(net(x[chosen]), y[chosen]).backward()
        optimizer.step()


@torch.no_grad()
def accuracy(net, x, y):
    net.eval()
    return sum(int((net(images).argmax(1) == labels).sum()) for images, labels in zip(x.split(500), y.split(500))) / len(y)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    args = parser.parse_args()
    train, test = read(args.folder, "train"), read(args.folder, "t10k")
    for seed in args.seeds:
        torch.manual_seed(seed)
        net = network()
        optimizer = torch.optim.Adam(net.parameters())
        for number in range(args.epochs):
            epoch(net, optimizer, *train)
            print(f"seed {seed}, epoch {number + 1}: {100 * accuracy(net, *test):.2f} % of the test images", flush=True)


main()
