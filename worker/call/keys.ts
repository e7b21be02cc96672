/** The keys the far party presses, for verbs that listen. Nothing is kept: who does not listen misses them. */
export class Keys {
  readonly #listeners = new Set<(key: string) => void>();

  press(key: string): void {
    for (const listener of [...this.#listeners]) listener(key);
  }

  /** Answers with the remover. */
  listen(listener: (key: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
