/**
 * What max and average pooling share: reading the window's attributes and the shape rule.
 *
 * @module
 */

import { type Shape, shapesText } from "../op.ts";

/** Attributes of a pooling. */
export type PoolAttrs = { readonly kernel: number; readonly stride?: number; readonly padding?: number };

/** Of a pooling's gradient: the size of the pictures, too. */
export type PoolGradAttrs = PoolAttrs & { readonly height: number; readonly width: number };

/** A pooling window, complete. */
export interface PoolWindow {
  /** Side of the square window. */
  readonly kernel: number;
  /** Step between windows; the default is `kernel`. */
  readonly stride: number;
  /** Border added on every side; at most half of `kernel`, so that no window lies in it; the default is 0. */
  readonly padding: number;
}

/**
 * The window that attributes `kernel`, `stride` and `padding` describe.
 *
 * @throws RangeError when a value cannot be a window's.
 */
export function poolWindow(name: string, attrs: PoolAttrs): PoolWindow {
  const kernel = attrs.kernel;
  const stride = attrs.stride ?? kernel;
  const padding = attrs.padding ?? 0;
  const isCount = (value: number, least: number) => Number.isInteger(value) && value >= least;
  if (!isCount(kernel, 1) || !isCount(stride, 1) || !isCount(padding, 0) || padding > kernel / 2) {
    throw new RangeError(
      `Cannot ${name} with kernel ${kernel}, stride ${stride}, padding ${padding}: ` +
        "kernel and stride are integers from 1, padding is from 0 to half of kernel",
    );
  }
  return { kernel, stride, padding };
}

/**
 * Shape after pooling [N, C, H, W]: [N, C, OH, OW] with OH = ⌊(H + 2·padding − kernel) / stride⌋ + 1.
 *
 * @throws TypeError when `x` is not of rank 4 or smaller than one window.
 */
export function poolShape(name: string, x: Shape, { kernel, stride, padding }: PoolWindow): Shape {
  const [n, c, h, w] = x;
  if (x.length !== 4) throw new TypeError(`Cannot ${name} [${x.join(", ")}]: it takes [N, C, H, W]`);
  if (Math.min(h, w) + 2 * padding < kernel) {
    throw new TypeError(
      `Cannot ${name} [${
        x.join(", ")
      }]: a ${kernel}×${kernel} window with padding ${padding} does not fit in ${h}×${w}`,
    );
  }
  const out = (size: number) => Math.floor((size + 2 * padding - kernel) / stride) + 1;
  return [n, c, out(h), out(w)];
}

/**
 * Shape of a pooling's gradient with respect to its input, [N, C, height, width] by the attributes.
 *
 * @throws TypeError when pooling that shape does not give the shape of each of `inputs`.
 */
export function poolGradShape(name: string, inputs: readonly Shape[], attrs: PoolGradAttrs): Shape {
  const [[n, c]] = inputs;
  const dx = [n, c, attrs.height, attrs.width];
  const pooled = poolShape(name, dx, poolWindow(name, attrs));
  if (inputs.some((input) => shapesText([input]) !== shapesText([pooled]))) {
    throw new TypeError(
      `Cannot ${name} ${shapesText(inputs)} to ${shapesText([dx])}: that takes ${shapesText([pooled])}`,
    );
  }
  return dx;
}

/** How many windows before the last that holds an element may hold it too, along one axis. */
export function reachOf({ kernel, stride }: PoolWindow): number {
  return Math.floor((kernel - 1) / stride);
}
