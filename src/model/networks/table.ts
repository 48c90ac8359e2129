/** Every family of networks that is recognised. A new one is a file beside this and a row here. */
import { parametersOf } from "../graph.js";
import { DENSENET } from "./densenet.js";
import type { Family, Member } from "./family.js";
import { MOBILENET_V2 } from "./mobilenet_v2.js";
import { RESNET } from "./resnet.js";
import { SHUFFLENET_V2 } from "./shufflenet_v2.js";
import { SQUEEZENET } from "./squeezenet.js";
import { VGG } from "./vgg.js";

export const FAMILIES: Family[] = [RESNET, SQUEEZENET, SHUFFLENET_V2, VGG, MOBILENET_V2, DENSENET];

/** Networks by torchvision's names. */
export const MEMBERS: ReadonlyMap<string, Member> = new Map(FAMILIES.flatMap(({ members }) => members).map((member) => [member.name, member]));

/** ResNet50, resnet-50 and resnet_50 are one name. */
const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, "");

/** @returns torchvision's name of the network that is called so, by its name or else by its title; null where none is */
export function memberNamed(network: string): string | null {
  const members = [...MEMBERS.values()];
  return (members.find(({ name }) => plain(name) === plain(network)) ?? members.find(({ title }) => plain(title) === plain(network)))?.name ?? null;
}

/** @returns what a network is called: as given, in results, by torchvision; just as given where none is of this name */
export function namesOf(network: string): string[] {
  const found = [...MEMBERS.values()].filter(({ name, title }) => [name, title].some((known) => plain(known) === plain(network)));
  return [...new Set([network, ...found.flatMap(({ title, name }) => [title, name])])];
}

/** The modules with weights at the top of each network, in the order of its module tree: conv1, bn1, layer1, … */
export function topModules(): string[][] {
  const lists = [...MEMBERS.values()].map(({ width, graph }) => [...new Set(parametersOf(graph({ width, channels: 3, classes: 10 })).map(({ tensor }) => tensor.split(".")[0]))]);
  return [...new Map(lists.map((list) => [list.join(), list])).values()];
}
