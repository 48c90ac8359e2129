/** `run`: inputs, plan, device, folder, evaluation, result. */
import { DeviceLostError, EXIT, OutOfMemoryError } from "../../errors.js";
import { isSwiftShader } from "../../gpu/adapter.js";
import type { Gpu } from "../../gpu/device.js";
import { Profiler } from "../../gpu/profiler.js";
import { openDevice } from "../../run/open.js";
import { attackOf, attackText, unreachable } from "../../sweep/attack.js";
import { DEFAULT_CONFIG, variantCount } from "../../sweep/config.js";
import { isWorthTuning, tilesFor, type TileTable, type Tuning } from "../../sweep/tiles.js";
import type { Fault } from "../../sweep/recovery.js";
import { evaluateUnits, planSweep, type SweepJob, type SweepPlan } from "../../sweep/sweep.js";
import type { Unit } from "../../sweep/units.js";
import { bestAccuracy, chanceWarning, MAY_BE_WRONG } from "../running/chance.js";
import type { Collector } from "../running/collector.js";
import type { Command } from "../command.js";
import { deviceText } from "../running/device.js";
import { again, report } from "../running/ending.js";
import { RUN_FLAGS } from "../flags.js";
import { normalisationText } from "../../io/datasets/normalise.js";
import { openInputs } from "../../inputs/inputs.js";
import { isBoundByStores } from "../../plan/intensity.js";
import { runOptions, type RunOptions } from "../options.js";
import { Progress } from "../running/progress.js";
import { Session } from "../running/session.js";
import type { Engine, Run } from "../running/run.js";
import { listenForInterruption } from "../running/signals.js";
import { grouped, note, plural } from "../terminal.js";

function announce({ options, job, plan, gpu, session }: Run): void {
  const { dataset, config, checkpoints, layerOf } = job;
  const { normalisation } = dataset;
  const networks = `${grouped(plan.networks)} filtered networks of ${plural(checkpoints.length, "checkpoint")}`;
  for (const { path, file } of checkpoints) for (const told of file.notes) note(options, `${path}: ${told}`);
  if (options.part.note) note(options, options.part.note);
  note(options, `${networks} on ${grouped(plan.images)} ${dataset.name === "images" || dataset.name === "arrays" ? "" : `${dataset.name} `}images (${normalisation ? normalisationText(normalisation) : "normalised already"}), epsilon ${config.epsilons.join(", ")} (${config.epsilonSpace} space)${attackOf(config) === "fgsm" ? "" : `, ${attackText(config)}`}`);
  const far = unreachable(config);
  if (far !== null) note(options, `${config.steps} steps of ${config.stepSize} reach ${far.reach}, less than the epsilon ${far.epsilon}; more steps or longer ones would make the attack stronger`);
  if (layerOf !== null) note(options, `the normalisation is that of the layer stored in ${layerOf}${options.epsilonUnit.said === "given" ? "" : "; such a network takes pixels, so epsilon is in pixels of 0 to 1 (--epsilon-space input changes that)"}`);
  for (const text of dataset.notes ?? []) note(options, text);
  for (const taken of new Set(checkpoints.flatMap(({ architecture: { name, assumed = [] } }) => assumed.map((what) => `${name}: ${what}`)))) note(options, taken);
  note(options, `${deviceText(gpu)}, writing ${session.folder}`);
}

async function evaluate(run: Run, collector: Collector): Promise<void> {
  const { engine, options, job, plan, gpu, session, interruption, profiler, tiles } = run;
  const units = collector.missing;
  const total = collector.units.length;
  if (total < plan.units.length) note(options, `${total} of ${plan.units.length} units are this shard's`);
  if (units.length < total) note(options, `going on: ${total - units.length} of ${total} units were done before`);
  const progress = options.quiet ? null : new Progress({ stream: process.stderr, units: collector.units, left: units, variants: variantCount(job.config) });
  try {
    const onProgress = (step: { unit: Unit; networkImages: number }): void => {
      run.firstResult ??= performance.now() / 1000;
      progress?.advance(step);
    };
    const onFault = async (fault: Fault): Promise<void> => {
      progress?.note(`${fault.message}; ${fault.action}`);
      await session.noteFault(fault);
    };
    const onLoad = (checkpoint: number, sha256: string): Promise<void> => session.loaded(checkpoint, sha256);
    let warned = options.quiet;
    const looked = new Set<number>();
    for await (const evaluated of engine.evaluateUnits(gpu, job, plan, { units, signal: interruption.signal, onProgress, onFault, onLoad, profiler, tiles })) {
      await collector.add(evaluated);
      progress?.unitDone();
      const { checkpoint } = evaluated.unit;
      if (warned || looked.has(checkpoint) || bestAccuracy(evaluated) >= MAY_BE_WRONG) continue;
      looked.add(checkpoint);
      const warning = await chanceWarning(gpu, job, checkpoint, job.layerOf !== null, engine.evaluateUnits);
      if (warning !== null) progress?.note(warning);
      warned = warning !== null;
    }
  } finally {
    progress?.end();
  }
}

