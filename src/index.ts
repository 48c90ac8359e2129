/** The package as a library: sweeps as async iterables of typed rows, results read back. See docs/library.md. */
export { AdapterError, FileSystemError, InferlinkError, InputError, OptionError, TryAgainError, UsageError } from "./errors.js";
export type { DatasetName } from "./io/types.js";
export type { AdapterSummary } from "./gpu/adapter.js";
export { listAdapters } from "./library/adapters.js";
export type { SavedModels, SweepOptions, SweepProgress } from "./library/options.js";
export { readRows } from "./library/rows.js";
export { sweep } from "./library/sweep.js";
export type { AttackName, Filter, Row, Scope } from "./sweep/row.js";
export { DEFAULT_CONFIG, type SweepConfig } from "./sweep/config.js";
