/**
 * The messages of TensorBoard's event files, from `event.proto`, `summary.proto`, `tensor.proto` and the
 * `plugin_data.proto` of the plugins `pr_curves` and `hparams`: the fields that are written here.
 *
 * @module
 */

import type { Messages } from "../protobuf.ts";

/** See the module. */
export const messages = {
  Event: {
    wall_time: "1 double",
    step: "2 int64",
    file_version: "3 string",
    summary: "5 Summary",
    session_log: "7 SessionLog",
  },
  SessionLog: { status: "1 int32" },
  Summary: { value: "1 Value[]" },
  Value: {
    tag: "1 string",
    simple_value: "2 float",
    image: "4 Image",
    tensor: "8 TensorProto",
    metadata: "9 SummaryMetadata",
  },
  Image: { height: "1 int32", width: "2 int32", colorspace: "3 int32", encoded_image_string: "4 bytes" },
  SummaryMetadata: { plugin_data: "1 PluginData", display_name: "2 string" },
  PluginData: { plugin_name: "1 string", content: "2 bytes" },
  TensorProto: { dtype: "1 int32", tensor_shape: "2 TensorShape", tensor_content: "4 bytes" },
  TensorShape: { dim: "2 Dim[]" },
  Dim: { size: "1 int64" },
  PrCurvePluginData: { version: "1 int32", num_thresholds: "2 uint32" },
  HParamsPluginData: {
    version: "1 int32",
    experiment: "2 Experiment",
    session_start_info: "3 SessionStartInfo",
    session_end_info: "4 SessionEndInfo",
  },
  Experiment: {
    time_created_secs: "3 double",
    hparam_infos: "4 HParamInfo[]",
    metric_infos: "5 MetricInfo[]",
  },
  HParamInfo: { name: "1 string", type: "4 int32" },
  MetricInfo: { name: "1 MetricName", dataset_type: "5 int32" },
  MetricName: { tag: "2 string" },
  SessionStartInfo: { hparams: "1 HparamsEntry[]", group_name: "4 string", start_time_secs: "5 double" },
  HparamsEntry: { key: "1 string", value: "2 ProtoValue" },
  ProtoValue: { number_value: "2 double", string_value: "3 string", bool_value: "4 bool" },
  SessionEndInfo: { status: "1 int32", end_time_secs: "2 double" },
} as const satisfies Messages;

/** `SessionLog.status`: what follows takes the place of what came before. */
export const SESSION_START = 1;

/** `Image.colorspace` of RGB. */
export const RGB = 3;

/** `TensorProto.dtype` of float32. */
export const DT_FLOAT = 1;
