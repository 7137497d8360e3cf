/**
 * Stand-in for `jsr:@std/assert` on hosts that cannot reach JSR: the same code from npm, which comes without
 * types, under the types of the original. It exports only what Fovea's tests use.
 *
 * @module
 */

import * as std from "npm:deno-std@1.4.0/assert/mod.js";

/** A class whose instances are `T`; its constructor is never called here, so its parameters may be anything. */
// deno-lint-ignore no-explicit-any
type Class<T> = abstract new (...args: any[]) => T;

/** What the assertions throw. */
export const AssertionError: new (message: string, options?: ErrorOptions) => Error = std.AssertionError;

/** Deep equality, the one of {@link assertEquals}. */
export const equal: (a: unknown, b: unknown) => boolean = std.equal;
/** Fails always. */
export const fail: (msg?: string) => never = std.fail;
/** Fails where the program must not come. */
export const unreachable: (msg?: string) => never = std.unreachable;

/** Holds when `expr` is truthy. */
export const assert: (expr: unknown, msg?: string) => asserts expr = std.assert;
/** Holds when `expr` is falsy. */
export const assertFalse: (expr: unknown, msg?: string) => asserts expr is false | 0 | "" | 0n | null | undefined =
  std.assertFalse;
/** Holds when both are deeply equal. */
export const assertEquals: <T>(actual: T, expected: T, msg?: string) => void = std.assertEquals;
/** Holds when they are not deeply equal. */
export const assertNotEquals: <T>(actual: T, expected: T, msg?: string) => void = std.assertNotEquals;
/** Holds when both are the same by `Object.is`. */
export const assertStrictEquals: <T>(actual: unknown, expected: T, msg?: string) => asserts actual is T =
  std.assertStrictEquals;
/** Holds when they are not the same by `Object.is`. */
export const assertNotStrictEquals: <T>(actual: T, expected: T, msg?: string) => void = std.assertNotStrictEquals;
/** Holds when the distance is at most `tolerance`; default 1e-7 of `expected`. */
export const assertAlmostEquals: (actual: number, expected: number, tolerance?: number, msg?: string) => void =
  std.assertAlmostEquals;
/** Holds when `actual > expected`. */
export const assertGreater: <T>(actual: T, expected: T, msg?: string) => void = std.assertGreater;
/** Holds when `actual >= expected`. */
export const assertGreaterOrEqual: <T>(actual: T, expected: T, msg?: string) => void = std.assertGreaterOrEqual;
/** Holds when `actual < expected`. */
export const assertLess: <T>(actual: T, expected: T, msg?: string) => void = std.assertLess;
/** Holds when `actual <= expected`. */
export const assertLessOrEqual: <T>(actual: T, expected: T, msg?: string) => void = std.assertLessOrEqual;
/** Holds when `actual` is neither null nor undefined. */
export const assertExists: <T>(actual: T, msg?: string) => asserts actual is NonNullable<T> = std.assertExists;
/** Holds when `actual` is an instance of `expectedType`. */
export const assertInstanceOf: <T>(actual: unknown, expectedType: Class<T>, msg?: string) => asserts actual is T =
  std.assertInstanceOf;
/** Holds when `actual` is an `ErrorClass` whose message has `msgMatches` in it. */
export const assertIsError: <E extends Error = Error>(
  actual: unknown,
  ErrorClass?: Class<E>,
  msgMatches?: string | RegExp,
  msg?: string,
) => asserts actual is E = std.assertIsError;
/** Holds when `expected` is a part of `actual`. */
export const assertStringIncludes: (actual: string, expected: string, msg?: string) => void = std.assertStringIncludes;
/** Holds when `actual` matches. */
export const assertMatch: (actual: string, expected: RegExp, msg?: string) => void = std.assertMatch;
/** Holds when `actual` does not match. */
export const assertNotMatch: (actual: string, expected: RegExp, msg?: string) => void = std.assertNotMatch;
/** Holds when every value of `expected` is in `actual`. */
export const assertArrayIncludes: <T>(actual: ArrayLike<T>, expected: ArrayLike<T>, msg?: string) => void =
  std.assertArrayIncludes;
/** Holds when `actual` has all of `expected`'s properties. */
export const assertObjectMatch: (
  // deno-lint-ignore no-explicit-any
  actual: Record<PropertyKey, any>,
  expected: Record<PropertyKey, unknown>,
  msg?: string,
) => void = std.assertObjectMatch;

/** Types of {@link assertThrows}. */
interface AssertThrows {
  (fn: () => unknown, msg?: string): unknown;
  <E extends Error = Error>(fn: () => unknown, ErrorClass: Class<E>, msgIncludes?: string, msg?: string): E;
}
/** Holds when `fn` throws, and gives what it threw. */
export const assertThrows: AssertThrows = std.assertThrows;

/** Types of {@link assertRejects}. */
interface AssertRejects {
  (fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
  <E extends Error = Error>(
    fn: () => PromiseLike<unknown>,
    ErrorClass: Class<E>,
    msgIncludes?: string,
    msg?: string,
  ): Promise<E>;
}
/** Holds when the promise that `fn` gives rejects, and gives the reason. */
export const assertRejects: AssertRejects = std.assertRejects;
