/**
 * Reads the expressions that the rows of the elementwise table print: names, literals, calls, and `+ - * /` and
 * comparisons between them. WebAssembly has no infix operators, so what is read is printed again as its instructions.
 *
 * @module
 */

/** An expression as a tree. */
export type Tree =
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "name"; readonly name: string }
  /** A function, or an operator by its sign; `neg` is the minus before an operand. */
  | { readonly kind: "call"; readonly name: string; readonly args: readonly Tree[] };

/** How tightly operators bind. */
const BINDING: Readonly<Record<string, number>> = {
  ...{ "<": 1, ">": 1, "<=": 1, ">=": 1, "==": 1, "!=": 1 },
  ...{ "+": 2, "-": 2, "*": 3, "/": 3 },
};

const TOKEN = /\s*(\d+(?:\.\d*)?(?:e[-+]?\d+)?|[A-Za-z_$][\w$]*|[<>=!]=|[-+*/<>(),])/y;

/** The tree of a source. Throws SyntaxError where it is none. */
export function readInfix(source: string): Tree {
  const tokens = tokensOf(source);
  let at = 0;
  const fail = (): never => {
    throw new SyntaxError(`Cannot read ${source}: ${tokens[at] ?? "the end"} is not expected`);
  };
  const take = (token: string): void => void (tokens[at] === token ? at++ : fail());
  const operand = (): Tree => {
    const token = tokens[at++];
    if (token === "-") return { kind: "call", name: "neg", args: [operand()] };
    if (token === "(") {
      const inner = expression(0);
      take(")");
      return inner;
    }
    if (/^\d/.test(token ?? "")) return { kind: "number", value: Number(token) };
    if (!/^[A-Za-z_$]/.test(token ?? "")) {
      at--;
      return fail();
    }
    if (token === "Infinity" || token === "NaN") return { kind: "number", value: Number(token) };
    if (tokens[at] !== "(") return { kind: "name", name: token };
    const args: Tree[] = [];
    at++;
    while (tokens[at] !== ")") {
      if (args.length > 0) take(",");
      args.push(expression(0));
    }
    at++;
    return { kind: "call", name: token, args };
  };
  const expression = (least: number): Tree => {
    let left = operand();
    while (BINDING[tokens[at]] > least) {
      const sign = tokens[at++];
      left = { kind: "call", name: sign, args: [left, expression(BINDING[sign])] };
    }
    return left;
  };
  const tree = expression(0);
  if (at < tokens.length) fail();
  return tree;
}

function tokensOf(source: string): string[] {
  const tokens: string[] = [];
  for (let at = 0; at < source.trimEnd().length; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(source);
    if (!found) throw new SyntaxError(`Cannot read ${source} from ${source.slice(at)} on`);
    tokens.push(found[1]);
  }
  return tokens;
}

/** Names that a tree uses. */
export function namesIn(tree: Tree): string[] {
  if (tree.kind === "name") return [tree.name];
  return tree.kind === "call" ? tree.args.flatMap(namesIn) : [];
}
