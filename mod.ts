/**
 * Fovea trains and evaluates image classifiers with WebGPU, and with gpu.js where there is none.
 *
 * @example Train on a folder per class, and test
 * ```ts
 * import { createModel, openDataset, openDevice, Trainer } from "@fovea/fovea";
 *
 * const data = await openDataset("./celeba", { task: "binary", target: ["Eyeglasses"] });
 * const { train, val, test } = data.split({ ratios: [8, 1, 1], seed: 1 });
 * await using device = await openDevice();
 * const model = createModel("naive-cnn", { classes: data.outputs, imageSize: 64 });
 * const trainer = new Trainer({ device, model, task: data.task, epochs: 10, out: "runs/glasses" });
 * await trainer.fit(train, val);
 * console.log((await trainer.evaluate(test)).report.accuracy);
 * ```
 *
 * @module
 */

// What every part throws where the user can do something about it.
export { type NameOption, option, UserError } from "./src/errors.ts";

// Data: pictures with labels, their parts, and batches of them.
export type { Augment, Views } from "./src/augment/augmentations.ts";
export type { Batch } from "./src/data/batches/batch.ts";
export { Loader, type LoaderOptions } from "./src/data/batches/loader.ts";
export {
  Dataset,
  type DatasetKind,
  type DatasetParts,
  type Origin,
  type Sample,
  type Split,
  type SplitName,
  type SplitOptions,
} from "./src/data/dataset.ts";
export type { Fold } from "./src/data/folds.ts";
export { findDuplicates } from "./src/data/check/duplicates.ts";
export { type DemoOptions, makeDemo } from "./src/data/demo/demo.ts";
export type { Prepared } from "./src/data/check/picture_notes.ts";
export { limitDataset } from "./src/data/limit.ts";
export type { LeftOutRow } from "./src/data/forms/cells.ts";
export type { ManifestOptions } from "./src/data/forms/manifest_labels.ts";
export type { LabelOptions, Task } from "./src/data/labels.ts";
export type { SmallClass } from "./src/data/split.ts";
export { openDataset, type OpenOptions } from "./src/data/open.ts";
export type { Fit, Interpolation, Resizing, ValueRange } from "./src/data/pictures/resize.ts";
export type { CacheOptions } from "./src/data/store/cache_folder.ts";
export type { OnProgress } from "./src/data/store/scan.ts";
export type { FileSource, PictureSource, PixelSource } from "./src/data/store/source.ts";
export {
  type ChannelStatistics,
  channelStatistics,
  halfStatistics,
  imagenetStatistics,
  type StatisticsOptions,
} from "./src/data/store/statistics.ts";

// Models, and the layers to build one's own from.
export type { Attrs, Builder, Operand, Shape, Tensor, Vjp, VjpContext } from "./kernels/op.ts";
export { GraphBuilder } from "./src/graph/builder.ts";
export {
  createModel,
  Model,
  type ModelDefinition,
  type ModelOption,
  type ModelOptions,
  models,
  type PaperSize,
  type PublishedPreprocessing,
  type PublishedWeights,
  publishedWeights,
} from "./src/models/mod.ts";
export type { ResolvedModelOptions } from "./src/models/model.ts";
export type { OwnModel } from "./src/models/own.ts";
export * from "./src/nn/mod.ts";

// Weights: files of Fovea's, torchvision's, timm's and Hugging Face's, and how they call a model's tensors.
export type {
  Cell,
  ChannelFactors,
  Convolution,
  Family,
  FamilyWindows,
  Joined,
  KeyRow,
  KeyStyle,
  PositionGrid,
  Relative,
} from "./src/interop/keys/family.ts";
export type { WritableTensor } from "./src/interop/safetensors.ts";
export { type OpenedModel, openModel, type OpenModelOptions } from "./src/run/open_model.ts";
export type { CachedWeights, FetchedRecord } from "./src/run/published/cached.ts";
export type { DownloadOptions } from "./src/run/published/download.ts";
export { type FetchedWeights, type FetchOptions, fetchWeights } from "./src/run/published/fetch.ts";
export type { Hosts } from "./src/run/published/names.ts";
export type { Patience } from "./src/run/published/request.ts";
export { saveWeights, type SaveWeightsOptions } from "./src/run/save_weights.ts";
export { loadWeights, type LoadWeightsOptions, type WeightsReport } from "./src/run/weights.ts";
export type { Meaning } from "./src/run/weights_fit.ts";

