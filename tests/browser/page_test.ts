/**
 * What a page needs is bundled for a browser, and does in Chromium what it does elsewhere: networks against PyTorch's
 * numbers (fixtures/browser/make.py), resizing and reading weights against Deno's.
 */

import { assert, assertEquals } from "@std/assert";
import fixture from "../../fixtures/browser/models.json" with { type: "json" };
import { squareOf } from "../../src/data/pictures/resize.ts";
import { encodeSafetensors } from "../../src/interop/safetensors_file.ts";
import { isWithin, valueDeviation } from "../../src/train/parity.ts";
import { consoleOf, findChromium } from "./chromium.ts";
import { MARK, type Part, picture, RESIZING } from "./parts.ts";

/** Longest that the page may take, in seconds: SwiftShader compiles slowly. */
const LIMIT = 240;

const isQuick = Deno.env.get("FOVEA_QUICK") === "1";
const chromium = await findChromium();

/** Has the browser an adapter? */
async function hasAdapter(path: string): Promise<boolean> {
  const ask = `console.log("${MARK}" + Boolean(await navigator.gpu?.requestAdapter()))`;
  for await (const answer of consoleOf(path, ask, MARK, 20)) return answer === "true";
  return false;
}

/** The page's script. */
async function bundle(): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--platform", "browser", new URL("page.ts", import.meta.url).pathname],
  }).output();
  const text = new TextDecoder();
  assertEquals(code, 0, text.decode(stderr));
  return text.decode(stdout);
}

const ramp = Float32Array.from({ length: 300 }, (_, i) => i / 7);

Deno.test({
  name: "a page in Chromium resizes, reads weights, evaluates and trains",
  ignore: isQuick || chromium === undefined || !await hasAdapter(chromium),
  async fn(t) {
    const file = encodeSafetensors(new Map([["ramp", { shape: [300], values: ramp }]]));
    const bytes = new Uint8Array(await new Blob(file as Uint8Array<ArrayBuffer>[]).arrayBuffer());
    const script = `globalThis.FILE = "${bytes.toBase64()}";\n${await bundle()}`;
    const parts = new Map<string, Part>();
    for await (const line of consoleOf(chromium!, script, MARK, LIMIT)) {
      const part: Part = JSON.parse(line);
      parts.set(part.name, part);
      if (part.name === "end") break;
    }
    const valuesOf = (name: string): readonly number[] => {
      const { values, error } = parts.get(name) ?? { error: `the page said nothing of it, in ${LIMIT} s at most` };
      assert(values, `${name}: ${error}`);
      return values;
    };
    await t.step("pictures are resized as in Deno", () => {
      assertEquals(valuesOf("resizing"), [...squareOf(picture(), RESIZING).data]);
    });
    await t.step("weights are read, and damaged ones refused", () => {
      assertEquals(valuesOf("safetensors"), [...ramp]);
      assertEquals(parts.get("a damaged file")!.error?.includes("its hash does not match"), true);
    });
    const { evaluated, trained } = fixture;
    const wanted = [
      ...evaluated.map(({ model, logits }) => ({ name: model, what: "logits", values: logits })),
      { name: "training", what: `losses of ${trained.model}'s first steps`, values: trained.losses },
    ];
    for (const { name, what, values } of wanted) {
      await t.step(`${name}: ${what} are PyTorch's`, () => {
        const deviation = valueDeviation(name, valuesOf(name), values);
        assert(isWithin(deviation), `${name} is off by ${deviation.error}, limit ${deviation.limit}`);
      });
    }
  },
});
