/** Errors a user can cause or meet. Each is one sentence and carries the process's exit code (sysexits habits). */
export const EXIT = { done: 0, bug: 1, usage: 2, incomplete: 3, badInput: 65, noAdapter: 69, io: 74, tryAgain: 75, interrupted: 130, terminated: 143 } as const;

export class InferlinkError extends Error {
  constructor(message: string, readonly exitCode: number, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The command line or an option is wrong. */
export class UsageError extends InferlinkError {
  constructor(message: string) {
    super(message, EXIT.usage);
  }
}

/** Options that are wrong, or do not go together: by name, as the user gave them. */
export class OptionError extends UsageError {
  constructor(readonly options: string[], readonly problem: string) {
    super(`${options.join(" and ")}: ${problem}`);
  }
}

/** A file's content is wrong: the message names the file, what was wrong and what to do. */
export class InputError extends InferlinkError {
  constructor(readonly file: string, problem: string, options?: ErrorOptions) {
    super(`${file}: ${problem}`, EXIT.badInput, options);
  }
}

/** No usable WebGPU adapter. */
export class AdapterError extends InferlinkError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, EXIT.noAdapter, options);
  }
}

/** The adapter has too little memory even for the smallest pieces of work. */
export class OutOfMemoryError extends AdapterError {}

/** The operating system refused a read or a write (permission, full disk, missing folder). */
export class FileSystemError extends InferlinkError {
  constructor(readonly file: string, problem: string, options?: ErrorOptions) {
    super(`${file}: ${problem}`, EXIT.io, options);
  }
}

/** What was asked for can't be made yet of what there is: parts are missing, damaged or of another run. */
export class IncompleteError extends InferlinkError {
  constructor(message: string) {
    super(message, EXIT.incomplete);
  }
}

/** A passing fault (lost device, deadline): progress is saved and the same command may be run again. */
export class TryAgainError extends InferlinkError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, EXIT.tryAgain, options);
  }
}

/** The device went away while it worked: what was in flight on it is gone. */
export class DeviceLostError extends TryAgainError {}
