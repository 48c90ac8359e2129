/** The two output streams: results on stdout, everything else on stderr; a reader that goes away ends neither run nor process. */

/** A closed pipe (`| head`) isn't an error of ours. */
export function toleratePipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
    });
  }
}

/** A terminal on which a line can be drawn over. */
export const isDrawable = (stream: NodeJS.WriteStream): boolean => stream.isTTY && process.env.TERM !== "dumb";

/** https://no-color.org, and FORCE_COLOR as Node and npm take it (0 and false: none), which goes before. Empty ones are as unset. */
function hasColour(stream: NodeJS.WriteStream): boolean {
  const { FORCE_COLOR, NO_COLOR } = process.env;
  if (FORCE_COLOR) return FORCE_COLOR !== "0" && FORCE_COLOR !== "false";
  return !NO_COLOR && isDrawable(stream);
}

/** Bold where the stream takes colour. */
export function bold(text: string, stream: NodeJS.WriteStream): string {
  return hasColour(stream) ? `\u001b[1m${text}\u001b[22m` : text;
}

/** Text out of files as a terminal may have it: control characters, and those that turn the direction of writing, as escapes. */
export function printable(text: string): string {
  return text.replace(/[\0-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

export function say(text: string): void {
  process.stderr.write(`${printable(text)}\n`);
}

/** Nothing of a quiet run is said but errors. */
export const note = (options: { quiet: boolean }, text: string): void => void (options.quiet || say(text));

/** 1 epoch, 2 epochs. */
export const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

/** Text for a POSIX shell. */
export function quoted(words: string[]): string {
  return words.map((word) => (/^[\w@%+=:,./*-]+$/.test(word) && !word.includes("*") ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(" ");
}

/** 1:02:03, 4:05 or 0:06. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h > 0 ? `${h}:${String(m).padStart(2, "0")}:${String(s).padStart(2, "0")}` : `${m}:${String(s).padStart(2, "0")}`;
}

/** Thousands apart: 12,345. */
export function grouped(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
