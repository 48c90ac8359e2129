/** The checkpoints of a run, as its manifest knows them. There may be more of them each time, but never others. */

export interface CheckpointRecord {
  path: string;
  /** Of the file; null until its weights were read. */
  sha256: string | null;
  /** Size, and last change in ms since 1970, when it was hashed. */
  bytes: number;
  modified: number;
  network: string;
  init: number | null;
  epoch: number | null;
}

/**
 * Gives the checkpoints of now the hashes of then. A file whose size and time are the same is taken to be the same.
 * @param hash SHA-256 of a checkpoint's file as it is now
 * @returns what an earlier run in the folder holds and this one doesn't, one line each
 */
export function takeHashes(there: CheckpointRecord[], here: CheckpointRecord[], hash: (record: CheckpointRecord) => string): string[] {
  const different: string[] = [];
  const byPath = new Map(here.map((record) => [record.path, record]));
  for (const earlier of there) {
    const record = byPath.get(earlier.path);
    if (!record) {
      different.push(`checkpoint ${earlier.path}: there, not here`);
      continue;
    }
    if (earlier.sha256 === null) continue;
    const untouched = earlier.bytes === record.bytes && earlier.modified === record.modified;
    record.sha256 = untouched ? earlier.sha256 : hash(record);
    if (record.sha256 !== earlier.sha256) different.push(`checkpoint ${record.path}: there SHA-256 ${earlier.sha256.slice(0, 12)}, here ${record.sha256.slice(0, 12)}`);
  }
  return different;
}
