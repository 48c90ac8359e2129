/** Real shells, asked what they would complete at the end of a line. */
import { spawnSync, type SpawnSyncReturns } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { temporaryFolder } from "./cliFiles.js";

/** What the shell offers for each line: the last part of it, behind an equals sign or a comma. */
export type Ask = (script: string, lines: string[], cwd: string) => string[][];

const run = (program: string, args: string[], cwd: string, input = ""): SpawnSyncReturns<string> => spawnSync(program, args, { cwd, input, encoding: "utf8", timeout: 60_000 });

export const isThere = (program: string): boolean => spawnSync(program, ["--version"]).status === 0;

function part(word: string): string {
  return word.replaceAll("\\ ", " ").replace(/\/$/, "").replace(/^(--[^=]*=)?(.*,)?/, "");
}

function saved(script: string): string {
  const path = join(mkdtempSync(join(temporaryFolder(), "script-")), "script");
  writeFileSync(path, script);
  return path;
}

/** readline types every completion into the line; the line then calls a function that tells its arguments. */
const bash: Ask = (script, lines, cwd) => {
  const head = `source ${saved(script)}\nbind '"\\t": insert-completions'\nPS1=\nwgpu-inferlink() { printf 'LINE'; printf '\\t%s' "$@"; echo; }\n`;
  const { stdout } = run("bash", ["--norc", "-i"], cwd, head + lines.map((line) => `${line}\t\n`).join(""));
  const words = stdout.split("\n").filter((line) => line.startsWith("LINE")).map((line) => line.split("\t").slice(1));
  assert.is(words.length, lines.length, stdout);
  // Words that were complete before stay where they are: "wgpu-inferlink" aside, all but the one at the cursor.
  return words.map((found, i) => found.slice(lines[i].split(" ").length - 2).map(part).filter((word) => word !== ""));
};

const fish: Ask = (script, lines, cwd) => {
  const path = saved(script);
  return lines.map((line) => {
    const { stdout, stderr } = run("fish", ["--no-config", "-c", `source ${path}; complete -C "$argv[1]"`, line], cwd);
    assert.is(stderr, "");
    return stdout.split("\n").filter(Boolean).map((word) => part(word.split("\t")[0]));
  });
};

/** An interactive zsh inside a pseudo-terminal; compadd, through which every completion goes, writes down what matches. */
const ZSH = `
zmodload zsh/zpty
script=$1 log=$2; shift 2
inner() { zpty -w inner "$1" }
await() { local n=0; while (( n < $1 )); do zpty -r -t inner _; sleep 0.02; n=$(grep -c -x END $log 2>/dev/null); n=\${n:-0}; done }
zpty inner zsh -f -i
inner "PS1= TERM=dumb; stty -echo; autoload -Uz compinit; compinit -u -D; source \${(q)script}"
inner 'compadd() { if [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]]; then builtin compadd "$@"; return; fi; local -a hits; builtin compadd -A hits "$@"; print -rl -- $hits >> '\${(q)log}'; builtin compadd "$@" }'
inner 'finish() { zle complete-word; print END >> '\${(q)log}'; zle kill-whole-line }; zle -N finish; bindkey "^I" finish'
inner "print END >> \${(q)log}"
await 1
count=1
for line in "$@"; do zpty -w -n inner "$line"$'\\t'; (( ++count )); await $count; done
zpty -d inner
`;

const zsh: Ask = (script, lines, cwd) => {
  const log = saved("");
  const { status, stderr } = run("zsh", ["-f", "-c", ZSH, "zsh", saved(script), log, ...lines], cwd);
  assert.is(status, 0, stderr);
  const asked = readFileSync(log, "utf8").split("END\n").slice(1, -1);
  assert.is(asked.length, lines.length);
  return asked.map((words) => [...new Set(words.split("\n").filter(Boolean).map(part))]);
};

export const SHELLS: Record<"bash" | "zsh" | "fish", Ask> = { bash, zsh, fish };
