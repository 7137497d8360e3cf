/**
 * Messages of protocol buffers, from a table of their fields. The bytes are made by `@bufbuild/protobuf`, Buf's own
 * implementation: it has no dependencies, runs nothing at installation, makes no code from texts, and is fetched with
 * the first message.
 *
 * @module
 */

/** A variable, so that a run without such trackers fetches nothing. */
const specifier = "npm:@bufbuild/protobuf@2.17.0";

type Library = typeof import("npm:@bufbuild/protobuf@2.17.0") & typeof import("npm:@bufbuild/protobuf@2.17.0/wkt");

/** Scalar types of fields, with their numbers in `descriptor.proto`. */
const scalars = { double: 1, float: 2, int64: 3, int32: 5, bool: 8, string: 9, bytes: 12, uint32: 13 } as const;
const MESSAGE = 11;
const [OPTIONAL, REPEATED] = [1, 3];

/**
 * Messages by name, and their fields: `{ Event: { wall_time: "1 double", summary: "5 Summary", tags: "3 string[]" } }`.
 * What is no scalar type is a message of the same table; an enumeration is an `int32`, which has the same bytes.
 */
export type Messages = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** A value of a message: fields by name, `int64` as a number; what is undefined is left out. */
export type Fields = { readonly [field: string]: unknown };

/** Writes and reads messages. */
export interface Codec<M extends Messages> {
  /**
   * A message's bytes.
   *
   * @throws TypeError for a field that it has not.
   */
  readonly encode: (message: keyof M & string, fields: Fields) => Uint8Array<ArrayBuffer>;
  /** A message of its bytes. Fields that are not in the table are passed over, those that are not set are absent. */
  readonly decode: (message: keyof M & string, bytes: Uint8Array) => Fields;
}

/**
 * Loads the library and makes a codec.
 *
 * @param name Of the messages' package, such as `tensorboard`.
 * @param messages The messages.
 */
export async function codecOf<const M extends Messages>(name: string, messages: M): Promise<Codec<M>> {
  const library: Library = { ...await import(specifier), ...await import(`${specifier}/wkt`) };
  const file = {
    // In proto2 a field that is set is written, also with the value 0: as one of a oneof is, which tells what is set.
    ...{ name: `${name}.proto`, package: name, syntax: "proto2" },
    messageType: Object.entries(messages).map(([message, fields]) => ({
      name: message,
      field: Object.entries(fields).map(([field, text]) => fieldOf(name, field, text)),
    })),
  };
  const set = library.create(library.FileDescriptorSetSchema, { file: [file] });
  const registry = library.createFileRegistry(set);
  const schemaOf = (message: string) => registry.getMessage(`${name}.${message}`)!;
  // The library knows fields by names in camel case.
  const local = (field: string) => field.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

  const withNames = (message: string, fields: Fields): Record<string, unknown> => {
    const entries = Object.entries(fields).filter(([, value]) => value !== undefined).map(([field, value]) => {
      const text = messages[message][field];
      if (text === undefined) throw new TypeError(`The message ${message} has no field ${field}`);
      const { type } = parsed(text);
      const one = (item: unknown) => {
        if (type in messages) return withNames(type, item as Fields);
        return type === "int64" ? BigInt(item as number) : item;
      };
      return [local(field), Array.isArray(value) ? value.map(one) : one(value)];
    });
    return Object.fromEntries(entries);
  };
  const fromNames = (message: string, value: Readonly<Record<string, unknown>>): Fields => {
    const entries = Object.entries(messages[message]).flatMap(([field, text]) => {
      const { type, isRepeated } = parsed(text);
      // Defaults are inherited.
      const found = Object.hasOwn(value, local(field)) ? value[local(field)] : undefined;
      if (found === undefined || (isRepeated && (found as unknown[]).length === 0)) return [];
      const one = (item: unknown) => {
        if (type in messages) return fromNames(type, item as Fields);
        return type === "int64" ? Number(item) : item;
      };
      return [[field, isRepeated ? (found as unknown[]).map(one) : one(found)]];
    });
    return Object.fromEntries(entries);
  };
  return {
    encode: (message, fields) => {
      const schema = schemaOf(message);
      return library.toBinary(schema, library.create(schema, withNames(message, fields)));
    },
    decode: (message, bytes) =>
      fromNames(message, library.fromBinary(schemaOf(message), bytes) as unknown as Record<string, unknown>),
  };
}

/** `3 string[]`: number, type, and whether there are several. */
function parsed(text: string): { number: number; type: string; isRepeated: boolean } {
  const [, number, type, several] = /^(\d+) (\w+)(\[\])?$/.exec(text)!;
  return { number: Number(number), type, isRepeated: several !== undefined };
}

function fieldOf(name: string, field: string, text: string) {
  const { number, type, isRepeated } = parsed(text);
  const scalar = (scalars as Readonly<Record<string, number>>)[type];
  return {
    ...{ name: field, number, label: isRepeated ? REPEATED : OPTIONAL },
    ...scalar === undefined ? { type: MESSAGE, typeName: `.${name}.${type}` } : { type: scalar },
  };
}
