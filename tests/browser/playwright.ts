/**
 * A browser that is driven: what is used of `playwright-core`, which is fetched by the tests that need it alone.
 *
 * @module
 */

/** In a variable, so that nothing is fetched where there is no browser. */
const specifier = "npm:playwright-core@1.65.1";

/** What is used of a page. */
export interface Page {
  goto(url: string): Promise<unknown>;
  reload(): Promise<unknown>;
  click(selector: string): Promise<void>;
  fill(selector: string, text: string): Promise<void>;
  selectOption(selector: string, value: string): Promise<unknown>;
  textContent(selector: string): Promise<string | null>;
  evaluate<T>(expression: string): Promise<T>;
  setViewportSize(size: { width: number; height: number }): Promise<void>;
  on(event: "console", listener: (message: { type(): string; text(): string }) => void): void;
  on(event: "pageerror", listener: (error: Error) => void): void;
  on(event: "request", listener: (request: { url(): string }) => void): void;
}

/** What is used of a browser. */
export interface Browser extends AsyncDisposable {
  newPage(options: { viewport: { width: number; height: number }; colorScheme: "light" | "dark" }): Promise<Page>;
}

/** Starts Chromium without a window. */
export async function openBrowser(executablePath: string): Promise<Browser> {
  // As it loads it looks for WSL in /proc, which Deno opens to nobody who may not do all. Its test switch passes over
  // that.
  Deno.env.set("__IS_WSL_TEST__", "1");
  const { chromium } = await import(specifier);
  // Root has no sandbox.
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  return {
    newPage: (options) => browser.newPage(options),
    [Symbol.asyncDispose]: () => browser.close(),
  };
}
