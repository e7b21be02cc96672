/** Where a document stands, kept for the owner that comes after this one. */
import type { Checkpoint, DocumentSource, KeptCookie } from '../../shared/domain/call.ts';

/** The verb about to run. User variables are none until a verb can set them. */
export function checkpoint(document: DocumentSource, verb: number, cookies: readonly KeptCookie[]): Checkpoint {
  return { document, verb, variables: {}, ...(cookies.length === 0 ? {} : { cookies }) };
}
