/**
 * Opens a page in Chromium without a window and reads its console. Nothing but a file and standard error is needed:
 * no port, no driver.
 *
 * @module
 */

/** Names of the browser, the first that is installed is taken. */
const names = ["chromium", "google-chrome"];

/** Everything that has to be said for WebGPU on a machine without a GPU: SwiftShader, which comes with the browser. */
const flags = [
  "--headless=new",
  "--no-sandbox", // root has none
  "--no-first-run",
  "--disable-gpu-sandbox",
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  "--enable-logging=stderr",
];

/** Path of the browser, or undefined where there is none. */
export async function findChromium(): Promise<string | undefined> {
  for (const folder of (Deno.env.get("PATH") ?? "").split(":")) {
    for (const name of names) {
      const found = await Deno.stat(`${folder}/${name}`).catch(() => undefined);
      if (found?.isFile) return `${folder}/${name}`;
    }
  }
}

/**
 * Opens a page and gives the lines that it writes on its console, until the reader has enough.
 *
 * @param chromium Path of the browser.
 * @param script What the page runs: a module's text.
 * @param mark What the lines that are wanted begin with; it is not part of what is given.
 * @param seconds After which the page is closed.
 */
export async function* consoleOf(
  chromium: string,
  script: string,
  mark: string,
  seconds: number,
): AsyncGenerator<string> {
  const folder = await Deno.makeTempDir({ prefix: "fovea-chromium-" });
  try {
    const page = `${folder}/page.html`;
    await Deno.writeTextFile(
      page,
      `<!doctype html><meta charset="utf-8"><script type="module">${
        script.replaceAll("</script", "<\\/script")
      }</script>`,
    );
    await using browser = new Deno.Command(chromium, {
      args: [...flags, `--user-data-dir=${folder}/profile`, `file://${page}`],
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const timer = setTimeout(() => browser.kill("SIGKILL"), 1000 * seconds);
    try {
      // `[1:1:0101/000000.000000:INFO:CONSOLE:1] "text", source: file:///page.html (1)`
      const line = new RegExp(`^\\[[^\\]]*CONSOLE[^\\]]*\\] "${mark}(.*)", source: \\S* \\(\\d+\\)$`);
      for await (const text of linesOf(browser.stderr)) {
        const found = line.exec(text);
        if (found) yield found[1];
      }
    } finally {
      clearTimeout(timer);
    }
  } finally {
    await removeLater(folder);
  }
}

/** Removes the profile. Processes of Chromium's own outlive the one that was started, and may write to it meanwhile. */
async function removeLater(folder: string): Promise<void> {
  for (let left = 25;; left--) {
    try {
      return await Deno.remove(folder, { recursive: true });
    } catch (error) {
      if (left === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}
