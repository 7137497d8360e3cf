/**
 * Texts to modules, by wabt; equal texts are one module.
 *
 * @module
 */

/** The part of wabt that is used. */
interface Wabt {
  parseWat(name: string, text: string, features: Readonly<Record<string, boolean>>): {
    resolveNames(): void;
    validate(): void;
    toBinary(options: Readonly<Record<string, boolean>>): { readonly buffer: Uint8Array<ArrayBuffer> };
    destroy(): void;
  };
}

/** A variable, so that Deno fetches wabt only when this device is used. */
const specifier = "npm:wabt@1.0.39";

const FEATURES = { simd: true, threads: true, relaxed_simd: true, bulk_memory: true };

/** Makes modules, and keeps them. */
export class Assembler {
  readonly #wabt: Wabt;
  readonly #numbers = new Map<string, number>();
  /** By number. */
  readonly modules: WebAssembly.Module[] = [];

  private constructor(wabt: Wabt) {
    this.#wabt = wabt;
  }

  /** Loads wabt. */
  static async open(): Promise<Assembler> {
    const { default: load } = await import(specifier);
    return new Assembler(await load());
  }

  /** Number of the module of a text. Throws Error, with the text's line, where it is none. */
  assemble(text: string): number {
    let number = this.#numbers.get(text);
    if (number !== undefined) return number;
    const parsed = this.#wabt.parseWat("step.wat", text, FEATURES);
    try {
      parsed.resolveNames();
      number = this.modules.push(new WebAssembly.Module(parsed.toBinary({}).buffer)) - 1;
    } finally {
      parsed.destroy();
    }
    this.#numbers.set(text, number);
    return number;
  }
}
