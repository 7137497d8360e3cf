/**
 * LeNet-5 (LeCun et al., "Gradient-based learning applied to document recognition", 1998, figure 2), with the full
 * connections in C3 and the plain dense output that are usual today.
 *
 * @module
 */

import { avgPool2d, conv2d, flatten, lazyLinear, sequential, tanh } from "../nn/mod.ts";
import type { Family } from "../interop/keys/family.ts";
import type { ModelDefinition } from "./model.ts";
import { scaledBy } from "./width.ts";

/** No library has it: files of its weights are Fovea's. */
const family: Family = {
  name: "lenet",
  own: true,
  heads: ["output"],
  stem: "c1",
  rows: ["c1.*", "c3.*", "c5.*", "f6.*", "output.*"].map((ours) => ({ ours })),
};

/** `lenet`. */
export const lenet: ModelDefinition = {
  name: "lenet",
  summary: "LeNet-5 (LeCun 1998): two 5×5 convolutions with tanh and average pooling, three dense layers",
  imageSize: 32,
  minImageSize: 16,
  family,
  build: ({ channels, classes, imageSize, width }) => {
    const [c1, c3, c5, f6] = [6, 16, 120, 84].map(scaledBy(width, 1));
    return sequential({
      // The paper puts digits of 28×28 into a field of 32×32.
      c1: conv2d(channels, c1, 5, { padding: imageSize === 28 ? 2 : 0 }),
      tanh1: tanh(),
      s2: avgPool2d(2),
      c3: conv2d(c1, c3, 5),
      tanh3: tanh(),
      s4: avgPool2d(2),
      flatten: flatten(),
      c5: lazyLinear(c5),
      tanh5: tanh(),
      f6: lazyLinear(f6),
      tanh6: tanh(),
      output: lazyLinear(classes),
    });
  },
};
