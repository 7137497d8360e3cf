/**
 * What a fresh main job fetches: `deno run -A bench/fetched.ts` runs a short one with empty caches and prints the bytes
 * that came over the network, counted by a proxy in between. Deno itself is not among them. For `bench/items/start.ts`.
 *
 * @module
 */

import { connect, type Socket } from "node:net";
import { createServer } from "node:http";

const root = new URL("../", import.meta.url).pathname;
const folder = await Deno.makeTempDir();
let bytes = 0;
const proxy = createServer().on("connect", ({ url }, client: Socket) => {
  const [, host, port] = /^(.*):(\d+)$/.exec(url!)!;
  const server = connect(Number(port), host, () => {
    client.write("HTTP/1.1 200 Connection established\r\n\r\n");
    server.pipe(client);
    client.pipe(server);
  });
  server.on("data", (data: Uint8Array) => bytes += data.length);
  for (const [socket, other] of [[client, server], [server, client]]) socket.on("error", () => other.destroy());
});
await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
const { port } = proxy.address() as { port: number };
try {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "train", "--epochs", "1", "--out", `${folder}/run`],
    env: { DENO_DIR: `${folder}/deno`, FOVEA_CACHE: `${folder}/fovea`, HTTPS_PROXY: `http://127.0.0.1:${port}` },
    ...{ cwd: root, stdout: "null", stderr: "piped" },
  }).output();
  if (!success) throw new Error(`The main job failed: ${new TextDecoder().decode(stderr)}`);
  console.log(bytes);
} finally {
  await Deno.remove(folder, { recursive: true });
}
Deno.exit();
