/**
 * Two-dimensional convolution (cross-correlation, as in PyTorch), without bias. An elementwise op that follows adds the
 * bias, and is fused into the write-out.
 *
 * @module
 */

import { formOf, isForm, otherForms } from "./conv_forms.ts";
import { type ConvAttrs, convCases, convCost, convShape, convWindow } from "./conv_window.ts";
import { tapsOf } from "./convolve.ts";
import { type ComposedOp, defineOp, type Lowering } from "../op.ts";

/** The composition in a form, by default the one that the heuristic chooses. */
const lowerBy = (name?: string): Lowering<ConvAttrs> => (b, [x, weight], attrs) => {
  const { groups, ...window } = convWindow("conv2d", attrs);
  const form = formOf(b, x.shape, weight.shape, { groups, ...window }, name);
  if (form) return form.forward(b, x, weight);
  const [, , ...outputSize] = convShape("conv2d", x.shape, weight.shape, { groups, ...window });
  return b.op("convolve", [x, tapsOf(b, weight, groups, "O")], { ...window, transposed: false, outputSize });
};

/**
 * Convolution: x [N, C, H, W] and weight [O, C / groups, kh, kw] give [N, O, OH, OW]. Attributes: `stride` (default 1),
 * `padding` (0), `groups` (1). VJP: its two gradient ops.
 */
export const conv2d: ComposedOp = defineOp<ConvAttrs>({
  kind: "composed",
  name: "conv2d",
  shape: ([x, weight], attrs) => convShape("conv2d", x, weight, convWindow("conv2d", attrs)),
  vjp({ b, inputs: [x, weight], attrs, grad, needs }) {
    const window = { ...convWindow("conv2d", attrs) };
    const [, , h, w] = x.shape;
    const [, , kh, kw] = weight.shape;
    // The weight's comes first: x may go before its own gradient takes as much memory.
    const ofWeight = needs[1] ? b.op("conv2dWeightGrad", [x, grad], { ...window, kernelSize: [kh, kw] }) : undefined;
    const ofX = needs[0] ? b.op("conv2dInputGrad", [weight, grad], { ...window, inputSize: [h, w] }) : undefined;
    return [ofX, ofWeight];
  },
  isProduct: true,
  cost: ({ inputs: [x, weight], output }) => convCost(x, weight, output),
  lower: lowerBy(),
  alternatives: {
    names: ({ inputs: [x, weight], attrs }) => otherForms(x, weight, convWindow("conv2d", attrs)),
    lowering: (name) => isForm(name) ? lowerBy(name) : undefined,
  },
  samples: convCases.map(({ x, weight, window, abs, bench }) => ({
    inputs: [{ shape: x }, { shape: weight }],
    attrs: { ...window },
    abs,
    bench,
  })),
});
