/** `completion`: a script that completes commands, flags and their values in a shell. */
import { bashScript } from "../../completion/bash.js";
import { fishScript } from "../../completion/fish.js";
import type { CompletedCommand, CompletedFlag, Program } from "../../completion/program.js";
import { zshScript } from "../../completion/zsh.js";
import { EXIT, UsageError } from "../../errors.js";
import { nearest } from "../../suggest.js";
import { JSON_FLAG, nameOf, type Command, type Flag, type Listed } from "../command.js";

const SHELLS = { bash: bashScript, zsh: zshScript, fish: fishScript };
const NAMES = Object.keys(SHELLS);

function completedFlag(name: string, flag: Flag): CompletedFlag {
  const takes = flag.type === "boolean" ? "nothing" : flag.type === "array" ? "several values" : "one value";
  return { name, description: flag.description ?? "", takes, value: flag.completes ?? null };
}

async function completedCommand(listed: Listed): Promise<CompletedCommand> {
  const { flags, completes } = await listed.load();
  return {
    name: nameOf(listed),
    summary: listed.summary,
    flags: Object.entries(flags).filter(([, flag]) => !flag.hidden).map(([name, flag]) => completedFlag(name, flag)),
    positional: listed.grammar.includes(" ") ? (completes ?? "file") : null,
  };
}

async function completion(commands: Listed[], shell: string, options: { json: boolean }): Promise<number> {
  if (!Object.hasOwn(SHELLS, shell)) {
    const near = nearest(shell, NAMES);
    throw new UsageError(`no completion for "${shell}"; ${near ? `did you mean ${near}?` : `there is ${NAMES.join(", ")}`}`);
  }
  const program: Program = { name: "wgpu-inferlink", commands: await Promise.all(commands.map(completedCommand)) };
  const script = SHELLS[shell as keyof typeof SHELLS](program);
  process.stdout.write(options.json ? `${JSON.stringify({ shell, script }, null, 2)}\n` : script);
  return EXIT.done;
}

/** @param commands what there is to complete, itself among it */
export const completionCommand = (commands: Listed[]): Command => ({
  flags: JSON_FLAG,
  completes: { oneOf: NAMES },
  describe: (y) =>
    y
      .usage("$0 completion <shell>\n\nPrints a script for the shell to load; nothing is installed.")
      .positional("shell", { type: "string", description: NAMES.join(", ") })
      .example("source <($0 completion bash)", "In ~/.bashrc; for zsh in ~/.zshrc, behind compinit")
      .example("$0 completion fish > ~/.config/fish/completions/wgpu-inferlink.fish", "Once"),
  run: (args) => completion(commands, String(args.shell), { json: args.json === true }),
});
