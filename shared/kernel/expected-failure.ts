/**
 * Something that can go wrong without anybody's bug: Redis away, a setting that is not right, a port
 * in use. Its message is a sentence for people and is shown without a stack; anything else is a bug.
 */
export class ExpectedFailure extends Error {
  override readonly name: string = 'ExpectedFailure';
}
