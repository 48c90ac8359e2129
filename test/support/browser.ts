/** A real browser for tests of pages: Chromium, Chrome or Edge of this machine. */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { chromium, type Browser } from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge", "chrome.exe", "msedge.exe"];
const PLACES = [
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
  ...["PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA"].flatMap((variable) => {
    const folder = process.env[variable];
    return folder ? [join(folder, "Google/Chrome/Application/chrome.exe"), join(folder, "Microsoft/Edge/Application/msedge.exe")] : [];
  }),
];

/** $CHROME_PATH, or one of the usual names on the PATH, or one of the usual places. */
function findBrowser(): string | null {
  if (process.env.CHROME_PATH) return process.env.CHROME_PATH;
  const onPath = (process.env.PATH ?? "").split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name)));
  return [...onPath, ...PLACES].find((path) => existsSync(path)) ?? null;
}

// Neither a sandbox (root in containers has none) nor anything that looks for a network.
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"];

/** @returns the browser, or why there is none; in CI that is an error */
export async function openBrowser(): Promise<Browser | string> {
  const executablePath = findBrowser();
  // The first start on a fresh machine builds font caches.
  if (executablePath) return chromium.launch({ executablePath, args: FLAGS, timeout: 120_000 });
  const reason = "NOT CHECKED: report.html in a browser. There is no Chromium, Chrome or Edge here; install one, or name it by CHROME_PATH";
  if (process.env.CI) throw new Error(reason);
  return reason;
}
