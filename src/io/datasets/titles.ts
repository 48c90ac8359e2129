/** What a dataset's folder in a tree of networks is called. */
import type { DatasetName } from "../types.js";

/** Where it isn't the dataset's own name: the notebooks' (github.com/SynapFilter/InferLink), and capitals as they are usual. */
const TITLES: ReadonlyMap<string, string> = new Map<DatasetName, string>([
  ["mnist", "MNIST"], ["cifar10", "CIFAR10"], ["tiny-imagenet", "ImageNet"],
  ["fashion-mnist", "FashionMNIST"], ["kmnist", "KMNIST"], ["qmnist", "QMNIST"], ["cifar100", "CIFAR100"],
]);

export const datasetTitle = (name: string): string => TITLES.get(name) ?? name;
