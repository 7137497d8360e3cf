/**
 * What the environment says of W&B: the variables that its own client reads. Only those that may be read are looked at.
 *
 * @module
 */

/** Server and key. */
export interface Server {
  /** Without a slash at the end. */
  readonly base: string;
  readonly key: string;
}

/** Where a run is sent, and how it is called there. */
export interface WandbSettings {
  readonly project: string;
  /** User or team; by default the key's. */
  readonly entity?: string;
  readonly name?: string;
  readonly notes?: string;
  readonly tags: readonly string[];
  readonly group?: string;
  readonly jobType?: string;
  /** Server and key, where the run is to be told as it goes. */
  readonly live?: Server;
  /** Why it is not. */
  readonly whyOffline?: string;
}

/** Reads a variable; undefined where it is empty or may not be read. */
type Read = (name: string) => string | undefined;

const readPermitted: Read = (variable) => {
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  return state === "granted" ? Deno.env.get(variable) || undefined : undefined;
};

/** A command without the network has no key to read either, though it may serve a page on this machine. */
const mayConnect = ({ host }: URL): boolean =>
  ([{ name: "net", host }, { name: "env", variable: "WANDB_API_KEY" }] as const)
    .every((permission) => Deno.permissions.querySync(permission).state === "granted");

/**
 * The settings of this process.
 *
 * @param read Reads a variable.
 * @param permits Says whether the network permits a server.
 */
export function wandbSettings(read: Read = readPermitted, permits: (url: URL) => boolean = mayConnect): WandbSettings {
  const rest = {
    project: read("WANDB_PROJECT") ?? "fovea",
    ...{ entity: read("WANDB_ENTITY"), name: read("WANDB_NAME"), notes: read("WANDB_NOTES") },
    ...{ group: read("WANDB_RUN_GROUP"), jobType: read("WANDB_JOB_TYPE") },
    tags: read("WANDB_TAGS")?.split(",").map((tag) => tag.trim()).filter((tag) => tag) ?? [],
  };
  const base = read("WANDB_BASE_URL") ?? "https://api.wandb.ai";
  const url = URL.canParse(base) ? new URL(base) : undefined;
  const key = read("WANDB_API_KEY");
  const mode = read("WANDB_MODE");
  const whyOffline = !url || !/^https?:$/.test(url.protocol)
    ? "WANDB_BASE_URL is no http address"
    : !permits(url)
    ? "this command has no network (the task train:online has)"
    : mode === "offline" || mode === "disabled" || mode === "dryrun"
    ? `WANDB_MODE is ${mode}`
    : key === undefined
    ? "WANDB_API_KEY is not set"
    : undefined;
  return whyOffline ? { ...rest, whyOffline } : { ...rest, live: { base: base.replace(/\/+$/, ""), key: key! } };
}
