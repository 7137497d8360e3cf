import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import type { Device } from "../../src/device/device.ts";
import { type Rates, UNPACED } from "../../src/device/rates.ts";
import { measureRates } from "../../src/device/self_test.ts";
import { UserError } from "../../src/errors.ts";
import { ratesOf, ratesOfRun, ratesText } from "../../src/train/rates.ts";
import { inFolder } from "../data/sets.ts";
import { devices, openAsGpu } from "../kernels/devices.ts";

const RATES: Rates = { flops: 2.5e12, bytes: 9e11, readBack: 0.011, queueDepth: 2, isProcessor: false };
const FILE = "rates-an-adapter-1-0.json";

/**
 * A device whose clock is this one: products take as long as `secondsOf` says, by the way that is chosen for them.
 *
 * @param secondsOf Of a run of a program with so many steps in flight.
 */
function fakeDevice(secondsOf: (way: string, inFlight: number) => number, isSoftware = false) {
  const opened: string[] = [];
  let now = 0;
  const device = {
    ...{ kind: "webgpu", description: "an Adapter (1.0)", isSoftware },
    open(choices: { of(op: string, call: unknown): string | undefined }) {
      const way = choices.of("matmul", undefined) ?? "rules";
      opened.push(way);
      let inFlight = 0;
      return {
        compile: () => ({ run: () => void (now += secondsOf(way, ++inFlight)) }),
        write: () => {},
        read: () => Promise.resolve((now += 0.01, new Map())),
        settle: () => Promise.resolve((now += 0.01, inFlight = 0)),
        [Symbol.dispose]() {},
      };
    },
  } as unknown as Device;
  return { device, opened, clock: () => 1000 * now };
}

/** Measures a fake device by its own clock. */
async function measureFake(fake: ReturnType<typeof fakeDevice>): Promise<Rates> {
  const { now } = performance;
  performance.now = fake.clock;
  try {
    return await measureRates(fake.device);
  } finally {
    performance.now = now;
  }
}

const near = (a: number, b: number) => Math.abs(a / b - 1) < 0.02;

Deno.test("measureRates() counts what runs take, without the wait for the device", async () => {
  // 4 ms a product of 512³ and a copy of 2²⁰ numbers: not too short to tell.
  const { flops, bytes, readBack, queueDepth, isProcessor } = await measureFake(fakeDevice(() => 0.004));
  assert(near(flops, 2 * 512 ** 3 / 0.004), `${flops}`);
  assert(near(bytes, 8 * 2 ** 20 / 0.004), `${bytes}`);
  assert(near(readBack, 0.01), `${readBack}`);
  assertEquals([queueDepth, isProcessor], [UNPACED, false]);
});

Deno.test("measureRates() takes larger work where the small is too short to tell", async () => {
  const { flops, bytes } = await measureFake(fakeDevice(() => 0.001));
  assert(near(flops, 2 * 2048 ** 3 / 0.001), `${flops}`);
  assert(near(bytes, 8 * 2 ** 23 / 0.001), `${bytes}`);
});

Deno.test("measureRates() knows a processor by what it is faster by", async () => {
  const ways = (way: string) => way === "rules" ? 0.03 : 0.01;
  const played = fakeDevice(ways);
  const rates = await measureFake(played);
  assertEquals([rates.isProcessor, rates.queueDepth], [true, UNPACED]);
  assert(near(rates.flops, 2 * 512 ** 3 / 0.01), "its rate is the better one");
  assertEquals(played.opened, ["rules", "16x16"]);
  // A slow GPU is none, what says so itself is not asked, and no processor is as fast as a card.
  assertEquals((await measureFake(fakeDevice((way) => way === "rules" ? 0.03 : 0.025))).isProcessor, false);
  const known = fakeDevice(ways, true);
  assertEquals((await measureFake(known)).isProcessor, false);
  assertEquals(known.opened, ["rules"]);
  const card = fakeDevice(() => 1e-4);
  await measureFake(card);
  assertEquals(card.opened, ["rules"]);
});

Deno.test("measureRates() paces a device whose queue makes it slower", async () => {
  // A wait costs 10 ms, and so does a step, but for every one beyond two in flight, which costs four times as much.
  const slow = (_: string, inFlight: number) => inFlight > 2 ? 0.04 : 0.01;
  assertEquals((await measureFake(fakeDevice(slow))).queueDepth, 2);
});

Deno.test({
  name: "measureRates() of the adapter at hand, and as it would be of one that does not say what it is",
  ignore: !devices[0].present,
  async fn() {
    await using device = await openAsGpu("llvmpipe");
    const rates = await measureRates(device);
    for (const rate of [rates.flops, rates.bytes, rates.readBack]) assert(Number.isFinite(rate) && rate > 0, `${rate}`);
    if (device.isSoftware) assertEquals(rates.queueDepth, UNPACED);
    assertEquals(device.rates, undefined);
  },
});

Deno.test("rates are measured once, and again for other versions, other kernels, or a damaged file", () =>
  inFolder(async (folder) => {
    const measure = async (again = false) => {
      const fake = fakeDevice(() => 0.004);
      const { now } = performance;
      performance.now = fake.clock;
      try {
        return await ratesOf(fake.device, join(folder, "new"), again);
      } finally {
        performance.now = now;
      }
    };
    const first = await measure();
    assertEquals(first.isNew, true);
    assertEquals(await measure(), { rates: first.rates, isNew: false });
    assertEquals((await measure(true)).isNew, true);
    const path = join(folder, "new", FILE);
    const kept = JSON.parse(await Deno.readTextFile(path));
    const damages = [
      ...[{ adapter: "an-adapter 1.0" }, { fovea: "0.0.0" }, { isSoftware: true }].map((x) => ({ ...kept, ...x })),
      ...[null, {}, { ...kept.rates, flops: 0 }, { ...kept.rates, queueDepth: 1.5 }].map((x) => ({
        ...kept,
        rates: x,
      })),
    ];
    for (const damage of [...damages.map((x) => JSON.stringify(x)), "", "{", "null"]) {
      await Deno.writeTextFile(path, damage);
      assertEquals((await measure()).isNew, true, damage);
      assertEquals((await measure()).isNew, false, damage);
    }
  }));

Deno.test("where nothing can be kept a device is measured all the same", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "file"), "");
    const fake = fakeDevice(() => 0.004, true);
    const { isNew, notKept } = await ratesOf(fake.device, join(folder, "file", "cache"));
    assertEquals(isNew, true);
    assertStringIncludes(notKept!, FILE);
  }));

Deno.test("a resumed run goes by the rates it began with", () =>
  inFolder(async (folder) => {
    const config = (config: unknown) => Deno.writeTextFile(join(folder, "config.json"), JSON.stringify(config));
    await config({ rates: RATES });
    assertEquals(await ratesOfRun(folder), RATES);
    await config({});
    assertEquals(await ratesOfRun(folder), undefined);
    await config({ rates: { ...RATES, flops: "fast" } });
    await assertRejects(
      () => ratesOfRun(folder),
      UserError,
      'config.json: rates.flops is "fast": give a number above 0',
    );
  }));

Deno.test("rates are written with their units", () => {
  assertEquals(ratesText(RATES), "2.50 TFLOP/s in a matrix product, 900 GB/s in a copy, 11 ms to read back");
});
