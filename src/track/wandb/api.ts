/**
 * What is asked of a W&B server: GraphQL, the stream of a run's lines, and uploads. Names, variables and forms are
 * those of the official client.
 *
 * @module
 */

import manifest from "../../../deno.json" with { type: "json" };
import { ifThere } from "../../files.ts";
import type { Server, WandbSettings } from "./environment.ts";

/** An answer after which asking again is of no use. */
export class Refusal extends Error {}

/** A run, as a server is told of it. */
export interface LiveRun extends Omit<WandbSettings, "name" | "live" | "whyOffline"> {
  readonly id: string;
  readonly displayName: string;
  /** Settings by name. */
  readonly config: Readonly<Record<string, unknown>>;
  /** May the server know it already? */
  readonly isResumed: boolean;
}

/** Where a run is on the server, and the lines of it that are there. */
export interface Place {
  readonly entity: string;
  readonly project: string;
  readonly run: string;
  readonly lines: { readonly history: number; readonly events: number; readonly output: number };
  /** Last step of the history; −1 where there is none. */
  readonly lastStep: number;
}

/** A part of the stream. */
export interface StreamRequest {
  readonly files?: Readonly<Record<string, { readonly offset: number; readonly content: readonly string[] }>>;
  readonly uploaded?: readonly string[];
  readonly complete?: boolean;
  readonly exitcode?: number;
}

/** Answers after which it may go better: too many requests, a timeout, what is to come again. */
const MAY_PASS = new Set([408, 409, 425, 429]);

const VIEWER = "query Viewer { viewer { id entity username email flags teams { edges { node { name } } } } }";

const RESUME_STATUS = `query RunResumeStatus ($project: String, $entity: String, $name: String!) {
  model(name: $project, entityName: $entity) {
    id name entity { id name }
    bucket(name: $name, missingOk: true) {
      id name summaryMetrics displayName logLineCount historyLineCount eventsLineCount historyTail eventsTail config
    }
  }
}`;

const UPSERT = `mutation UpsertBucket ($id: String, $name: String, $project: String, $entity: String,
  $groupName: String, $description: String, $displayName: String, $notes: String, $commit: String, $config: JSONString,
  $host: String, $debug: Boolean, $program: String, $repo: String, $jobType: String, $state: String, $sweep: String,
  $tags: [String!], $summaryMetrics: JSONString) {
  upsertBucket(input: {id: $id, name: $name, groupName: $groupName, modelName: $project, entityName: $entity,
    description: $description, displayName: $displayName, notes: $notes, config: $config, commit: $commit, host: $host,
    debug: $debug, jobProgram: $program, jobRepo: $repo, jobType: $jobType, state: $state, sweep: $sweep, tags: $tags,
    summaryMetrics: $summaryMetrics}) {
    bucket {
      id name displayName description config sweepName project { id name entity { id name } } historyLineCount
    }
    inserted
  }
}`;

const CREATE_FILES = `mutation CreateRunFiles ($entity: String!, $project: String!, $run: String!, $files: [String!]!) {
  createRunFiles(input: {entityName: $entity, projectName: $project, runName: $run, files: $files}) {
    runID uploadHeaders files { name uploadUrl }
  }
}`;

// deno-lint-ignore no-explicit-any -- an answer is looked at field by field, each of which may be missing
type Answer = any;

/** Asks one server. */
export class Api {
  readonly #server: Server;
  readonly #timeout: number;
  readonly #abort = new AbortController();

  /**
   * Asks nothing yet.
   *
   * @param server Whom.
   * @param timeout Milliseconds after which no answer is one.
   */
  constructor(server: Server, timeout: number) {
    this.#server = server;
    this.#timeout = timeout;
  }

  /** Ends what is being asked. */
  stop(): void {
    this.#abort.abort();
  }

