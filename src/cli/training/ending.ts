/** What `train` says at its end: the table or the JSON object on stdout, how to go on on stderr. */
import { join } from "node:path";
import { writeTrainingPage } from "../../plot/training/write.js";
import { epochsIn, TRAINING, type TrainingRow } from "../../results/training/rows.js";
import { profileObject, renderProfile } from "../profile.js";
import { columns } from "../table.js";
import { bold, clock, grouped, note, quoted, say } from "../terminal.js";
import type { TrainingSession } from "./session.js";
import type { TrainRun } from "./work.js";

/** The command that goes on with these folders, also outside of the cluster that chose the initialisations. */
export function again({ argv, options }: TrainRun): string {
  const without = (words: string[], flag: string, hasValue: boolean): string[] => words.filter((word, i) => word !== flag && !word.startsWith(`${flag}=`) && !(hasValue && words[i - 1] === flag));
  let words = without(argv, "--overwrite", false);
  if (options.inits.length < options.of && !argv.some((word) => /^--init(=|$)/.test(word))) words = [...without(words, "--shard", true), "--init", options.inits.join(","), ...(argv.some((word) => /^--inits(=|$)/.test(word)) ? [] : ["--inits", String(options.of)])];
  return `wgpu-inferlink ${quoted(words)}`;
}

const share = (correct: number | null, images: number | null): number | null => (correct === null || images === null ? null : correct / images);

function summaryOf(session: TrainingSession) {
  const { manifest, init, seed, folder, rows, step } = session;
  const last: TrainingRow | undefined = epochsIn(rows).at(-1);
  return {
    init, seed, epochs: manifest.epochs_done, steps: step,
    loss: last?.loss ?? null,
    accuracy: last ? last.correct / last.images : null,
    test_loss: last?.test_loss ?? null,
    test_accuracy: last ? share(last.test_correct, last.test_images) : null,
    checkpoints: [...manifest.checkpoints].sort((a, b) => a.epoch - b.epoch).map(({ file }) => join(folder, file)),
    training: rows.length > 0 ? join(folder, TRAINING) : null,
  };
}

const percent = (value: number | null): string => (value === null ? "" : `${(100 * value).toFixed(2)}`);

function table(summaries: ReturnType<typeof summaryOf>[], run: TrainRun): string {
  const lines = summaries.map(({ init, epochs, loss, accuracy, test_loss, test_accuracy, checkpoints }) => [`Init_${init}`, String(epochs), loss?.toFixed(4) ?? "", percent(accuracy), test_loss?.toFixed(4) ?? "", percent(test_accuracy), String(checkpoints.length)]);
  const [head, ...body] = columns([["", "epochs", "loss", "right %", "test loss", "test right %", "checkpoints"], ...lines]);
  const { architecture, train } = run.opened;
  return [`${architecture.name} on ${train.name}: ${grouped(train.images)} images`, bold(head, process.stdout), ...body].join("\n");
}

/** The curves are a view of what is saved already: where they can't be written, the training is no less done. */
async function writePage({ options, tree }: TrainRun): Promise<{ report: string; figure: string } | null> {
  if (!options.report) return null;
  try {
    return await writeTrainingPage(tree.folder);
  } catch (error) {
    say(`wgpu-inferlink: checkpoints are written, training.html is not: ${(error as Error).message.replace(/\s*\n\s*/g, " ")}`);
    return null;
  }
}

/** @param wasComplete whether nothing was left to train */
export async function report(run: TrainRun, sessions: TrainingSession[], status: "done" | "interrupted", wasComplete: boolean): Promise<void> {
  const { options, opened, tree, gpu } = run;
  const seconds = (performance.now() - run.started) / 1000;
  const summaries = sessions.map(summaryOf);
  const profile = (await run.profiler?.result()) ?? null;
  const files = sessions.some(({ rows }) => rows.length > 0) ? await writePage(run) : null;
  if (options.json) {
    const { name, width } = opened.architecture;
    const object = { status, out: options.out, saved_models: tree.root, network: name, width, dataset: opened.train.name, images: opened.train.images, seed: options.seed, inits: summaries, seconds, adapter: gpu.adapter.name, files: files ?? { report: null, figure: null }, ...(profile && { profile: profileObject(profile) }) };
    process.stdout.write(`${JSON.stringify(object, null, 2)}\n`);
  } else if (!options.quiet && status === "done") {
    process.stdout.write(`${table(summaries, run)}\n\ncheckpoints in ${tree.folder}${files ? `\nreport in ${files.report}` : ""}\n`);
  }
  if (profile && !options.json) say(`\n${renderProfile(profile, null, process.stderr)}\n`);
  if (status === "interrupted") note(options, `interrupted; what was trained is kept. To go on: ${again(run)}`);
  else if (wasComplete) note(options, "everything was trained before");
  else note(options, `done in ${clock(seconds)}`);
}
