/** SVG as text: elements, escaping, numbers, and how wide a text will be. Runs in Node and in the report's page. */

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
/** What XML 1.0 can't hold even escaped: control characters, halves of surrogate pairs, two noncharacters. */
const UNSPEAKABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** Text for XML and HTML, in elements and in quoted attributes. */
export function escapeXml(text: string): string {
  return text.replace(UNSPEAKABLE, "\ufffd").replace(/[&<>"']/g, (character) => ENTITIES[character]);
}

export type Attributes = Record<string, string | number | undefined>;

/** Two decimals of a pixel are enough. */
export const pixels = (value: number): string => String(Math.round(value * 100) / 100);

/** An element; attributes are escaped, undefined ones left out; children are markup already. */
export function element(name: string, attributes: Attributes, ...children: string[]): string {
  let open = name;
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined) open += ` ${key}="${typeof value === "number" ? pixels(value) : escapeXml(value)}"`;
  }
  return children.length > 0 ? `<${open}>${children.join("")}</${name}>` : `<${open}/>`;
}

/** Estimated width of a text in pixels: a sans-serif's mean advance, measured over Helvetica, DejaVu and Segoe. */
export function textWidth(text: string, size: number): number {
  return [...text].length * size * 0.53;
}

/** A text's lines when none may be wider than `width`, broken at blanks; a word that is wider itself is cut in its middle. */
export function wrapText(text: string, width: number, size: number): string[] {
  const lines: string[] = [];
  const most = Math.max(8, Math.floor(width / (size * 0.53)));
  for (const word of text.split(" ")) {
    const characters = [...word];
    const half = Math.floor((most - 1) / 2);
    const shown = characters.length > most ? `${characters.slice(0, half).join("")}…${characters.slice(-half).join("")}` : word;
    const last = lines.at(-1);
    if (last !== undefined && textWidth(`${last} ${shown}`, size) <= width) lines[lines.length - 1] = `${last} ${shown}`;
    else lines.push(shown);
  }
  return lines;
}

/** A text that is no wider than `width`: the front of a longer one is left out, as names of layers differ behind. */
export function fittedEnd(text: string, width: number, size: number): string {
  const characters = [...text];
  const most = Math.max(4, Math.floor(width / (size * 0.53)));
  return characters.length > most ? `…${characters.slice(1 - most).join("")}` : text;
}

const MINUS = "\u2212";

/** Fixed decimals with a true minus sign. */
export function fixed(value: number, decimals: number): string {
  const text = Math.abs(value).toFixed(decimals);
  return value < 0 && Number(text) !== 0 ? MINUS + text : text;
}

/** A few significant digits, no needless zeros: 0.0123, −1.5, 2.1e−7. */
export function significant(value: number, digits = 4): string {
  return String(Number(value.toPrecision(digits))).replaceAll("-", MINUS);
}

/** 97.3 % */
export const percent = (fraction: number): string => `${fixed(100 * fraction, 1)}\u202f%`;