  /**
   * Makes the run known, or finds out what is known of it.
   *
   * @throws Refusal where the key is not accepted, or the server does not say where the run is.
   */
  async begin(run: LiveRun): Promise<Place> {
    const { viewer } = await this.#query("Viewer", VIEWER);
    if (!viewer) throw new Refusal("does not accept WANDB_API_KEY");
    const { project, entity = null, id: name } = run;
    const known = run.isResumed
      ? (await this.#query("RunResumeStatus", RESUME_STATUS, { project, entity, name })).model?.bucket
      : undefined;
    const { upsertBucket } = await this.#query("UpsertBucket", UPSERT, {
      ...{ id: null, name, project, entity, groupName: run.group ?? null, description: null },
      ...{ displayName: run.displayName, notes: run.notes ?? null, commit: null, config: configText(run.config) },
      ...{ host: null, debug: null, program: null, repo: null, jobType: run.jobType ?? null, state: null, sweep: null },
      ...{ tags: run.tags, summaryMetrics: null },
    });
    const bucket = upsertBucket?.bucket;
    const place = { entity: bucket?.project?.entity?.name, project: bucket?.project?.name, run: bucket?.name };
    if (!place.entity || !place.project || !place.run) throw new Refusal("does not say where the run is");
    return {
      ...place,
      lines: {
        history: known?.historyLineCount ?? 0,
        events: known?.eventsLineCount ?? 0,
        output: known?.logLineCount ?? 0,
      },
      lastStep: lastStepOf(known?.historyTail),
    };
  }

  /** Sends lines, or with nothing in it that the run is alive. */
  async stream({ entity, project, run }: Place, request: StreamRequest): Promise<void> {
    const path = [entity, project, run].map(encodeURIComponent).join("/");
    await this.#post(`files/${path}/file_stream`, request);
  }

  /**
   * Uploads files.
   *
   * @param place Of the run.
   * @param files Paths on this machine, by the names that the run knows them by.
   */
  async upload({ entity, project, run }: Place, files: ReadonlyMap<string, string>): Promise<void> {
    const variables = { entity, project, run, files: [...files.keys()] };
    const { createRunFiles } = await this.#query("CreateRunFiles", CREATE_FILES, variables);
    const headers = (createRunFiles?.uploadHeaders ?? []).map((line: string) => {
      const at = line.indexOf(":");
      return [line.slice(0, at), line.slice(at + 1)];
    });
    for (const { name, uploadUrl } of createRunFiles?.files ?? []) {
      const path = files.get(name);
      if (path === undefined) continue;
      const body = await ifThere(Deno.readFile(path));
      // Whoever removed it does not want it there.
      if (!body) continue;
      await this.#fetch(new URL(uploadUrl, `${this.#server.base}/`), { method: "PUT", headers, body });
    }
  }

  async #query(operationName: string, query: string, variables: Record<string, unknown> = {}): Promise<Answer> {
    const { data, errors } = await this.#post("graphql", { query, variables, operationName });
    if (errors?.length) throw new Refusal(`refuses ${operationName}: ${errors[0].message}`);
    return data ?? {};
  }

  async #post(path: string, body: unknown): Promise<Answer> {
    const text = await this.#fetch(new URL(`${this.#server.base}/${path}`), {
      method: "POST",
      headers: {
        "Authorization": `Basic ${btoa(`api:${this.#server.key}`)}`,
        "Content-Type": "application/json",
        "User-Agent": `fovea/${manifest.version}`,
      },
      body: JSON.stringify(body),
    });
    try {
      return Object(JSON.parse(text));
    } catch {
      throw new Error("answers with something that is no JSON");
    }
  }

  async #fetch(url: URL, init: RequestInit): Promise<string> {
    const timeout = new AbortController();
    let timer: ReturnType<typeof setTimeout>;
    const wait = () => {
      const due = performance.now() + this.#timeout;
      timer = setTimeout(() => {
        // A step that kept this thread for as long kept the answer, too.
        if (performance.now() - due > this.#timeout / 4) wait();
        else timeout.abort();
      }, this.#timeout);
    };
    wait();
    try {
      const answer = await fetch(url, { ...init, signal: AbortSignal.any([timeout.signal, this.#abort.signal]) });
      const text = await answer.text();
      if (answer.ok) return text;
      const reason = `answers ${answer.status} ${answer.statusText}`.trimEnd();
      const passes = answer.status >= 500 || MAY_PASS.has(answer.status);
      throw passes ? new Error(reason) : new Refusal(reason);
    } catch (error) {
      if (timeout.signal.aborted) throw new Error(`does not answer within ${this.#timeout / 1000} s`);
      if (error instanceof TypeError) throw new Error("cannot be reached");
      throw error;
    } finally {
      clearTimeout(timer!);
    }
  }
}

/** `{"lr": {"value": 0.002}}`. */
function configText(config: LiveRun["config"]): string {
  return JSON.stringify(Object.fromEntries(Object.entries(config).map(([name, value]) => [name, { value }])));
}

/** The last step of a list of JSON lines, as JSON. */
function lastStepOf(tail: unknown): number {
  try {
    const last = JSON.parse(JSON.parse(tail as string).at(-1));
    return typeof last._step === "number" ? last._step : -1;
  } catch {
    return -1;
  }
}
