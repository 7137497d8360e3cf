import { assertEquals } from "@std/assert";
import { measureOf } from "../../src/metrics/mod.ts";
import { monitored, monitoredIn, monitors } from "../../src/metrics/monitored.ts";
import { reportOf } from "../../src/run/evaluate.ts";

const classes = ["a", "b", "c", "d", "e", "f"];
const logits = Float32Array.from({ length: 10 * 6 }, (_, i) => Math.sin(7 * i * i));
const oneHot = Float32Array.from(logits, (_, i) => Number(i % 6 === (i / 6 | 0) % 5));
const labels = Float32Array.from(logits, (_, i) => Number(i % 4 === 0));

const tasks = [
  {
    task: "binary",
    names: ["yes"],
    logits: logits.slice(0, 10),
    targets: labels.slice(0, 10),
    truth: labels.slice(0, 10),
  },
  { task: "multiclass", names: classes, logits, targets: oneHot, truth: Array.from({ length: 10 }, (_, n) => n % 5) },
  { task: "multilabel", names: classes, logits, targets: labels, truth: labels },
] as const;

Deno.test("what can be monitored of a task is what its test reports of the whole, and has the same values", async (t) => {
  for (const { task, names, logits, targets, truth } of tasks) {
    await t.step(task, () => {
      const measured = measureOf(task, logits, truth, names.length)(new Uint16Array(10).fill(1));
      const known = monitors.filter((name) => monitored[name].tasks.includes(task));
      assertEquals(known.map((name) => monitored[name].key).toSorted(), Object.keys(measured).toSorted());
      const report = reportOf(task, { logits, targets }, names);
      for (const name of known) {
        const value = monitoredIn(name, report, { logits, targets });
        assertEquals(value?.toFixed(12), measured[monitored[name].key]?.toFixed(12), name);
      }
    });
  }
});

Deno.test("less is better of losses and errors alone", () => {
  const lower = monitors.filter((name) => monitored[name].isLower);
  assertEquals(lower, ["loss", "brier", "calibration-error", "hamming-loss"]);
  // A top-5 accuracy of two classes is undefined.
  const [logits, targets] = [Float32Array.of(1, 0, 0, 1), Float32Array.of(1, 0, 1, 0)];
  const report = reportOf("multiclass", { logits, targets }, ["a", "b"]);
  assertEquals(monitoredIn("top5", report, { logits, targets }), null);
});
