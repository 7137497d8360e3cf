/**
 * Vulkan drivers that play a GPU on the processor, found on this machine or unpacked aside into the user's cache
 * folder. None is installed: Deno would take it for its own adapter then.
 *
 * @module
 */

import { cacheFolder } from "../../src/data/store/cache_folder.ts";

/** A driver, by the environment variables that name it. */
export interface Driver {
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Where Debian's chromium has its SwiftShader, and where a driver of the system is described. */
const CHROMIUM = "usr/lib/chromium";
const DESCRIPTIONS = "usr/share/vulkan/icd.d";

async function run(command: string, args: readonly string[], cwd?: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args: [...args], cwd }).output();
  if (!success) throw new Error(`${command} ${args.join(" ")}: ${new TextDecoder().decode(stderr).trim()}`);
  return new TextDecoder().decode(stdout);
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

/** Packages that installing one would install, itself included. */
async function missingWith(name: string): Promise<string[]> {
  const uris = await run("apt-get", ["install", "--print-uris", "-qq", "--no-install-recommends", name]);
  return [...uris.matchAll(/^'.*' ([^_\s]+)_/gm)].map(([, found]) => found);
}

/** Unpacks Debian packages into a folder of the cache, once; gives the folder. */
async function unpacked(name: string, packages: () => Promise<readonly string[]>): Promise<string> {
  const folder = `${cacheFolder()}/drivers/${name}`;
  if (await exists(folder)) return folder;
  const made = `${folder}.${Deno.pid}`;
  await Deno.mkdir(made, { recursive: true });
  try {
    for (const part of await packages()) await run("apt-get", ["download", "-qq", part], made);
    for (const { name } of Deno.readDirSync(made)) {
      await run("dpkg-deb", ["-x", name, "."], made);
      await Deno.remove(`${made}/${name}`);
    }
    await Deno.rename(made, folder);
  } catch (error) {
    await Deno.remove(made, { recursive: true });
    throw error;
  }
  return folder;
}

/** What can be had, or why it cannot. */
async function orWhyNot(find: () => Promise<Driver>): Promise<Driver | string> {
  try {
    return await find();
  } catch (error) {
    return (error as Error).message.replaceAll("\n", " ");
  }
}

/** SwiftShader, as Debian's chromium has it. */
export function findSwiftShader(): Promise<Driver | string> {
  return orWhyNot(async () => {
    const root = await exists(`/${CHROMIUM}/libvk_swiftshader.so`)
      ? ""
      : await unpacked("chromium", () => Promise.resolve(["chromium-common"]));
    const folder = `${root}/${CHROMIUM}`;
    return {
      name: "SwiftShader",
      env: { LD_LIBRARY_PATH: folder, VK_DRIVER_FILES: `${folder}/vk_swiftshader_icd.json` },
    };
  });
}

/**
 * Mesa's lavapipe, which has `shader-f16`, as Deno takes it. Dawn 0.6.2 refuses that of Mesa 22.3: it cannot index
 * arrays of textures.
 */
export function findLavapipe(): Promise<Driver | string> {
  return orWhyNot(async () => {
    const root = await unpacked("mesa-vulkan", () => missingWith("mesa-vulkan-drivers"));
    const [description] = [...Deno.readDirSync(`${root}/${DESCRIPTIONS}`)].filter(({ name }) => name.startsWith("lvp"));
    const { ICD, ...rest } = JSON.parse(await Deno.readTextFile(`${root}/${DESCRIPTIONS}/${description.name}`));
    // The path is the one of an installed driver, or a bare name.
    const library = (await run("find", [root, "-name", "libvulkan_lvp.so"])).trim();
    const own = `${root}/lavapipe.json`;
    await Deno.writeTextFile(own, JSON.stringify({ ...rest, ICD: { ...ICD, library_path: library } }));
    return {
      name: "lavapipe",
      env: {
        LD_LIBRARY_PATH: library.slice(0, library.lastIndexOf("/")),
        VK_DRIVER_FILES: own,
        DENO_WEBGPU_BACKEND: "vulkan",
      },
    };
  });
}
