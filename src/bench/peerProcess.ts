/** The benchmark's end of the protocol: a process that is started, asked and ended. */
import { spawn, type ChildProcess, type ChildProcessByStdio } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { EXIT, InferlinkError } from "../errors.js";
import type { Profile } from "../gpu/profiler.js";
import type { Case } from "./case.js";
import type { End, Files, Hello, Peak, Prepared, Refusal, RunRequest, Sample } from "./protocol.js";

/** Nothing that is asked takes longer unless it hangs: the slowest compile for a minute or two. */
const PATIENCE_MS = 30 * 60_000;
const LAST_WORDS_MS = 3000;
/** Of what a process prints on stderr, the end is kept for the message when it dies. */
const KEPT = 2000;

/** Those that run: they must not outlive this process. */
const running = new Set<ChildProcess>();
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));

/** The process refused, died or fell silent; the message is one line. */
export class PeerError extends Error {
  /** @param exitCode what the process would have ended with, where its error says so */
  constructor(message: string, readonly exitCode: number | null = null) {
    super(message);
  }
}

/** This engine's failure in a process of its own, as if it had happened in this one; anything else as it is. */
export function engineError(error: unknown): unknown {
  return error instanceof PeerError ? new InferlinkError(error.message, error.exitCode ?? EXIT.bug) : error;
}

export class PeerProcess {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #waiting = new Map<number, { resolve(answer: object): void; reject(error: Error): void }>();
  #asked = 0;
  #printed = "";
  #gone: PeerError | null = null;

  constructor(command: string[]) {
    const [program, ...args] = command;
    this.#child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"], windowsHide: true });
    this.#child.on("error", (error: NodeJS.ErrnoException) => this.#fail(error.code === "ENOENT" ? `there is no ${program}` : error.message));
    this.#child.on("close", (code, signal) => this.#fail(`ended ${signal ? `by ${signal}` : `with exit code ${code}`}${this.#lastWords()}`));
    this.#child.stdin.on("error", () => undefined); // it is gone, which `close` says with its reason
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#printed = (this.#printed + text).slice(-KEPT)));
    createInterface({ input: this.#child.stdout }).on("line", (line) => this.#take(line));
    running.add(this.#child);
    this.#child.on("close", () => running.delete(this.#child));
  }

  #lastWords(): string {
    const lines = this.#printed.split("\n").map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("Warning: "));
    return lines.length > 0 ? `: ${lines[lines.length - 1]}` : "";
  }

  #fail(reason: string): void {
    this.#gone ??= new PeerError(reason);
    for (const { reject } of this.#waiting.values()) reject(this.#gone);
    this.#waiting.clear();
  }

  /** Lines that answer nothing are what drivers and libraries print. */
  #take(line: string): void {
    if (!line.startsWith("{")) return;
    let answer: { id?: number; error?: string; exitCode?: number };
    try {
      answer = JSON.parse(line) as typeof answer;
    } catch {
      return;
    }
    const waiting = this.#waiting.get(answer.id ?? -1);
    if (!waiting) return;
    this.#waiting.delete(answer.id!);
    if (answer.error === undefined) waiting.resolve(answer);
    else waiting.reject(new PeerError(answer.error.split("\n")[0], answer.exitCode));
  }

  async #ask<T extends object>(op: string, request: object = {}, patience = PATIENCE_MS): Promise<T> {
    if (this.#gone) throw this.#gone;
    const id = ++this.#asked;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<T>((resolve, reject) => {
        this.#waiting.set(id, { resolve: (answer) => resolve(answer as T), reject });
        timer = setTimeout(() => this.#fail(`gave no answer to ${op} for ${patience / 60_000} minutes`), patience);
        this.#child.stdin.write(`${JSON.stringify({ id, op, ...request })}\n`);
      });
    } finally {
      clearTimeout(timer);
    }
  }

  hello = (): Promise<Hello | Refusal> => this.#ask("hello");
  prepare = (of: Case, files: Files): Promise<Prepared> => this.#ask("prepare", { case: of, files });
  warm = (batch: number): Promise<object> => this.#ask("warm", { batch });
  profile = (): Promise<Profile> => this.#ask("profile");
  peak = (): Promise<Peak> => this.#ask("peak");
  run = (request: RunRequest): Promise<Sample> => this.#ask("run", request);

  /** Ends the process, whatever state it is in. @returns null when it says nothing any more */
  async end(): Promise<End | null> {
    const end = await this.#ask<End>("end", {}, LAST_WORDS_MS).catch(() => null);
    this.#child.kill("SIGKILL");
    return end;
  }
}
