/**
 * Colours, dashes and markers. Colours are those of Okabe and Ito (Color Universal Design, 2008), lightened for dark pages;
 * no two lines differ by colour alone. A figure carries the light colours as attributes, which every renderer knows, and
 * the dark ones in a style sheet, which browsers follow.
 */

/** Light and dark. */
const COLOURS: Record<string, [string, string]> = {
  paper: ["#ffffff", "#15191e"],
  ink: ["#1c2127", "#e6e9ec"],
  muted: ["#59626c", "#a3acb5"],
  grid: ["#e4e7eb", "#2b323a"],
  zero: ["#8d96a0", "#717b86"],
  clean: ["#0072b2", "#56b4e9"],
  density: ["#6b747e", "#98a2ac"],
  difference: ["#00795a", "#2cc295"],
  // The attack's strength, weak to strong.
  attack0: ["#c98500", "#f0c04a"],
  attack1: ["#d55e00", "#f58a4b"],
  attack2: ["#b8323a", "#f47174"],
  attack3: ["#8a1f62", "#e37fc0"],
  attack4: ["#4b1466", "#bda2f2"],
};

/** `fill` in a theme's colour. */
export const fill = (colour: string): { class: string; fill: string } => ({ class: `f-${colour}`, fill: COLOURS[colour][0] });
/** `stroke` in a theme's colour, without fill. */
export const stroke = (colour: string): { class: string; stroke: string; fill: "none" } => ({ class: `s-${colour}`, stroke: COLOURS[colour][0], fill: "none" });

/** Style sheet that turns figures dark where the reader's system is. */
export function darkStyle(): string {
  const rules = Object.entries(COLOURS).map(([name, [, dark]]) => `.f-${name}{fill:${dark}}.s-${name}{stroke:${dark}}`);
  return `@media (prefers-color-scheme:dark){${rules.join("")}}`;
}

export type Marker = "circle" | "triangle" | "square" | "diamond" | "cross" | "bar" | "none";

/** How a line looks. */
export interface LineStyle {
  colour: string;
  dash?: string;
  marker: Marker;
  width?: number;
}

export const CLEAN: LineStyle = { colour: "clean", marker: "circle" };
export const DENSITY: LineStyle = { colour: "density", dash: "2 3", marker: "none" };
export const DIFFERENCE: LineStyle = { colour: "difference", dash: "1 3 5 3", marker: "diamond" };

const ATTACK_MARKERS: Marker[] = ["triangle", "square", "diamond", "cross", "bar"];
const ATTACK_DASHES = ["6 3", "5 2 1 2", "8 3", "3 2", "10 2 2 2"];
/** So many attacks are told apart in one figure. */
export const ATTACKS = ATTACK_MARKERS.length;

/** The look of attack `index` of `count` in order of strength; the only one takes vermillion. */
export function attackStyle(index: number, count: number): LineStyle {
  const place = count === 1 ? 1 : Math.round((index * (ATTACKS - 1)) / (count - 1));
  return { colour: `attack${place}`, dash: ATTACK_DASHES[index % ATTACKS], marker: ATTACK_MARKERS[index % ATTACKS] };
}

// Colour maps by their anchors, from their low end to their high end; between them colours are mixed in sRGB.
/** Dark indigo through teal to pale green, ever brighter, so that every kind of colour vision reads the same order. */
export const SEQUENTIAL = ["#1b0f2a", "#33265a", "#3f4788", "#38699e", "#3489a6", "#3ba8ac", "#66c5ad", "#a5ddba", "#def3e3"];
/** Blue through a near white to orange and brown: safe for red-green colour blindness. */
export const DIVERGING = ["#08306b", "#1d6cb1", "#6aaed6", "#b9d8ea", "#f3f3f0", "#fbd9a0", "#f0a04b", "#cc5a17", "#6d2303"];

/** Colour of a fraction 0..1 of a map. */
export function mapColour(map: string[], fraction: number): string {
  const at = Math.min(1, Math.max(0, fraction)) * (map.length - 1);
  const low = Math.min(map.length - 2, Math.floor(at));
  const channel = (hex: string, i: number): number => parseInt(hex.slice(1 + 2 * i, 3 + 2 * i), 16);
  const mixed = [0, 1, 2].map((i) => Math.round(channel(map[low], i) + (at - low) * (channel(map[low + 1], i) - channel(map[low], i))));
  return `#${mixed.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}
