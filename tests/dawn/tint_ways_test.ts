import { opsWithWays, waysOfOp } from "./texts.ts";
import { testTexts } from "./tint.ts";

testTexts("ways", new Map(opsWithWays.map((op) => [op.name, () => waysOfOp(op)])));
