/** Work that may take long, and so can rest: each `yield` is a place for that. */
export type Work<T> = Generator<undefined, T, undefined>;
