import { assertEquals } from "@std/assert";
import { arenaSides, type Tenant } from "../../src/graph/passes/arenas.ts";

/** Tenants of some bytes and steps by their names: `ab>c` reads a and b and writes c. */
function sides(bytes: Readonly<Record<string, number>>, steps: readonly string[]): string {
  const tenants = new Map(Object.entries(bytes).map(([name, bytes]): [string, Tenant] => [name, { bytes }]));
  const of = (names: string) => [...names].map((name) => tenants.get(name)!);
  const found = arenaSides(steps.map((step) => {
    const [reads, writes] = step.split(">");
    return { reads: of(reads), writes: of(writes) };
  }));
  return [...tenants].map(([name, tenant]) => `${name}${found.get(tenant)}`).join(" ");
}

Deno.test("arenaSides() alternates along a chain", () => {
  assertEquals(sides({ a: 4, b: 4, c: 4, d: 4 }, [">a", "a>b", "b>c", "c>d"]), "a0 b1 c0 d1");
});

Deno.test("arenaSides() keeps the larger operand apart where not all can be", () => {
  // Of three tenants that meet in pairs two share an arena: those between which the fewest bytes are read.
  assertEquals(sides({ a: 16, b: 4, c: 4 }, [">a", "a>b", "ab>c"]), "a0 b1 c1");
});

Deno.test("arenaSides() moves what an early step placed where later steps read more", () => {
  assertEquals(sides({ a: 4, b: 4, c: 64, d: 64 }, ["ab>c", "c>d", "d>a", "d>b", "a>c"]), "a0 b0 c0 d1");
});

Deno.test("arenaSides() takes what is written in place for itself alone", () => {
  assertEquals(sides({ a: 4, b: 4 }, [">a", "ab>a", "a>b"]), "a0 b1");
});
