/** Small runtime checks for JSON that crosses a process: a decoder returns the typed value or throws DecodeError. */

export class DecodeError extends Error {
  constructor(path: string, wanted: string) {
    super(`answer of the API at ${path || "the top"}: expected ${wanted}`);
    this.name = "DecodeError";
  }
}

export type Decoder<T> = (value: unknown, path: string) => T;
export type Decoded<D> = D extends Decoder<infer T> ? T : never;

export const text: Decoder<string> = (value, path) => {
  if (typeof value !== "string") throw new DecodeError(path, "a string");
  return value;
};

export const number: Decoder<number> = (value, path) => {
  if (typeof value !== "number" || !Number.isFinite(value)) throw new DecodeError(path, "a number");
  return value;
};

export function oneOf<const T extends string>(...words: readonly T[]): Decoder<T> {
  return (value, path) => {
    const found = words.find((word) => word === value);
    if (found === undefined) throw new DecodeError(path, `one of ${words.join(", ")}`);
    return found;
  };
}

/** Absent and null are the same. */
export function optional<T>(inner: Decoder<T>): Decoder<T | null> {
  return (value, path) => (value === null || value === undefined ? null : inner(value, path));
}

export function list<T>(inner: Decoder<T>): Decoder<readonly T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) throw new DecodeError(path, "a list");
    return value.map((item, index) => inner(item, `${path}[${index}]`));
  };
}

type Fields = Record<string, Decoder<unknown>>;
type Shape<F extends Fields> = { readonly [K in keyof F]: Decoded<F[K]> };

/** Fields that are not named here are dropped, so that nothing unexpected reaches a browser. */
export function object<F extends Fields>(fields: F): Decoder<Shape<F>> {
  return (value, path) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw new DecodeError(path, "an object");
    const source = value as Record<string, unknown>;
    const entries = Object.entries(fields).map(([name, decode]) => [name, decode(source[name], path ? `${path}.${name}` : name)]);
    return Object.fromEntries(entries) as Shape<F>;
  };
}

export function both<A, B>(first: Decoder<A>, second: Decoder<B>): Decoder<A & B> {
  return (value, path) => ({ ...first(value, path), ...second(value, path) });
}