/** Kernel settings for the run: measured on this adapter before or, for a long run, now. */
async function tilesOf(options: RunOptions, { checkpoints, dataset, config }: SweepJob, plan: SweepPlan, gpu: Gpu): Promise<TileTable> {
  const cost = plan.units.reduce((sum, unit) => sum + unit.cost, 0) / (options.part.shard?.count ?? 1);
  const tuning: Tuning = !options.tune ? "off" : isWorthTuning(gpu, cost) ? "missing" : "cached";
  const onTry = (done: number, of: number): void => {
    if (done === 0) note(options, `measuring which settings of ${of} kernels are fastest on this adapter; --no-tune leaves it out`);
  };
  try {
    return await tilesFor(gpu, checkpoints.map(({ architecture }) => architecture), dataset, config.batchNorm, tuning, onTry);
  } catch (error) {
    // Measuring only saves time: a setting that the adapter does not survive must not stop every run.
    if (!(error instanceof OutOfMemoryError || error instanceof DeviceLostError)) throw error;
    note(options, `${error.message}; going on with the default settings`);
    if (gpu.lost !== null) await gpu.renew();
    return {};
  }
}

async function work(run: Run): Promise<number> {
  const { session, interruption } = run;
  announce(run);
  const { collector } = session;
  if (collector) {
    const before = collector.missing.length;
    try {
      await evaluate(run, collector);
    } catch (error) {
      await session.interrupt(error as Error).catch(() => undefined);
      note(run.options, `finished work is kept. To go on: ${again(run)}`);
      throw error;
    }
    if (collector.missing.length > 0) {
      await session.interrupt();
      if (collector.missing.length === before && interruption.code() === EXIT.tryAgain) note(run.options, "the deadline came before one unit was finished; give it more time");
      await report(run, "interrupted");
      return interruption.code() ?? EXIT.interrupted;
    }
    await session.finish();
  }
  await report(run, "done");
  return EXIT.done;
}

/** The demo on SwiftShader, within two minutes on two cores: most of its time there is the compiling of each layer's kernels. */
const SHORT = { limit: 64, thresholds: 15, layers: ["conv1", "layer1.1.conv1", "layer2.1.conv1", "layer3.1.conv1", "layer4.1.conv1", "fc"] };

/** Whether it is the demo as it is, on an adapter that takes eight minutes for it. */
function isShortened({ source, limit, config }: RunOptions, { adapter }: Gpu): boolean {
  return source.kind === "demo" && limit === null && config.thresholds === DEFAULT_CONFIG.thresholds && config.alphas === null && config.layers === null && isSwiftShader(adapter);
}

/** @returns the exit code */
export async function run(options: RunOptions, argv: string[], engine: Engine = { openDevice, evaluateUnits }): Promise<number> {
  const started = performance.now();
  let job = await openInputs(options, options.config);
  let plan = planSweep(job);
  const gpu = await engine.openDevice({ adapter: options.adapter ?? undefined, kernels: options.kernels, boundByStores: isBoundByStores(job.checkpoints.map(({ architecture }) => architecture), job.dataset) });
  try {
    if (isShortened(options, gpu)) {
      const { limit, thresholds } = SHORT;
      const layers = options.config.scope === "local" ? SHORT.layers : null;
      const [some, all] = layers ? [`, ${thresholds} thresholds and ${layers.length} layers`, ` --layers "*"`] : [` and ${thresholds} thresholds`, ""];
      note(options, `${gpu.adapter.name} computes several times slower than other adapters, so this demo is of ${limit} images${some}; --limit 256 --thresholds 25${all} is all of it`);
      job = await openInputs({ ...options, limit }, { ...options.config, thresholds, layers });
      plan = planSweep(job);
    }
    const tiles = await tilesOf(options, job, plan, gpu);
    const session = await Session.open(options, job, plan, gpu, tiles);
    const interruption = listenForInterruption(options.deadline, (what) => note(options, what === "deadline" ? "deadline: finishing what is in flight" : `${what}: finishing what is in flight; once more to end at once`));
    try {
      return await work({ engine, options, argv, job, plan, gpu, session, interruption, started, profiler: options.profile ? new Profiler(gpu) : null, tiles, firstResult: null });
    } finally {
      interruption.dispose();
      await session.release();
    }
  } finally {
    gpu.close();
  }
}

const DETAILS = `A sweep removes weights of a trained network by threshold, layer by layer, and measures what is left of its
accuracy on clean and on FGSM-attacked images. Without --checkpoint or --saved-models it runs the demo that comes
with the package.`;

export const runCommand: Command = {
  flags: RUN_FLAGS,
  describe: (y) =>
    y
      .usage(`$0 run [options]\n\n${DETAILS}`)
      .example("$0 run", "The demo: a small ResNet-18 on MNIST")
      .example("$0 run --checkpoint net.ckpt --data MNIST/raw", "All layers, all filters")
      .example("$0 run --saved-models DIR --init 1 --epoch 10,20 --data MNIST/raw", "Networks of the notebooks' tree")
      .example("$0 run ... --epsilon 2/255,8/255 --epsilon-space pixel", "Two attacks, in units of pixels")
      .example("$0 run ... --scope global --range=-0.5,0.5", "All layers at once")
      .epilogue("Results: results.arrow (Arrow IPC file), manifest.json and report.html in the run's folder; tables go to stdout, the rest to stderr.\nExit codes: 0 done, 2 usage, 65 bad input, 69 no usable adapter (none, too little memory, or one that computes wrongly), 74 file system, 75 try again, 130 interrupted, 143 terminated, 1 a bug."),
  run: (args, argv) => run(runOptions(args), argv),
};
