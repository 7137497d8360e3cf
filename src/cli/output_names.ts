/**
 * Names of what is written of pictures, a file or more of each.
 *
 * @module
 */

import { extname } from "node:path";
import { commonFolder } from "./contact_sheet.ts";

/** Names of what is written, a different one for each picture: its path below the folder that all are in. */
export function outputNames(files: readonly string[]): string[] {
  const folder = commonFolder(files);
  const plain = files.map((file) => file.replaceAll("\\", "/").slice(folder.length).replaceAll("/", "_"));
  const short = plain.map((name) => name.slice(0, name.length - extname(name).length) || name);
  const taken = new Set<string>();
  return short.map((name, i) => {
    const isShared = short.filter((other) => other.toLowerCase() === name.toLowerCase()).length > 1;
    const wanted = isShared ? plain[i] : name;
    let free = wanted;
    for (let k = 2; taken.has(free.toLowerCase()); k++) free = `${wanted}-${k}`;
    taken.add(free.toLowerCase());
    return free;
  });
}
