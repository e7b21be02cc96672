/** Where a document stands, kept for the owner that comes after this one. */
import type { Checkpoint, DocumentSource, KeptCookie } from '../../shared/domain/call.ts';

/** That none of its verbs runs yet. */
export const NOT_BEGUN = -1;

/** A document that was decided on, by what the document before it or somebody outside said, and is yet to be fetched. */
export function decidedOn(
  document: DocumentSource,
  fields: Readonly<Record<string, string>>,
  cookies: readonly KeptCookie[],
): Checkpoint {
  const isBare = Object.keys(fields).length === 0;
  return { ...checkpoint(document, NOT_BEGUN, cookies), ...(isBare ? {} : { fields }) };
}

/** The verb about to run. User variables are none until a verb can set them. */
export function checkpoint(document: DocumentSource, verb: number, cookies: readonly KeptCookie[]): Checkpoint {
  return { document, verb, variables: {}, ...(cookies.length === 0 ? {} : { cookies }) };
}
