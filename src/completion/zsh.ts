/** Completion for zsh: sourced, or as a file _wgpu-inferlink in a folder of $fpath. */
import { functionName, quote, type CompletedCommand, type CompletedFlag, type Completion, type Program } from "./program.js";

/** What _arguments does for a value; a space alone offers nothing. */
function action(value: Completion | null, what: string): string {
  if (value === null) return " ";
  if (value === "file") return "_files";
  if (value === "folder") return "_files -/";
  return "oneOf" in value ? `(${value.oneOf.join(" ")})` : `_values -s , ${what} ${value.someOf.join(" ")}`;
}

/** A description between brackets. */
const bracketed = (text: string): string => `[${text.replace(/[[\]\\:]/g, "\\$&")}]`;

function spec({ name, description, takes, value }: CompletedFlag): string {
  if (takes === "nothing") return quote(`--${name}${bracketed(description)}`);
  return quote(`${takes === "several values" ? "*" : ""}--${name}=${bracketed(description)}:${name}:${action(value, name)}`);
}

function branch({ name, flags, positional }: CompletedCommand): string {
  const specs = flags.map(spec);
  if (positional !== null) specs.push(quote(`*:argument:${action(positional, "argument")}`));
  return `        ${name}) _arguments -S $common \\\n${specs.map((line) => `          ${line}`).join(" \\\n")} ;;`;
}

export function zshScript(program: Program): string {
  const self = functionName(program);
  const list = program.commands.map(({ name, summary }) => `    ${quote(`${name}:${summary}`)}`);
  return `#compdef ${program.name}
# Completion of ${program.name} for zsh. To load it: source <(${program.name} completion zsh), behind compinit
${self}() {
  local curcontext="$curcontext" state line
  local -a commands common
  common=('(- *)'{-h,--help}'[Show help]' '(- *)--version[Show version number]')
  commands=(
${list.join("\n")}
  )
  _arguments -C $common '1:command:->command' '*::argument:->argument'
  case $state in
    command) _describe -t commands command commands ;;
    argument)
      case $words[1] in
${program.commands.map(branch).join("\n")}
      esac ;;
  esac
}
if [[ $funcstack[1] == _${program.name} ]]; then ${self} "$@"; else compdef ${self} ${program.name}; fi
`;
}
