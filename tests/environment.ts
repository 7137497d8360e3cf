/**
 * Variables of the environment for one test file alone: the files of `deno test --parallel` are threads of one process,
 * and what one of them sets all others see.
 *
 * @module
 */

/**
 * Gives this thread variables of its own, until it is disposed of.
 *
 * @param variables Their values; undefined where one is not set.
 */
export function withVariables(variables: Readonly<Record<string, string | undefined>>): Disposable {
  const { get } = Deno.env;
  Object.assign(Deno.env, { get: (name: string) => name in variables ? variables[name] : get(name) });
  return { [Symbol.dispose]: () => void Object.assign(Deno.env, { get }) };
}
