"""The benchmark's networks in PyTorch: torchvision's own modules at the case's widths; ResNet-18 without torchvision, too."""
from torch import nn
from torch.nn import functional as F

try:
    from torchvision import models
except ImportError:
    models = None


def build(case, weights):
    """The case's network with its weights, arrays by torchvision's names."""
    name, width = case["network"], case["width"]
    if models is None and name != "resnet18":
        raise RuntimeError(f"this Python has no torchvision, which has {name}")
    return resnet18(case["input"]["channels"], case["classes"], width) if models is None else fitted(module(name, width), weights)


def module(name, width):
    if name == "mobilenet_v2":  # rounds its widths, and adds around a block where they are equal
        return models.mobilenet_v2(width_mult=width / 32)
    if name in ("resnet20", "resnet32", "resnet56"):
        blocks = (int(name[6:]) - 2) // 6
        net = small_stem(models.ResNet(models.resnet.BasicBlock, [blocks, blocks, blocks, 1]))
        net.layer4, net.fc = nn.Identity(), nn.Linear(256, 10)
        return net
    if name == "resnet18_cifar":
        return small_stem(models.resnet18())
    return getattr(models, name)()


def small_stem(net):
    net.conv1, net.maxpool = nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.Identity()
    return net


def fitted(net, weights):
    """Gives each layer the shape that its weights have."""
    for name, m in net.named_modules():
        shape = weights[f"{name}.weight"].shape if f"{name}.weight" in weights else None
        if isinstance(m, nn.Conv2d):
            groups = shape[0] // shape[1] if m.groups > 1 else 1  # grouped convolutions give as many channels as they take
            m.__init__(shape[1] * groups, shape[0], m.kernel_size, m.stride, m.padding, groups=groups, bias=m.bias is not None)
        elif isinstance(m, nn.BatchNorm2d):
            m.__init__(shape[0])
        elif isinstance(m, nn.Linear):
            m.__init__(shape[1], shape[0])
    return net


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
            return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))

    return Network()
