/** Completion for fish, from 3.0 on. */
import { functionName, type CompletedCommand, type CompletedFlag, type Completion, type Program } from "./program.js";

const quote = (text: string): string => `'${text.replace(/['\\]/g, "\\$&")}'`;

/** Arguments of `complete` for a value: -x takes one and no files, -F files. */
function offer(value: Completion | null, several: string): string {
  if (value === null) return "-x";
  if (value === "file") return "-r -F";
  if (value === "folder") return "-x -a '(__fish_complete_directories)'";
  return "oneOf" in value ? `-x -a ${quote(value.oneOf.join(" "))}` : `-x -a ${quote(`(${several} ${value.someOf.join(" ")})`)}`;
}

export function fishScript(program: Program): string {
  const [is, several] = [`_${functionName(program)}_is`, `_${functionName(program)}_several`];
  const complete = (condition: string, rest: string): string => `complete -c ${program.name} -n ${quote(condition)} ${rest}`;
  const flag = (command: string, { name, description, takes, value }: CompletedFlag): string =>
    complete(`${is} ${command}`, `-l ${name}${takes === "nothing" ? "" : ` ${offer(value, several)}`} -d ${quote(description)}`);
  const lines = ({ name, summary, flags, positional }: CompletedCommand): string[] => [
    complete(is, `-a ${name} -d ${quote(summary)}`),
    ...flags.map((known) => flag(name, known)),
    ...(positional === null ? [] : [complete(`${is} ${name}`, offer(positional, several).replace(/^-[rx] /, ""))]),
  ];
  return `# Completion of ${program.name} for fish. To load it: ${program.name} completion fish | source
# Is this the command that was typed? Without one: is none typed yet?
function ${is}
  set -l typed (commandline -opc)
  test "$typed[2]" = "$argv[1]"
end
# Words behind those that are there already: a,b,word
function ${several}
  set -l typed (commandline -ct | string replace -r '^--[^=]*=' '' | string match -r '^.*,'; or echo '')
  printf '%s\\n' $typed$argv
end
complete -c ${program.name} -f
complete -c ${program.name} -s h -l help -d 'Show help'
complete -c ${program.name} -l version -d 'Show version number'
${program.commands.flatMap(lines).join("\n")}
`;
}
