/** The code blocks of a page of documentation. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PACKAGE_ROOT } from "../../src/package.js";

export interface Snippet {
  /** What stands behind the opening fence: python, sh, r. */
  language: string;
  /** Line of the page at which the code begins, from 1. */
  line: number;
  code: string;
}

/** Every fenced block of the page, in order. */
export function snippetsOf(page: string): Snippet[] {
  const text = readFileSync(join(PACKAGE_ROOT, page), "utf8");
  return [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(({ 1: language, 2: code, index }) => ({ language, line: text.slice(0, index).split("\n").length + 1, code }));
}
