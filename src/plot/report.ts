/** report.html: one file with the data, the script that draws it and its style; opens from disk and asks nothing of a network. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { bundle } from "./bundle.js";
import type { PlotData } from "./data.js";
import { escapeXml } from "./svg.js";
import { darkStyle } from "./theme.js";

/** report.html, report.css and report.js beside the sources, as editors like to have them. */
const FOLDER = new URL("../../../report/", import.meta.url);

const asset = (name: string): string => readFileSync(new URL(name, FOLDER), "utf8").replace(/\r\n/g, "\n");
const hashSource = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** JSON that can't end the script element it stands in. */
const embedded = (data: unknown): string => JSON.stringify(data).replaceAll("<", "\\u003c");

/**
 * The page's text. Only the page's own script and style may run: their hashes are in its content security policy.
 * @param version of this package, for the page's foot
 */
export function reportPage(data: PlotData, version: string): string {
  const style = `${asset("report.css")}\n${darkStyle()}\n`;
  const script = bundle(new URL("report.js", FOLDER));
  if (/<\/(script|style)|<!--/i.test(script + style)) throw new Error("the report's script or style holds a tag that would end it");
  const policy = `default-src 'none'; script-src ${hashSource(script)}; style-src ${hashSource(style)}; base-uri 'none'; form-action 'none'`;
  const title = `Synaptic filtering: ${data.runs.map((run) => run.name).join(", ")}`;
  const parts: Record<string, string> = { policy, title: escapeXml(title), version: escapeXml(version), style, script, data: embedded(data) };
  // In one pass, so that nothing inserted is taken for a place to insert.
  return asset("report.html").replace(/\{\{(\w+)\}\}/g, (_, name: string) => parts[name]);
}