// Devices, and the graphs that they compute.
export type { Device, MemoryUse, Program, Session, StepTime, Tuned, TuneOptions, Values } from "./src/device/device.ts";
export { type Backend, openDevice } from "./src/device/open.ts";
export type { DeviceName } from "./src/device/registry.ts";
export type { Call, Cost } from "./kernels/op.ts";
export type { Rates } from "./src/device/rates.ts";
export { measureRates } from "./src/device/self_test.ts";
export { Choices, type Chooser } from "./src/graph/choices.ts";
export type { StepDescription } from "./src/graph/fused_step.ts";
export type { Assignment, Graph, Node, Precision } from "./src/graph/graph.ts";

// Runs, and what they say of pictures.
export type { RunConfig } from "./src/run/config.ts";
export { type OpenedRun, openRun, type OpenRunOptions, type WhichCheckpoint } from "./src/run/open_run.ts";
export type { PictureInput, RawPicture } from "./src/run/picture_input.ts";
export type { Prediction, Score } from "./src/run/prediction.ts";
export { openPredictor, Predictor, type PredictorOptions, type PredictorParts } from "./src/run/predictor.ts";

// What in pictures an answer comes from.
export type { Anatomy, AttentionLayer, Layout, MapLayer } from "./src/explain/anatomy.ts";
export { areaOf, type Curves, curvesOf } from "./src/explain/curves.ts";
export {
  Explainer,
  type ExplainerParts,
  type ExplainOptions,
  type Explanation,
  openExplainer,
} from "./src/explain/explainer.ts";
export type { Method, MethodMap, MethodOption, MethodOptions, Question } from "./src/explain/method.ts";
export { type MethodName, methodNames } from "./src/explain/method_names.ts";
export type { Probe, Traced } from "./src/explain/probe.ts";

// Training and testing.
export { type Budget, MemoryError } from "./src/train/budget.ts";
export type {
  BestEpoch,
  Checkpoint,
  CheckpointInfo,
  Plateau,
  Preprocessing,
  Progress,
  Tensors,
} from "./src/run/checkpoint.ts";
export type { Normalization, TeacherOptions } from "./src/train/distillation.ts";
export {
  evaluateModel,
  type EvaluateOptions,
  type Evaluation,
  type Metric,
  type Metrics,
  type MetricValues,
  type Predictions,
} from "./src/run/evaluate.ts";
export type { BatchTensors, DeviceTransformation } from "./src/augment/device/transformations.ts";
export {
  adafactor,
  adam,
  type AdamOptions,
  adamW,
  type CycledAdamOptions,
  lamb,
  lion,
  lookahead,
  type LookaheadOptions,
  muon,
  type MuonOptions,
  nadam,
  type Optimizer,
  type OptimizerSettings,
  radam,
  rmsprop,
  type RmspropOptions,
  sgd,
  type SgdOptions,
  type Update,
  type UpdateInputs,
} from "./src/train/optimizers/mod.ts";
export type { TrainerOptions, Tune } from "./src/train/options.ts";
export { RunDirectory } from "./src/run/run_directory.ts";
export type { LossFunction, LossInputs, LossName } from "./src/train/losses.ts";
export {
  learningRateAt,
  type Schedule,
  type ScheduleFunction,
  type ScheduleName,
  type ScheduleStep,
} from "./src/train/schedules.ts";
export {
  findLearningRate,
  type FoundRates,
  type Proposal,
  type RatePoint,
  type RateSearch,
} from "./src/train/lr_find.ts";
export type { Runs, Shuffle } from "./src/data/batches/order.ts";
export type { Sampling } from "./src/data/batches/sampling.ts";
export { type OpenedTeacher, openTeacher, type Student } from "./src/train/teacher.ts";
export { type FitResult, Trainer, type TrainerEvaluation } from "./src/train/trainer.ts";

// Who is told what happens in a run.
export { type ConsoleLine, ConsoleOutput } from "./src/track/console.ts";
export type {
  CheckpointFacts,
  EndFacts,
  LogFacts,
  LossKind,
  LossScale,
  Note,
  RunFacts,
  RunProgress,
  TestFacts,
  Told,
  Tracker,
  Trained,
  ValidationFacts,
} from "./src/track/tracker.ts";
export type { RgbPixels } from "./src/report/png.ts";
export type { Mistake, WorstPicture } from "./src/report/sheet.ts";

// Metrics: they depend on nothing else here.
export * from "./src/metrics/mod.ts";
