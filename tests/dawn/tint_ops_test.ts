import { registry } from "../../kernels/mod.ts";
import { textsOfOp } from "./texts.ts";
import { testTexts } from "./tint.ts";

testTexts("ops", new Map([...registry].map(([name, op]) => [name, () => textsOfOp(op)])));
