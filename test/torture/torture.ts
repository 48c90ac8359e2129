/** Runs that are killed at any moment, and many at once in one folder: what is left has to be the result of a run in peace. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, watch } from "node:fs";
import { join } from "node:path";
import { start, type Ended, type Started } from "../support/cliProcess.js";

/** A sweep of seconds: what is evaluated matters less than how often it can be killed. */
export const SWEEP = ["run", "--limit", "16", "--thresholds", "3", "--layers", "conv1,layer2.0.conv1,layer4.1.conv2,fc", "--epsilon", "0.2,0.38", "--quiet", "--no-report"];
const RESULT = "results.arrow";
/** What a finished run leaves, and nothing else. */
const LEFT = ["manifest.json", RESULT];
/** Made and not yet written by a process that died over it: whoever works here later takes it away, once it is seconds old. */
const UNBORN_LOCK = /^run\.lock\..*\.tmp$/;

export class Torture {
  /** Bytes of the result of a run in peace, and how many changes in the folder and milliseconds that took. */
  #whole = Buffer.alloc(0);
  #changes = 0;
  #duration = 0;

  /** @param random gives numbers from 0 to 1 */
  constructor(private readonly folder: string, private readonly random: () => number) {}

  get duration(): number {
    return this.#duration;
  }

  #start(out: string): Started {
    return start([...SWEEP, "--out", out], { cwd: this.folder });
  }

  /** Calls `visit` with the number of each change of what lies in the run's folder. */
  #watch(out: string, visit: (change: number, name: string) => void): () => void {
    mkdirSync(join(this.folder, out), { recursive: true });
    let changes = 0;
    const watcher = watch(join(this.folder, out), (_, name) => visit(++changes, name ?? ""));
    return () => watcher.close();
  }

  async reference(): Promise<void> {
    const end = this.#watch("whole", (change) => (this.#changes = change));
    const began = performance.now();
    this.#expect(await this.#start("whole").ended, [0]);
    this.#duration = performance.now() - began;
    end();
    this.#whole = readFileSync(join(this.folder, "whole", RESULT));
  }

  #expect({ code, stderr }: Ended, codes: (number | null)[]): void {
    if (!codes.includes(code)) throw new Error(`ended with ${code} instead of ${codes.join(" or ")}: ${stderr}`);
  }

  /** What a finished folder must be. */
  check(out: string): void {
    const path = join(this.folder, out);
    const left = readdirSync(path).filter((name) => !(UNBORN_LOCK.test(name) && readFileSync(join(path, name)).length === 0)).sort();
    if (left.join() !== LEFT.join()) throw new Error(`${out} holds ${left.join(", ")}`);
    if (!readFileSync(join(path, RESULT)).equals(this.#whole)) throw new Error(`${out}: another result than that of a run in peace`);
    const { status, rows } = JSON.parse(readFileSync(join(path, "manifest.json"), "utf8")) as { status: string; rows: number };
    if (status !== "done" || !(rows > 0)) throw new Error(`${out}: the manifest says ${status}, ${rows} rows`);
  }

  /** Starts the command and kills it: after some time, or at some change of the folder, a rename or the removal of the journal among them. @returns where it was, null when it ended before */
  async kill(out: string): Promise<string | null> {
    const byTime = this.random() < 0.4;
    const at = byTime ? this.random() * 1.1 * this.#duration : Math.ceil(this.random() * 1.05 * this.#changes);
    const run = this.#start(out);
    let where: string | null = null;
    const shoot = (what: string): void => {
      if (where !== null || run.process.exitCode !== null) return;
      where = what;
      run.process.kill("SIGKILL");
    };
    const timer = byTime ? setTimeout(() => shoot("some moment"), at) : null;
    const end = this.#watch(out, (change, name) => {
      if (!byTime && change === at) shoot(name.replace(/\.[0-9a-f]{8,}.*\.tmp$/, ".*.tmp"));
    });
    const ended = await run.ended;
    clearTimeout(timer ?? undefined);
    end();
    if (ended.code !== null) {
      this.#expect(ended, [0]);
      return null;
    }
    return where;
  }

  /** Kills until so many processes are dead; each folder is gone on with, killed again perhaps, until it is done. @returns how often it hit where */
  async kills(count: number, progress: (kills: number) => void = () => undefined): Promise<Map<string, number>> {
    const hits = new Map<string, number>();
    for (let [kills, folders] = [0, 0]; kills < count; folders++) {
      const out = `killed-${folders}`;
      let where: string | null;
      do {
        where = await this.kill(out);
        if (where !== null) {
          hits.set(where, (hits.get(where) ?? 0) + 1);
          progress(++kills);
        }
      } while (where !== null && kills < count && this.random() < 0.7);
      if (where !== null) this.#expect(await this.#start(out).ended, [0]);
      this.check(out);
      rmSync(join(this.folder, out), { recursive: true });
    }
    return hits;
  }

  /**
   * Starts processes at once on one folder; one does the work, the others are refused, or find it done. The first time the one
   * at work is killed, and the next ones go on with what it left.
   * @returns how many ended with which code, killed and gone on
   */
  async crowd(processes: number): Promise<{ killed: Record<string, number>; after: Record<string, number> }> {
    const out = "crowd";
    const journal = join(this.folder, out, "journal.bin");
    const all = Array.from({ length: processes }, () => this.#start(out));
    const ends = Promise.all(all.map(({ ended }) => ended));
    let over = false;
    void ends.then(() => (over = true));
    // Its journal tells that somebody works; the lock tells who.
    while (!over && !(existsSync(journal) && readFileSync(journal).length > 500)) await new Promise((resolve) => setTimeout(resolve, 2));
    const owner = (JSON.parse(readFileSync(join(this.folder, out, "run.lock"), "utf8")) as { pid: number }).pid;
    all.find(({ process }) => process.pid === owner)!.process.kill("SIGKILL");
    const killed = await ends;
    for (const ended of killed) this.#expect(ended, [null, 0, 75]);
    const after = await Promise.all(Array.from({ length: processes }, () => this.#start(out).ended));
    for (const ended of after) this.#expect(ended, [0, 75]);
    if (!after.some(({ code }) => code === 0)) throw new Error("nobody took over");
    this.check(out);
    return { killed: tally(killed), after: tally(after) };
  }
}

function tally(ends: Ended[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { code } of ends) counts[code ?? "killed"] = (counts[code ?? "killed"] ?? 0) + 1;
  return counts;
}

/** Numbers from 0 to 1 that come again with the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
