/**
 * Whoever opens a resource pushes its closer at that moment; closing runs them last in,
 * first out, once, and collects what failed instead of stopping at it.
 */
type Closer = () => void | Promise<void>;

export class Closers {
  #closers: Closer[] = [];
  #closing: Promise<readonly unknown[]> | null = null;

  /** Adds a closer. After `close` has begun it runs at once, so nothing opened late leaks. */
  push(closer: Closer): void {
    if (this.#closing) {
      this.#closing = this.#closing.then(async (errors) => [...errors, ...(await run(closer))]);
    } else {
      this.#closers.push(closer);
    }
  }

  /** Runs every closer once. Idempotent; answers with the errors, oldest first. */
  close(): Promise<readonly unknown[]> {
    this.#closing ??= this.#runAll();
    return this.#closing;
  }

  async #runAll(): Promise<readonly unknown[]> {
    const errors: unknown[] = [];
    for (let closer = this.#closers.pop(); closer; closer = this.#closers.pop()) {
      errors.push(...(await run(closer)));
    }
    return errors;
  }
}

async function run(closer: Closer): Promise<unknown[]> {
  try {
    await closer();
    return [];
  } catch (error) {
    return [error];
  }
}
