/**
 * Gradient of a convolution with respect to its input; also known as transposed convolution.
 *
 * @module
 */

import { formOf, isForm, otherForms } from "./conv_forms.ts";
import { checkConvGrad, type ConvAttrs, convCases, convCost, convShape, convWindow, sizePair } from "./conv_window.ts";
import { tapsOf } from "./convolve.ts";
import { type ComposedOp, defineOp, type Lowering, type Shape, shapesText } from "../op.ts";

/** Attributes: the convolution's, and [H, W] of its pictures. */
type InputGradAttrs = ConvAttrs & { readonly inputSize: readonly number[] };

const NAME = "conv2dInputGrad";

function shape([weight, dout]: readonly Shape[], attrs: InputGradAttrs): Shape {
  if (weight.length !== 4 || dout.length !== 4) {
    throw new TypeError(
      `Cannot ${NAME} ${shapesText([weight, dout])}: it takes [O, C / groups, kh, kw] and [N, O, OH, OW]`,
    );
  }
  const window = convWindow(NAME, attrs);
  const dx = [dout[0], weight[1] * window.groups, ...sizePair(NAME, "inputSize", attrs.inputSize)];
  checkConvGrad(NAME, dx, weight, dout, window);
  return dx;
}

/** The composition in a form, by default the one that the heuristic chooses. */
const lowerBy = (name?: string): Lowering<InputGradAttrs> => (b, [weight, dout], attrs) => {
  const { groups, ...window } = convWindow(NAME, attrs);
  const dx = shape([weight.shape, dout.shape], attrs);
  const form = formOf(b, dx, weight.shape, { groups, ...window }, name);
  if (form) return form.inputGrad(b, weight, dout, dx);
  const outputSize = sizePair(NAME, "inputSize", attrs.inputSize);
  return b.op("convolve", [dout, tapsOf(b, weight, groups, "C")], { ...window, transposed: true, outputSize });
};

/**
 * dx [N, C, H, W] of a convolution from weight [O, C / groups, kh, kw] and dout [N, O, OH, OW]. Attributes: the
 * convolution's `stride`, `padding`, `groups`, and `inputSize` [H, W], which dout leaves open. It is linear in both:
 * its VJP is the weight's gradient and the convolution.
 */
export const conv2dInputGrad: ComposedOp = defineOp<InputGradAttrs>({
  kind: "composed",
  name: NAME,
  shape,
  vjp({ b, inputs: [weight, dout], attrs, grad, needs }) {
    const window = { ...convWindow(NAME, attrs) };
    const [, , kh, kw] = weight.shape;
    return [
      needs[0] ? b.op("conv2dWeightGrad", [grad, dout], { ...window, kernelSize: [kh, kw] }) : undefined,
      needs[1] ? b.op("conv2d", [grad, weight], window) : undefined,
    ];
  },
  cost: ({ inputs: [weight, dout], output }) => convCost(output, weight, dout),
  lower: lowerBy(),
  alternatives: {
    names: ({ inputs: [weight], output: dx, attrs }) => otherForms(dx, weight, convWindow(NAME, attrs)),
    lowering: (name) => isForm(name) ? lowerBy(name) : undefined,
  },
  samples: convCases.map(({ x, weight, window, abs, bench }) => ({
    inputs: [{ shape: weight }, { shape: convShape("conv2d", x, weight, window) }],
    attrs: { ...window, inputSize: x.slice(2) },
    abs,
    bench,
  })),
});
