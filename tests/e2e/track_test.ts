/**
 * Trackers and `--json` from the command line, with the permissions of the tasks.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { classFolders, inFolder, write } from "../data/sets.ts";
import { WandbServer } from "../track/wandb_server.ts";
import { end, spawned, start } from "./command.ts";

Deno.test("train records offline, and train:online tells the server of the same run when it is resumed", () =>
  inFolder(async (folder) => {
    const [data, run, cache] = ["data", "run", "cache"].map((name) => join(folder, name));
    await write(data, classFolders({ a: 20, b: 20 }));
    await using server = new WandbServer();
    const env = { WANDB_BASE_URL: server.base, WANDB_API_KEY: "0".repeat(40), WANDB_PROJECT: "pets" };
    const trained = await spawned(
      [
        ...["train", "--data", data, "--model", "lenet", "--image-size", "32", "--batch", "8", "--epochs", "1"],
        ...["--out", run, "--log", "wandb,tensorboard", "csv", "--json", "--quiet"],
      ],
      cache,
      env,
    );
    assertEquals(trained.code, 0, trained.stderr);
    const objects = trained.stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
    assertEquals(objects.map(({ type }) => type), [
      "begin",
      "note",
      "train",
      "val",
      "checkpoint",
      "note",
      "test",
      "end",
    ]);
    const accuracy = JSON.parse(await Deno.readTextFile(join(run, "test", "metrics.json"))).accuracy;
    assertEquals([objects[6].accuracy, objects[0].path], [accuracy, run]);
    for (const line of ["data ", "split ", "device ", "accuracy ", "this command has no network", "run directory: "]) {
      assertStringIncludes(trained.stderr, line);
    }
    for (const line of ["epoch ", "saved "]) assert(!trained.stderr.includes(`\n${line}`), line);
    assertEquals(server.requests.length, 0);
    for (const name of ["metrics.csv", "metrics.jsonl"]) assert((await Deno.stat(join(run, name))).isFile);
    const [events] = await Array.fromAsync(Deno.readDir(join(run, "tensorboard")));
    assert(events.name.startsWith("events.out.tfevents."));

    // What is over has nothing left to train; what is recorded is sent.
    const resumed = await end(start(["train", "--resume", run], cache, env, "train:online"));
    assertEquals(resumed.code, 0, resumed.stderr);
    assertStringIncludes(resumed.stderr, `W&B: ${server.base} is told as pets/`);
    assertEquals(server.exit, 0, resumed.stderr);
    const rows = server.lines["wandb-history.jsonl"].map((line) => JSON.parse(line));
    assertEquals(rows.map(({ _step, "val/accuracy": value }) => [_step, value]), [[4, objects[3].accuracy]]);
    assertEquals([...server.files.keys()].filter((name) => name.startsWith("media/images/val/")).length, 5);
  }));
