/**
 * Names of the methods, for those who load nothing that computes.
 *
 * @module
 */

/** All methods, in the order of the help. */
export const methodNames = [
  "grad-cam",
  "grad-cam++",
  "layer-cam",
  "rollout",
  "attention",
  "gradient",
  "smoothgrad",
  "integrated-gradients",
  "occlusion",
  "deconvolution",
  "guided",
] as const;

/** Name of a method. */
export type MethodName = typeof methodNames[number];
