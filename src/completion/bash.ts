/** Completion for bash, from 3.2 (macOS) on: without its bash-completion package, and without starting the program. */
import { functionName, quote, type CompletedCommand, type Completion, type Program } from "./program.js";

/** Shell code that offers what a value may be. Files are what readline itself completes when nothing is offered. */
function offer(value: Completion | null): string {
  if (value === null) return "compopt +o default 2>/dev/null";
  if (value === "file") return ":";
  if (value === "folder") return "compopt +o default -o dirnames 2>/dev/null";
  return "oneOf" in value ? `words=${quote(value.oneOf.join(" "))}` : `list=1 words=${quote(value.someOf.join(" "))}`;
}

/** One branch per thing to offer, whatever the number of flags that share it. */
function cases({ name, flags, positional }: CompletedCommand): string[] {
  const branches = new Map<string, string[]>();
  for (const { name: flag, takes, value } of flags) {
    if (takes === "nothing") continue;
    const pattern = quote(`${name} --${flag}`);
    branches.set(offer(value), [...(branches.get(offer(value)) ?? []), pattern]);
  }
  const names = `words=${quote([...flags.map((flag) => `--${flag.name}`), "--help", "--version"].join(" "))}`;
  // Further values of a flag that takes several are completed as its first one.
  const further = flags.filter(({ takes }) => takes === "several values").map((flag) => `elif [[ $last == --${flag.name} ]]; then ${offer(flag.value)}`);
  const rest = [`if [[ $cur == -* ]]; then ${names}`, ...further, `else ${positional === null ? names : offer(positional)}; fi`];
  return [...[...branches].map(([code, patterns]) => `    ${patterns.join("|")}) ${code} ;;`), `    ${quote(`${name} `)}*)\n      ${rest.join("\n      ")} ;;`];
}

export function bashScript(program: Program): string {
  const self = functionName(program);
  const names = [...program.commands.map(({ name }) => name), "--help", "--version"].join(" ");
  return `# Completion of ${program.name} for bash. To load it: source <(${program.name} completion bash)
${self}() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" flag="\${COMP_WORDS[COMP_CWORD-1]}" before="" last="" words="" list="" i
  # "=" is a word of its own, unless it was taken out of COMP_WORDBREAKS.
  if [[ $cur == --*=* ]]; then flag="\${cur%%=*}" before="$flag=" cur="\${cur#*=}"
  elif [[ $cur == = ]]; then cur=""
  elif [[ $flag == = ]]; then flag="\${COMP_WORDS[COMP_CWORD-2]}"
  fi
  for ((i = COMP_CWORD - 1; i > 1; i--)); do
    if [[ \${COMP_WORDS[i]} == -* ]]; then last="\${COMP_WORDS[i]}"; break; fi
  done
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then words=${quote(names)}
  else case "\${COMP_WORDS[1]} $flag" in
${program.commands.flatMap(cases).join("\n")}
  esac; fi
  if [[ $list ]]; then
    compopt -o nospace 2>/dev/null
    if [[ $cur == *,* ]]; then before+="\${cur%,*}," cur="\${cur##*,}"; fi
  fi
  if [[ $words ]]; then
    compopt +o default 2>/dev/null
    local IFS=$' \\t\\n'
    COMPREPLY=($(compgen -W "$words" -P "$before" -- "$cur"))
  fi
}
complete -o default -F ${self} ${program.name}
`;
}
